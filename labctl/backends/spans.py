"""Spans and traces as the lab sees them: frozen, typed, with times in Unix nanoseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labctl.backends.attributes import AttributeValue

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class SpanEvent:
    """Something that happened at one moment of a span, for example ``exception``."""

    name: str
    timestamp_ns: int
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """One operation of one service. ``kind`` is one of :data:`KINDS`; ``parent_id`` is "" for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    service: str
    start_ns: int
    end_ns: int
    is_error: bool = False
    status_message: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    resource: Mapping[str, AttributeValue] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    scope: str = ""

    @property
    def duration_ns(self) -> int:
        """Never negative, also when clocks of two hosts disagree."""
        return max(0, self.end_ns - self.start_ns)


@dataclass(frozen=True)
class Trace:
    """The spans of one trace id, sorted by start. Never empty."""

    trace_id: str
    spans: tuple[Span, ...]

    @property
    def start_ns(self) -> int:
        """When the first span began."""
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int:
        """When the last span ended."""
        return max(max(span.end_ns, span.start_ns) for span in self.spans)

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        return self.end_ns - self.start_ns

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services that took part, in the order of their first span."""
        return tuple(dict.fromkeys(span.service for span in self.spans))

    @property
    def error_count(self) -> int:
        """How many spans ended with an error."""
        return sum(span.is_error for span in self.spans)

    @property
    def root(self) -> Span:
        """The span without a parent in this trace that began first; the first span if every one has a parent."""
        known = {span.span_id for span in self.spans}
        roots = [span for span in self.spans if span.parent_id not in known]
        return min(roots or self.spans, key=lambda span: (bool(span.parent_id), span.start_ns))
