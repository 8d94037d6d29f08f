"""The geometry of a waterfall: positions as SVG units, so that the page needs no inline style."""

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.backends.attributes import AttributeValue
from labctl.backends.spans import Span
from labctl.traces.report import TraceReport, error_text
from labctl.traces.tree import Row

# The width of the time line in SVG units.
SCALE = 1000.0
MIN_WIDTH = 2.0
MAX_DEPTH_CLASS = 16
# A browser lays this many rows out in well under a second.
MAX_ROWS = 1500
JAEGER_WARNINGS = "@jaeger@warnings"


@dataclass(frozen=True)
class Box:
    """A stretch of the time line: ``x`` and ``width`` from 0 to :data:`SCALE`."""

    x: float
    width: float


@dataclass(frozen=True)
class Bar:
    """One span of the waterfall. ``critical`` are the stretches during which the trace waited for it."""

    row: Row
    box: Box
    critical: tuple[Box, ...]
    marks: tuple[float, ...]
    offset_ns: int
    waited_ns: int
    gaps_ns: tuple[int, ...]
    error: str
    attributes: Mapping[str, AttributeValue]
    warnings: tuple[str, ...]

    @property
    def span(self) -> Span:
        """The span itself."""
        return self.row.span

    @property
    def depth_class(self) -> str:
        """CSS class of the indentation."""
        return f"d{min(self.row.depth, MAX_DEPTH_CLASS)}"


@dataclass(frozen=True)
class Waterfall:
    """Bars in reading order; ``hidden`` spans beyond :data:`MAX_ROWS` are not drawn. ``ticks_ns`` label the axis."""

    bars: tuple[Bar, ...]
    hidden: int
    ticks_ns: tuple[int, ...]
    by_service: tuple[tuple[str, int, float], ...]


def waterfall(report: TraceReport) -> Waterfall:
    """Place every span of ``report`` on the time line."""
    rows = report.rows[:MAX_ROWS]
    duration = report.trace.duration_ns
    ticks = tuple(duration * quarter // 4 for quarter in range(5))
    return Waterfall(tuple(_bar(report, row) for row in rows), len(report.rows) - len(rows), ticks, _by_service(report))


def _bar(report: TraceReport, row: Row) -> Bar:
    span = row.span
    sections = report.sections.get(span.span_id, ())
    raw = span.attributes.get(JAEGER_WARNINGS)
    return Bar(
        row=row,
        box=_box(report, span.start_ns, span.start_ns + span.duration_ns),
        critical=tuple(_box(report, section.start_ns, section.end_ns) for section in sections),
        marks=tuple(_x(report, event.timestamp_ns) for event in span.events),
        offset_ns=report.offset_ns(span.start_ns),
        waited_ns=report.waited_ns(span.span_id),
        gaps_ns=tuple(gap.duration_ns for gap in report.gaps if gap.span_id == span.span_id),
        error=error_text(span) if span.is_error else "",
        attributes={name: value for name, value in sorted(span.attributes.items()) if name != JAEGER_WARNINGS},
        warnings=tuple(str(warning) for warning in raw) if isinstance(raw, list) else (),
    )


def _x(report: TraceReport, time_ns: int) -> float:
    return round(min(1.0, max(0.0, report.share(report.offset_ns(time_ns)))) * SCALE, 2)


def _box(report: TraceReport, start_ns: int, end_ns: int) -> Box:
    x = min(_x(report, start_ns), SCALE - MIN_WIDTH)
    return Box(x, round(max(MIN_WIDTH, _x(report, end_ns) - x), 2))


def _by_service(report: TraceReport) -> tuple[tuple[str, int, float], ...]:
    """Time on the critical path by service: name, nanoseconds, share of the trace; the longest first."""
    total: dict[str, int] = {}
    for row in report.rows:
        waited = report.waited_ns(row.span.span_id)
        if waited:
            total[row.span.service] = total.get(row.span.service, 0) + waited
    ordered = sorted(total.items(), key=lambda pair: -pair[1])
    return tuple((service, waited, report.share(waited)) for service, waited in ordered)
