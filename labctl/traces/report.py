"""Everything worth saying about one trace, computed once for terminal, page and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.backends.spans import NS_PER_MS, Span, Trace
from labctl.traces.critical_path import Section, by_span, critical_path, gaps
from labctl.traces.tree import Row, TraceTree


@dataclass(frozen=True)
class TraceReport:
    """A trace with its rows in reading order, its critical path, and the gaps in it."""

    trace: Trace
    rows: tuple[Row, ...]
    path: tuple[Section, ...]
    sections: Mapping[str, tuple[Section, ...]]
    gaps: tuple[Section, ...]

    def waited_ns(self, span_id: str) -> int:
        """How long the trace waited for this span itself; 0 when it is not on the critical path."""
        return sum(section.duration_ns for section in self.sections.get(span_id, ()))

    def offset_ns(self, time_ns: int) -> int:
        """``time_ns`` counted from the start of the trace."""
        return time_ns - self.trace.start_ns

    def share(self, duration_ns: int) -> float:
        """``duration_ns`` as part of the trace's duration, 0 to 1."""
        return duration_ns / self.trace.duration_ns if self.trace.duration_ns else 0.0

    def as_json(self) -> dict[str, object]:
        """The report as plain data; times in milliseconds from the start of the trace."""
        return {
            "trace_id": self.trace.trace_id,
            "start_unix_ns": str(self.trace.start_ns),
            "duration_ms": self.trace.duration_ns / NS_PER_MS,
            "services": list(self.trace.services),
            "errors": self.trace.error_count,
            "spans": [self._span(row) for row in self.rows],
            "critical_path": [self._section(section) for section in self.path],
            "gaps": [self._section(section) for section in self.gaps],
        }

    def _span(self, row: Row) -> dict[str, object]:
        span = row.span
        return {
            "span_id": span.span_id,
            "parent_id": span.parent_id,
            "is_orphan": row.is_orphan,
            "depth": row.depth,
            "service": span.service,
            "name": span.name,
            "kind": span.kind,
            "start_ms": self.offset_ns(span.start_ns) / NS_PER_MS,
            "duration_ms": span.duration_ns / NS_PER_MS,
            "critical_ms": self.waited_ns(span.span_id) / NS_PER_MS,
            "is_error": span.is_error,
            "status_message": span.status_message,
            "attributes": dict(span.attributes),
            "events": [
                {
                    "name": event.name,
                    "at_ms": self.offset_ns(event.timestamp_ns) / NS_PER_MS,
                    "attributes": dict(event.attributes),
                }
                for event in span.events
            ],
        }

    def _section(self, section: Section) -> dict[str, object]:
        return {
            "span_id": section.span_id,
            "start_ms": self.offset_ns(section.start_ns) / NS_PER_MS,
            "duration_ms": section.duration_ns / NS_PER_MS,
        }


def trace_report(tree: TraceTree) -> TraceReport:
    """Compute the report of ``tree``."""
    path = critical_path(tree)
    return TraceReport(tree.trace, tuple(tree.rows()), path, by_span(path), gaps(tree, path))


def error_text(span: Span) -> str:
    """What a span says about its error: its status message, or its exception's type and message."""
    if span.status_message:
        return span.status_message
    for event in span.events:
        if event.name == "exception":
            kind, message = (event.attributes.get(f"exception.{part}", "") for part in ("type", "message"))
            return f"{kind}: {message}"
    return str(span.attributes.get("error.type", "error"))
