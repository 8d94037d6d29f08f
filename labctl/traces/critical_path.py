"""Which work made the trace as long as it was.

The critical path of a root span covers its whole duration, each moment by exactly one span: the deepest one whose end
the answer was waiting for. Found backwards as in Jaeger's UI: from the end of a span, go to the child that finished
last; before that child began, to the child that had finished last by then; what no such child covers is the span's
own. A child that was overlapped by the one waited for did not delay anything and is not on the path. Children are
clipped to their parent, so that asynchronous work which outlives it does not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from labctl.backends.spans import NS_PER_MS, Span
from labctl.traces.tree import TraceTree

# A gap worth a line of output: a twentieth of the trace, and long enough not to be measuring noise.
MIN_GAP_SHARE = 0.05
MIN_GAP_NS = 1 * NS_PER_MS


@dataclass(frozen=True)
class Section:
    """A stretch of the critical path: from ``start_ns`` to ``end_ns`` the trace waited for ``span_id`` itself."""

    span_id: str
    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """Always positive."""
        return self.end_ns - self.start_ns


@dataclass
class _Frame:
    span: Span
    start_ns: int
    cursor_ns: int
    children: Iterator[tuple[int, int, Span]]


def critical_path(tree: TraceTree) -> tuple[Section, ...]:
    """The sections in order of time; together they are exactly the duration of the tree's first root."""
    root, sections = tree.roots[0], list[Section]()
    stack = [_frame(tree, root, root.start_ns, root.start_ns + root.duration_ns)]
    while stack:  # not recursive: a trace may be thousands of spans deep
        frame = stack[-1]
        child = next((found for found in frame.children if found[1] <= frame.cursor_ns), None)
        begin_ns = frame.start_ns if child is None else child[1]
        if begin_ns < frame.cursor_ns:
            sections.append(Section(frame.span.span_id, begin_ns, frame.cursor_ns))
        if child is None:
            stack.pop()
            continue
        frame.cursor_ns = child[0]
        stack.append(_frame(tree, child[2], child[0], child[1]))
    return tuple(reversed(sections))


def by_span(sections: tuple[Section, ...]) -> dict[str, tuple[Section, ...]]:
    """The sections of each span that is on the critical path."""
    grouped: dict[str, list[Section]] = {}
    for section in sections:
        grouped.setdefault(section.span_id, []).append(section)
    return {span_id: tuple(found) for span_id, found in grouped.items()}


def gaps(tree: TraceTree, sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Sections that no span explains: the span has children, yet for a noticeable time none of them was waited for."""
    least_ns = max(MIN_GAP_NS, int(tree.roots[0].duration_ns * MIN_GAP_SHARE))
    return tuple(
        section for section in sections if section.duration_ns >= least_ns and tree.children.get(section.span_id)
    )


def _frame(tree: TraceTree, span: Span, start_ns: int, end_ns: int) -> _Frame:
    clipped = [
        (max(child.start_ns, start_ns), min(child.start_ns + child.duration_ns, end_ns), child)
        for child in tree.children_of(span)
    ]
    # Last finished first; of two that end together the one that began earlier was waited for longer.
    lasting = sorted((found for found in clipped if found[0] < found[1]), key=lambda found: (-found[1], found[0]))
    return _Frame(span, start_ns, end_ns, iter(lasting))
