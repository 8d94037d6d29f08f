"""The tree of a trace, also when the trace is broken: missing parents, cycles, several roots."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labctl.backends.spans import Span, Trace

# Deeper than any tree a person reads; without it a hostile chain of spans would cost memory by the square of its depth.
MAX_GUIDES = 40


@dataclass(frozen=True)
class Row:
    """A span at its place in the tree.

    ``guides`` says for each ancestor below the root, and last for the span itself, whether a sibling follows; of a
    span deeper than :data:`MAX_GUIDES` only the outer ancestors are told.
    """

    span: Span
    depth: int
    guides: tuple[bool, ...]
    is_orphan: bool


@dataclass(frozen=True)
class TraceTree:
    """Every span of a trace exactly once: ``roots`` in order of start, ``children`` by span id likewise."""

    trace: Trace
    roots: tuple[Span, ...]
    children: Mapping[str, tuple[Span, ...]]

    @classmethod
    def of(cls, trace: Trace) -> "TraceTree":
        """Build the tree. A span whose parent is not there, or that is its own ancestor, becomes a root."""
        known = {span.span_id for span in trace.spans}
        by_parent: dict[str, list[Span]] = {}
        for span in trace.spans:
            by_parent.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
        roots, placed = list(by_parent.get("", [])), set[str]()
        for root in roots:
            placed |= _reachable(root, by_parent)
        for span in trace.spans:  # whatever is still unplaced hangs on a cycle
            if span.span_id not in placed:
                by_parent[span.parent_id].remove(span)
                roots.append(span)
                placed |= _reachable(span, by_parent)
        roots.sort(key=lambda span: (bool(span.parent_id), span.start_ns))
        return cls(trace, tuple(roots), {parent: tuple(spans) for parent, spans in by_parent.items() if parent})

    def children_of(self, span: Span) -> tuple[Span, ...]:
        """The spans called by ``span``, in order of start."""
        return self.children.get(span.span_id, ())

    def rows(self) -> Iterator[Row]:
        """Every span, parents before children: the order in which a waterfall shows them."""
        stack: list[tuple[Span, int, tuple[bool, ...]]] = [(span, 0, ()) for span in reversed(self.roots)]
        while stack:
            span, depth, guides = stack.pop()
            yield Row(span, depth, guides, depth == 0 and bool(span.parent_id))
            kept = guides[:MAX_GUIDES]
            for position, child in enumerate(reversed(self.children_of(span))):
                stack.append((child, depth + 1, (*kept, position > 0)))


def _reachable(root: Span, by_parent: Mapping[str, list[Span]]) -> set[str]:
    found, stack = set[str](), [root]
    while stack:
        span = stack.pop()
        if span.span_id not in found:
            found.add(span.span_id)
            stack.extend(by_parent.get(span.span_id, ()))
    return found
