"""`lab traces` and `lab open`: exit codes, JSON, and a tree that is safe to print."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from labctl.backends import Backends
from labctl.backends.errors import BackendUnavailable, NotFound
from labctl.backends.jaeger import checked_trace_id
from labctl.backends.spans import Span, SpanEvent, Trace
from labctl.cli import traces
from labctl.cli.app import main

Run = Callable[..., tuple[int, str, str]]
ID = "ab" * 16
HOSTILE = "\x1b[31mred [bold]x[/]\nsecond"
MS = 1_000_000


def some_trace() -> Trace:
    """A request that calls one service, which fails, and leaves half of its time unexplained."""
    event = SpanEvent("exception", 20 * MS, {"exception.type": "Declined", "exception.message": HOSTILE})
    return Trace(
        ID,
        (
            Span(ID, "a" * 16, "", "GET /", "server", "storefront", 0, 100 * MS),
            Span(ID, "b" * 16, "a" * 16, HOSTILE, "client", HOSTILE, 10 * MS, 40 * MS, True, "", {}, {}, (event,)),
        ),
    )


class FakeJaeger:
    """Jaeger with one trace."""

    problem: Exception | None = None

    def services(self) -> list[str]:
        """Names of services."""
        if self.problem:
            raise self.problem
        return ["storefront"]

    def find(self, _query: object) -> list[Trace]:
        """The trace."""
        return [some_trace()]

    def trace(self, trace_id: str) -> Trace:
        """The trace, or what the real client raises."""
        wanted = checked_trace_id(trace_id)
        if self.problem:
            raise self.problem
        if wanted != ID:
            raise NotFound(f"Jaeger has no trace {wanted}.")
        return some_trace()


@pytest.fixture
def jaeger(monkeypatch: pytest.MonkeyPatch) -> FakeJaeger:
    """Every command asks this Jaeger."""
    fake = FakeJaeger()
    backends = Backends(cast(Any, None), cast(Any, fake), cast(Any, None), cast(Any, None))
    monkeypatch.setattr(traces, "ask_lab", lambda: (None, backends))
    return fake


@pytest.fixture
def run(jaeger: FakeJaeger, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; its exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "140")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


def test_the_tree_shows_durations_errors_gaps_and_the_critical_path(run: Run) -> None:
    """One look says what was slow and what failed."""
    code, out, _ = run("traces", "show", ID)
    assert code == 0
    assert "100 ms · 2 spans · 2 services · 1 with an error" in out
    assert "● storefront GET / server" in out
    assert "└─ ✗ ●" in out
    assert "✗ Declined: " in out
    assert "gap: from 40.0 ms on, 60.0 ms" in out
    assert "critical path (what the answer waited for): storefront 70.0 ms (70%)" in out


def test_hostile_names_cannot_command_the_terminal(run: Run) -> None:
    """Control characters are shown, markup is not obeyed, and no name makes a line of its own."""
    _, out, _ = run("traces", "show", ID)
    assert "\x1b" not in out
    assert "\\u001b[31mred [bold]x[/]\\nsecond" in out


def test_a_narrow_terminal_gets_no_time_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names matter more."""
    monkeypatch.setenv("COLUMNS", "80")
    assert "█" not in run("traces", "show", ID)[1]


def test_json_has_the_path_in_milliseconds(run: Run) -> None:
    """For programs: spans, path and gaps."""
    found = json.loads(run("traces", "show", ID, "--json")[1])
    assert [part["duration_ms"] for part in found["critical_path"]] == [10, 30, 60]
    assert found["spans"][1]["critical_ms"] == 30
    assert [gap["start_ms"] for gap in found["gaps"]] == [0, 40]


@pytest.mark.parametrize(("trace_id", "code"), [("zz", 2), ("1", 1)], ids=["invalid", "unknown"])
def test_a_wrong_id_is_usage_and_an_unknown_one_a_failure(run: Run, trace_id: str, code: int) -> None:
    """Exit codes 2 and 1."""
    found, _, err = run("traces", "show", trace_id)
    assert found == code
    assert err.startswith("error")


@pytest.mark.parametrize("arguments", [["list"], ["show", ID]], ids=["list", "show"])
def test_jaeger_being_away_is_cannot_tell(run: Run, jaeger: FakeJaeger, arguments: list[str]) -> None:
    """Exit code 3, never an empty list."""
    jaeger.problem = BackendUnavailable("Jaeger", "url", "Jaeger did not answer", "`./lab up`")
    assert run("traces", *arguments)[0] == 3


def test_the_list_names_the_first_span_and_the_next_command(run: Run) -> None:
    """The id is there whole, to be copied."""
    code, out, err = run("traces", "list", "--service", "storefront")
    assert code == 0
    assert ID in out
    assert f"lab traces show {ID}" in err
    assert json.loads(run("traces", "list", "--json")[1])["traces"][0]["errors"] == 1


def test_an_unknown_service_names_those_there_are(run: Run) -> None:
    """A typing mistake is not "no trace"."""
    code, _, err = run("traces", "list", "--service", "storefrnt")
    assert code == 2
    assert "storefront" in err


@pytest.mark.parametrize(
    ("environ", "opened"), [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True)]
)
def test_a_browser_is_opened_only_where_there_is_a_display(
    run: Run, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], opened: bool
) -> None:
    """Elsewhere the address is printed; a text browser never takes over the terminal."""
    calls: list[str] = []

    def remember(url: str) -> bool:
        calls.append(url)
        return True

    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LAB_URL", "http://lab.test")
    monkeypatch.setattr("labctl.cli.open.sys.platform", "linux")
    monkeypatch.setattr("labctl.cli.open.webbrowser.open", remember)
    monkeypatch.setattr("labctl.cli.open.Session.get_json", lambda *_, **__: {})
    code, out, _ = run("open", "traces")
    assert (code, out.strip()) == (0, "http://lab.test/traces")
    assert bool(calls) is opened
