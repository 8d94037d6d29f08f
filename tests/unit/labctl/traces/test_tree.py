"""Trees of broken traces."""

import pytest

from labctl.backends.spans import Span, Trace
from labctl.traces.report import error_text, trace_report
from labctl.traces.tree import TraceTree


def span(span_id: str, parent_id: str, start_ns: int = 0, **more: object) -> Span:
    """A span of 10 ns."""
    return Span("t" * 32, span_id, parent_id, span_id, "internal", "s", start_ns, start_ns + 10, **more)  # type: ignore[arg-type]


def rows_of(*spans: Span) -> list[tuple[str, int, bool]]:
    """Rows as (span, depth, is orphan)."""
    return [(row.span.span_id, row.depth, row.is_orphan) for row in TraceTree.of(Trace("t" * 32, spans)).rows()]


def test_a_span_without_its_parent_is_shown_as_an_orphan() -> None:
    """What arrived is shown, with what is missing."""
    assert rows_of(span("root", ""), span("lost", "never-arrived", 1)) == [("root", 0, False), ("lost", 0, True)]


def test_the_true_root_comes_first_even_if_an_orphan_began_earlier() -> None:
    """The critical path starts at the root that has no parent."""
    assert rows_of(span("orphan", "gone", 0), span("root", "", 5))[0][0] == "root"


@pytest.mark.parametrize(
    "spans", [[span("a", "a")], [span("a", "b"), span("b", "a", 1)], [span("r", ""), span("a", "b"), span("b", "a", 1)]]
)
def test_a_cycle_of_parents_loses_no_span(spans: list[Span]) -> None:
    """Hostile or damaged data ends, and every span is shown once."""
    assert sorted(name for name, _, _ in rows_of(*spans)) == sorted(one.span_id for one in spans)


def test_guides_say_where_a_line_goes_on() -> None:
    """The first of two children has a sibling below, the second has none."""
    trace = Trace("t" * 32, (span("root", ""), span("a", "root", 1), span("b", "root", 2)))
    assert [row.guides for row in TraceTree.of(trace).rows()] == [(), (True,), (False,)]


def test_the_report_adds_up() -> None:
    """What services waited is the duration of the root, and JSON repeats it."""
    trace = Trace("t" * 32, (span("root", ""), span("a", "root", 1)))
    report = trace_report(TraceTree.of(trace))
    assert sum(report.waited_ns(one.span_id) for one in trace.spans) == 10
    assert report.as_json()["trace_id"] == "t" * 32


def test_a_trace_without_duration_is_no_division_by_zero() -> None:
    """Clocks may be coarse."""
    point = Span("t" * 32, "a", "", "a", "internal", "s", 5, 5)
    report = trace_report(TraceTree.of(Trace("t" * 32, (point,))))
    assert report.share(0) == 0.0
    assert report.path == ()


def test_the_text_of_an_error_is_the_most_telling_one() -> None:
    """The status message, else the exception, else the error type."""
    from labctl.backends.spans import SpanEvent

    event = SpanEvent("exception", 0, {"exception.type": "E", "exception.message": "m"})
    assert error_text(span("a", "", status_message="said", events=(event,))) == "said"
    assert error_text(span("a", "", events=(event,))) == "E: m"
    assert error_text(span("a", "", attributes={"error.type": "500"})) == "500"
