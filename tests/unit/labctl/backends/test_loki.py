"""Reading Loki's answers, recorded from Loki 3.7.8, and reading whole ranges of it."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.backends.errors import QueryRefused
from labctl.backends.http import Session
from labctl.backends.lines import LogLine, levels_from
from labctl.backends.loki import Direction, Loki, Window
from labctl.backends.tail import Tail
from labkit.errors import CannotTell

Recorded = Callable[[str], str]
WINDOW = Window(0, 10**19)


class StoredLoki(Loki):
    """A Loki that answers log queries from ``stored``, as the server does: inclusive start, exclusive end."""

    def __init__(self, stored: list[LogLine], biggest_page: int = 5000) -> None:
        super().__init__(Session("http://lab.test"))
        self.stored = stored
        self.biggest_page = biggest_page
        self.asked = 0

    def query_range(
        self,
        query: str,  # noqa: ARG002 - as the real one
        window: Window,
        *,
        limit: int = 100,
        direction: Direction = "backward",  # noqa: ARG002
    ) -> list[LogLine]:
        """The first ``limit`` lines of the window, oldest first."""
        self.asked += 1
        inside = [line for line in self.stored if window.start_ns <= line.timestamp_ns < window.end_ns]
        return sorted(inside, key=lambda line: line.timestamp_ns)[: min(limit, self.biggest_page)]


def line(timestamp_ns: int, body: str) -> LogLine:
    """A line of service a."""
    return LogLine(timestamp_ns, body, {"service_name": "a"})


def test_labels_and_structured_metadata_are_kept_apart(session: Session, network: Any, recorded: Recorded) -> None:
    """The index labels, the structured metadata and what LogQL parsed each have their place."""
    network.answer(recorded("loki_lines.json"))
    lines = Loki(session).query_range('{service_name="orders"}', WINDOW)
    assert [found.timestamp_ns for found in lines] == sorted((found.timestamp_ns for found in lines), reverse=True)
    order = next(found for found in lines if found.service == "orders")
    assert set(order.labels) == {"deployment_environment_name", "service_name"}
    assert order.metadata["currency"] == "EUR"
    assert order.body == "order.placed"
    assert order.level == "info"
    assert len(order.trace_id) == 32
    assert order.correlation_id
    assert network.asked[0].headers["X-Loki-Response-Encoding-Flags"] == "categorize-labels"


def test_a_metric_answer_becomes_series(session: Session, network: Any, recorded: Recorded) -> None:
    """Counts by service and level."""
    network.answer(recorded("loki_vector.json"))
    series = Loki(session).query("sum by (service_name) (count_over_time({a=~`.+`}[1h]))")
    assert sum(one.samples[-1].value for one in series) == 201


def test_a_metric_query_is_refused_where_lines_are_wanted(session: Session, network: Any) -> None:
    """A matrix has no lines; it is not an empty result."""
    network.answer('{"status": "success", "data": {"resultType": "matrix", "result": []}}')
    with pytest.raises(QueryRefused, match="metric query"):
        Loki(session).query_range("sum(...)", WINDOW)


def test_bad_logql_repeats_what_loki_says(session: Session, network: Any, recorded: Recorded) -> None:
    """Loki explains in plain text; the message keeps it and the hint shows how LogQL looks."""
    network.answer(recorded("loki_refused.txt"), 400)
    with pytest.raises(QueryRefused, match="Loki refused the query: parse error at line 1, col 5") as caught:
        Loki(session).query_range("{foo", WINDOW)
    assert "service_name" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_missing_path_is_not_an_empty_answer(session: Session, network: Any) -> None:
    """A 404 on Loki's path means that this is no Loki: cannot tell."""
    network.answer("404 page not found", 404)
    with pytest.raises(CannotTell):
        Loki(session).labels()


def test_label_values_are_read(session: Session, network: Any, recorded: Recorded) -> None:
    """Names of services that have logged."""
    network.answer(recorded("loki_label_values.json"))
    assert Loki(session).label_values("service_name") == ["catalog", "orders", "payments", "storefront"]


