"""The critical path, by example and by property."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from labctl.backends.spans import Span, Trace
from labctl.traces.critical_path import critical_path, gaps
from labctl.traces.tree import TraceTree

MS = 1_000_000


def span(span_id: str, parent_id: str, start_ns: int, end_ns: int) -> Span:
    """A span of which only place and time matter."""
    return Span("t" * 32, span_id, parent_id, span_id, "internal", "s", start_ns, end_ns)


def tree_of(*spans: Span) -> TraceTree:
    """The tree of a trace with these spans."""
    return TraceTree.of(Trace("t" * 32, tuple(sorted(spans, key=lambda one: one.start_ns))))


def path_of(*spans: Span) -> list[tuple[str, int, int]]:
    """The critical path as (span, start, end)."""
    return [(part.span_id, part.start_ns, part.end_ns) for part in critical_path(tree_of(*spans))]


def test_a_lone_span_is_its_own_critical_path() -> None:
    """Nothing else can be waited for."""
    assert path_of(span("root", "", 0, 10)) == [("root", 0, 10)]


def test_children_one_after_the_other_are_all_on_the_path() -> None:
    """The parent waits for each, and works by itself in between."""
    found = path_of(span("root", "", 0, 100), span("a", "root", 10, 40), span("b", "root", 50, 90))
    assert found == [("root", 0, 10), ("a", 10, 40), ("root", 40, 50), ("b", 50, 90), ("root", 90, 100)]


def test_of_parallel_children_only_the_last_to_finish_is_waited_for() -> None:
    """Making the shorter one faster would not make the trace shorter."""
    found = path_of(span("root", "", 0, 100), span("short", "root", 10, 60), span("long", "root", 10, 90))
    assert found == [("root", 0, 10), ("long", 10, 90), ("root", 90, 100)]


def test_a_child_that_ended_before_the_last_one_began_counts() -> None:
    """Overlapped siblings do not; the one before the overlap does."""
    found = path_of(
        span("root", "", 0, 100),
        span("first", "root", 0, 30),
        span("overlapped", "root", 20, 60),
        span("last", "root", 40, 100),
    )
    assert found == [("first", 0, 30), ("root", 30, 40), ("last", 40, 100)]


def test_children_that_touch_leave_no_gap() -> None:
    """One ends in the very nanosecond in which the next begins."""
    found = path_of(span("root", "", 0, 20), span("a", "root", 0, 10), span("b", "root", 10, 20))
    assert found == [("a", 0, 10), ("b", 10, 20)]


def test_a_child_that_outlives_its_parent_is_clipped() -> None:
    """Asynchronous work after the answer is not what the answer waited for."""
    found = path_of(span("root", "", 0, 50), span("async", "root", 40, 500))
    assert found == [("root", 0, 40), ("async", 40, 50)]


def test_a_child_outside_its_parent_is_not_on_the_path() -> None:
    """A consumer that runs later, or a clock that is wrong."""
    assert path_of(span("root", "", 0, 50), span("later", "root", 60, 90)) == [("root", 0, 50)]


def test_grandchildren_are_followed() -> None:
    """The path goes down to whoever really worked."""
    found = path_of(span("root", "", 0, 30), span("call", "root", 5, 25), span("work", "call", 10, 20))
    assert found == [("root", 0, 5), ("call", 5, 10), ("work", 10, 20), ("call", 20, 25), ("root", 25, 30)]


def test_a_very_deep_trace_does_not_exhaust_the_stack() -> None:
    """A chain of 5,000 spans, as a runaway recursion makes it."""
    chain = [span(f"s{depth}", f"s{depth - 1}" if depth else "", depth, 20_000 - depth) for depth in range(5000)]
    tree = tree_of(*chain)
    assert sum(part.duration_ns for part in critical_path(tree)) == 20_000
    assert sum(1 for _ in tree.rows()) == 5000


def test_a_gap_is_time_of_a_span_with_children_that_no_child_explains() -> None:
    """A leaf works; a parent that does so for long lacks a span."""
    tree = tree_of(span("root", "", 0, 100 * MS), span("a", "root", 0, 20 * MS), span("b", "root", 80 * MS, 99 * MS))
    found = gaps(tree, critical_path(tree))
    assert [(gap.span_id, gap.start_ns, gap.end_ns) for gap in found] == [("root", 20 * MS, 80 * MS)]


@st.composite
def traces(draw: st.DrawFn) -> TraceTree:
    """Trees of up to 30 spans with any times, also outside of their parents."""
    count = draw(st.integers(1, 30))
    spans = []
    for number in range(count):
        parent = f"s{draw(st.integers(0, number - 1))}" if number else ""
        start = draw(st.integers(0, 100))
        spans.append(span(f"s{number}", parent, start, start + draw(st.integers(0, 100))))
    return tree_of(*spans)


@given(traces())
def test_the_path_covers_the_root_exactly_once(tree: TraceTree) -> None:
    """Sections follow each other without hole or overlap, from the root's start to its end."""
    root, path = tree.roots[0], critical_path(tree)
    assert sum(part.duration_ns for part in path) == root.duration_ns
    if path:
        assert (path[0].start_ns, path[-1].end_ns) == (root.start_ns, root.start_ns + root.duration_ns)
        assert all(one.end_ns == following.start_ns for one, following in pairwise(path))


@given(traces())
def test_every_section_lies_within_its_span(tree: TraceTree) -> None:
    """Nobody is waited for while not running."""
    by_id = {one.span_id: one for one in tree.trace.spans}
    for part in critical_path(tree):
        owner = by_id[part.span_id]
        assert part.duration_ns > 0
        assert owner.start_ns <= part.start_ns < part.end_ns <= owner.start_ns + owner.duration_ns


@given(traces())
def test_shortening_what_is_not_on_the_path_does_not_change_the_path(tree: TraceTree) -> None:
    """That is what makes a path critical: a leaf beside it may be free."""
    path = critical_path(tree)
    on_path = {part.span_id for part in path}
    kept = [one for one in tree.trace.spans if one.span_id in on_path or tree.children_of(one) or not one.parent_id]
    assert critical_path(tree_of(*kept)) == path


@given(traces())
def test_every_span_is_one_row_after_its_parent(tree: TraceTree) -> None:
    """Reading order: all spans, none twice, parents first."""
    rows = list(tree.rows())
    order = {row.span.span_id: position for position, row in enumerate(rows)}
    assert sorted(order) == sorted(one.span_id for one in tree.trace.spans)
    assert len(rows) == len(order)
    for row in rows:
        if row.span.parent_id in order:
            assert order[row.span.parent_id] < order[row.span.span_id]
