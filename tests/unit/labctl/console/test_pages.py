"""The pages: what they show, also when nothing is well."""

import re
from typing import Any

import pytest

from labctl.backends.errors import BackendUnavailable
from labctl.backends.lab import Component
from labctl.console.status_page import summary

TRACE_ID = "ab" * 16
PAGES = ["/", "/traces", "/logs", f"/traces/{TRACE_ID}", "/fragments/status", "/fragments/logs?after_ns=1", "/nope"]


def away(backend: str) -> BackendUnavailable:
    """A backend that does not answer."""
    return BackendUnavailable(backend, "http://x", f"{backend} at http://x did not answer", "`./lab up`")


def inline_code(page: str) -> list[str]:
    """Scripts without a source, inline styles and event handlers, which the policy would block."""
    return re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|<[^>]+\s(?:style|on[a-z]+)=", page)


def text_of(console: Any, path: str) -> str:
    """The page as text."""
    return str(console.client.get(path).get_data(as_text=True))


@pytest.mark.parametrize("path", PAGES)
def test_hostile_telemetry_is_only_text(console: Any, path: str) -> None:
    """A span name is no markup, and no page has code or style within it."""
    page = text_of(console, path)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\x1b" not in page
    assert not inline_code(page)


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_forbids_foreign_content(console: Any, path: str) -> None:
    """The policy names our own origin only, and allows nothing inline."""
    headers = console.client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES[:4])
def test_a_page_refers_to_no_other_host(console: Any, path: str) -> None:
    """Every address in it is a path of this lab."""
    addresses = re.findall(r'(?:href|src|action|data-source)="([^"]*)"', text_of(console, path))
    assert addresses
    assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in addresses)


def test_the_status_page_shows_every_part_and_where_to_begin(console: Any) -> None:
    """Names, states, latencies and the first steps."""
    page = text_of(console, "/")
    assert "All 3 parts are ready." in page
    assert "answers in 2.00 ms" in page
    assert 'href="/shop"' in page
    assert "./lab logs tail" in page


def test_the_status_page_names_what_is_down(console: Any) -> None:
    """The sentence at the top and the card say it, with the reason."""
    console.board.parts = (
        Component("gateway", "gateway", "ready", "", 1.0),
        Component("loki", "logs", "down", "nobody there"),
    )
    page = text_of(console, "/")
    assert "2 of 3 parts are ready. Down: loki." in page
    assert "nobody there" in page


def test_an_optional_part_that_is_away_is_no_trouble() -> None:
    """Grafana is not part of the native lab."""
    parts = [
        Component("loki", "logs", "ready"),
        Component("grafana", "dashboards", "unknown", "optional, and not there"),
    ]
    assert summary(parts) == "All 1 parts are ready."


def test_a_trace_page_shows_path_errors_attributes_and_lines(console: Any) -> None:
    """Everything to read a trace is on its page."""
    page = text_of(console, f"/traces/{TRACE_ID}")
    assert page.count("<details") == 2
    assert "on the critical path" in page
    assert "✗ error" in page
    assert "&lt;script&gt;" in page
    assert 'class="logs"' in page


def test_a_trace_without_loki_is_still_shown(console: Any) -> None:
    """Only its log lines are missing, and the page says so."""
    console.loki.problem = away("Loki")
    answer = console.client.get(f"/traces/{TRACE_ID}")
    assert answer.status_code == 200
    assert "the trace itself is complete" in answer.get_data(as_text=True)


@pytest.mark.parametrize(("path", "status"), [("/traces/zz", 400), (f"/traces/{'1' * 32}", 404), ("/nope", 404)])
def test_what_is_not_there_is_said_on_a_page(console: Any, path: str, status: int) -> None:
    """A wrong id, an unknown trace, an unknown page."""
    answer = console.client.get(path)
    assert answer.status_code == status
    assert "<h1>" in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/traces", f"/traces/{TRACE_ID}"])
def test_jaeger_being_down_is_said(console: Any, path: str) -> None:
    """503, with the message and what to do; the form stays."""
    console.jaeger.problem = away("Jaeger")
    answer = console.client.get(path)
    assert answer.status_code == 503
    assert "Jaeger at http://x did not answer" in answer.get_data(as_text=True)
    assert "./lab up" in answer.get_data(as_text=True)


def test_loki_being_down_is_said(console: Any) -> None:
    """503 and the form, never an empty table."""
    console.loki.problem = away("Loki")
    answer = console.client.get("/logs?query=declined")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 503
    assert "Loki cannot be asked" in page
    assert 'value="declined"' in page
    assert "No line matches" not in page


def test_no_match_is_said(console: Any) -> None:
    """An empty answer is told from no answer."""
    console.loki.lines, console.jaeger.traces = [], []
    assert "No line matches" in text_of(console, "/logs")
    assert "No trace matches" in text_of(console, "/traces")


@pytest.mark.parametrize(
    "path",
    [
        "/traces?since=yesterday",
        "/traces?min_duration=fast",
        "/traces?limit=9999",
        "/logs?since=x",
        "/logs?level=loud",
        "/logs?limit=x",
    ],
)
def test_a_wrong_field_is_named_and_kept(console: Any, path: str) -> None:
    """400; what was typed is still in the form, to be mended."""
    answer = console.client.get(path)
    assert answer.status_code == 400
    assert path.partition("=")[2] in answer.get_data(as_text=True)


def test_the_log_form_becomes_one_query(console: Any) -> None:
    """Words, service and level together."""
    console.client.get("/logs?query=order_id=1&service=orders&level=error")
    assert 'order_id="1"' in console.loki.asked[0]
    assert 'service_name="orders"' in console.loki.asked[0]
    assert "severity_text" in console.loki.asked[0]


def test_rows_for_the_live_view_carry_keys_and_where_to_go_on(console: Any) -> None:
    """The page tells known rows from new ones by their key."""
    rows = text_of(console, "/fragments/logs?after_ns=1")
    assert re.search(r'data-after="\d{19}"', rows)
    assert re.search(r'data-key="[0-9a-f]{16}"', rows)


@pytest.mark.parametrize("after", ["", "x", "-1", "1" * 30, "1.5"])
def test_the_live_view_takes_only_a_time(console: Any, after: str) -> None:
    """Anything else is refused."""
    assert console.client.get(f"/fragments/logs?after_ns={after}").status_code == 400


def test_the_console_answers_for_itself(console: Any) -> None:
    """Its health says nothing about the lab."""
    assert console.client.get("/healthz").get_json() == {"status": "ok"}


def test_a_defect_is_one_sentence_and_not_a_traceback(console: Any) -> None:
    """Details are for the log."""
    console.jaeger.problem = RuntimeError("internal detail")
    answer = console.client.get("/traces")
    assert answer.status_code == 500
    assert "internal detail" not in answer.get_data(as_text=True)