def test_times_are_sent_as_nanoseconds(session: Session, network: Any) -> None:
    """Loki takes integers as Unix nanoseconds."""
    network.answer('{"status": "success", "data": {"resultType": "streams", "result": []}}')
    Loki(session).query_range("{a=`b`}", Window(1, 2), limit=3, direction="forward")
    query = parse_qs(urlsplit(str(network.asked[0].url)).query)
    assert {name: query[name][0] for name in ("start", "end", "limit", "direction")} == {
        "start": "1",
        "end": "2",
        "limit": "3",
        "direction": "forward",
    }


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 12))
def test_pages_neither_lose_nor_repeat_a_line(times: list[int], page_lines: int) -> None:
    """Whatever shares a nanosecond with the edge of a page, every line comes exactly once, oldest first."""
    stored = [line(time_ns, f"line {number}") for number, time_ns in enumerate(times)]
    pages = list(StoredLoki(stored).pages("{}", WINDOW, page_lines=page_lines))
    found = [one for page in pages for one in page]
    assert sorted(one.body for one in found) == sorted(one.body for one in stored)
    assert [one.timestamp_ns for one in found] == sorted(times)


def test_more_lines_in_one_nanosecond_than_loki_returns_is_said() -> None:
    """Losing lines silently is worse than stopping."""
    stored = [line(7, f"line {number}") for number in range(6000)]
    with pytest.raises(CannotTell, match="share one nanosecond"):
        list(StoredLoki(stored).pages("{}", WINDOW))


def test_a_tail_returns_late_lines_and_each_line_once() -> None:
    """A line that arrives after a newer one is not missed, and none comes twice."""
    second = 1_000_000_000
    loki = StoredLoki([line(10 * second, "first")])
    now = [11 * second]
    tail = Tail(loki, "{}", start_ns=10 * second, now_ns=lambda: now[0])
    assert [one.body for one in tail.poll()] == ["first"]
    now[0] = 13 * second
    loki.stored.append(line(12 * second, "newer"))
    assert [one.body for one in tail.poll()] == ["newer"]
    loki.stored.append(line(11 * second, "late"))
    assert [one.body for one in tail.poll()] == ["late"]
    assert tail.poll() == []


def test_a_tail_forgets_what_can_no_longer_come_twice() -> None:
    """Memory does not grow with the time a tail runs."""
    second = 1_000_000_000
    loki, now = StoredLoki([]), [0]
    tail = Tail(loki, "{}", start_ns=0, now_ns=lambda: now[0])
    for tick in range(100):
        loki.stored.append(line(tick * second, f"line {tick}"))
        now[0] = tick * second
        tail.poll()
    assert len(tail._seen) < 10


def test_a_tail_goes_on_after_an_outage_without_a_hole() -> None:
    """A poll that failed is asked again for the same range."""
    second, now = 1_000_000_000, [0]
    loki = StoredLoki([])
    tail = Tail(loki, "{}", start_ns=0, now_ns=lambda: now[0])
    tail.poll()
    loki.query_range = _refuse  # type: ignore[method-assign]
    now[0] = 30 * second
    with pytest.raises(CannotTell):
        tail.poll()
    del loki.query_range
    loki.stored.append(line(2 * second, "during the outage"))
    now[0] = 60 * second
    assert [one.body for one in tail.poll()] == ["during the outage"]


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("WARN", "warning"),
        ("WARNING", "warning"),
        ("ERROR", "error"),
        ("FATAL", "critical"),
        ("", "unknown"),
        ("?", "unknown"),
    ],
)
def test_levels_have_one_spelling(said: str, level: str) -> None:
    """Python, OpenTelemetry and Loki spell levels differently."""
    assert LogLine(0, "", metadata={"severity_text": said}).level == level


def test_a_level_includes_the_more_severe_ones() -> None:
    """--level warning shows errors too, and no information."""
    assert {"warn", "warning", "error", "critical", "fatal"} <= set(levels_from("WARN"))
    assert "info" not in levels_from("warning")


def test_recorded_answers_are_real_json(recorded: Recorded) -> None:
    """The fixtures are what the server sent, not what we would like it to send."""
    assert json.loads(recorded("loki_lines.json"))["data"]["encodingFlags"] == ["categorize-labels"]


def _refuse(*_: object, **__: object) -> list[LogLine]:
    raise CannotTell("Loki is away")
