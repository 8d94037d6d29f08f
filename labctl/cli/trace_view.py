"""One trace on the terminal: a tree with a time line beside it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from labctl.backends.durations import show_ns
from labctl.backends.spans import Span
from labctl.cli.asking import visible
from labctl.cli.log_lines import service_style
from labctl.traces.report import TraceReport, error_text
from labctl.traces.tree import Row

ON_PATH, FAILED = "●", "✗"
NUMBER_WIDTH = 9
HEADINGS = ("start", "took", "critical")
# Below this width the time line would leave no room for names.
MIN_WIDTH_FOR_BAR = 100
MAX_INDENT = 24
SHOWN_EVENT_ATTRIBUTES = 4


def trace_view(report: TraceReport, width: int, *, events: bool) -> RenderableType:
    """Heading, tree and legend, for a terminal of ``width`` columns."""
    bar_width = min(48, width // 3) if width >= MIN_WIDTH_FOR_BAR else 0
    name_width = max(20, width - len(HEADINGS) * NUMBER_WIDTH - bar_width - 3)
    lines = [_heading(report), Text(""), _column_heads(report, name_width, bar_width)]
    for row in report.rows:
        lines.append(_line(report, row, name_width, bar_width))
        for note in _notes(report, row.span) if events else ():
            lines.append(Text(_indent(row, is_note=True) + "  ", "dim").append_text(note))
    return Group(*lines, Text(""), _legend(report))


def _column_heads(report: TraceReport, name_width: int, bar_width: int) -> Text:
    heads = "span".ljust(name_width) + "".join(head.rjust(NUMBER_WIDTH) for head in HEADINGS)
    scale = f"0{show_ns(report.trace.duration_ns):>{bar_width - 1}}" if bar_width else ""
    return Text(f"{heads}  {scale}", "dim")


def _heading(report: TraceReport) -> Text:
    trace, root = report.trace, report.trace.root
    text = Text.assemble(
        ("trace ", "dim"), (trace.trace_id, "bold"), "  ", (visible(root.service), service_style(root.service))
    )
    text.append(f" {visible(root.name)}\n", "bold")
    facts = [show_ns(trace.duration_ns), f"{len(trace.spans)} spans", f"{len(trace.services)} services"]
    text.append(" · ".join(facts))
    if trace.error_count:
        text.append(f" · {trace.error_count} with an error", "bold red")
    orphans = sum(row.is_orphan for row in report.rows)
    if orphans:
        text.append(f" · {orphans} whose parent is missing (lost, or not arrived yet)", "yellow")
    return text


def _line(report: TraceReport, row: Row, name_width: int, bar_width: int) -> Text:
    span, waited = row.span, report.waited_ns(row.span.span_id)
    line = _name(row, is_on_path=bool(waited))
    line.truncate(name_width, overflow="ellipsis", pad=True)
    line.append(show_ns(report.offset_ns(span.start_ns)).rjust(NUMBER_WIDTH), "dim")
    line.append(show_ns(span.duration_ns).rjust(NUMBER_WIDTH), "bold red" if span.is_error else "")
    line.append((show_ns(waited) if waited else "").rjust(NUMBER_WIDTH), "yellow")
    return line.append("  ").append_text(_bar(report, span, bar_width)) if bar_width else line


def _name(row: Row, *, is_on_path: bool) -> Text:
    span = row.span
    name = Text(_indent(row), "dim")
    name.append(f"{FAILED} " if span.is_error else "", "bold red")
    name.append(f"{ON_PATH} " if is_on_path else "  ", "bold yellow")
    name.append(visible(span.service), service_style(span.service))
    name.append(f" {visible(span.name)}", "bold red" if span.is_error else "bold" if is_on_path else "")
    name.append(f" {span.kind}", "dim")
    return name.append(" (parent missing)", "yellow") if row.is_orphan else name


def _bar(report: TraceReport, span: Span, width: int) -> Text:
    first = min(width - 1, int(report.share(report.offset_ns(span.start_ns)) * width))
    last = min(width, max(first + 1, round(report.share(report.offset_ns(span.start_ns) + span.duration_ns) * width)))
    cells = [" "] * first + ["─"] * (last - first) + [" "] * (width - last)
    for section in report.sections.get(span.span_id, ()):
        begin = min(width - 1, int(report.share(report.offset_ns(section.start_ns)) * width))
        end = min(width, max(begin + 1, round(report.share(report.offset_ns(section.end_ns)) * width)))
        cells[begin:end] = "█" * (end - begin)
    text = Text("".join(cells), "red" if span.is_error else "dim cyan")
    text.highlight_regex("█+", "bold red" if span.is_error else "yellow")
    return text


def _notes(report: TraceReport, span: Span) -> Iterator[Text]:
    if span.is_error:
        yield Text(f"{FAILED} {visible(error_text(span))}", "red")
    for event in span.events:
        shown = list(event.attributes.items())[:SHOWN_EVENT_ATTRIBUTES]
        said = " ".join(f"{visible(key)}={visible(value)}" for key, value in shown if key != "exception.stacktrace")
        at = show_ns(report.offset_ns(event.timestamp_ns))
        yield Text(f"◆ {at} {visible(event.name)} {said}", "cyan")
    for gap in report.gaps:
        if gap.span_id == span.span_id:
            at = show_ns(report.offset_ns(gap.start_ns))
            yield Text(f"… gap: from {at} on, {show_ns(gap.duration_ns)} that no child span explains", "yellow")


def _indent(row: Row, *, is_note: bool = False) -> str:
    guides = row.guides
    if not guides:
        return "  " if is_note else ""
    own = ("│  " if guides[-1] else "   ") if is_note else ("├─ " if guides[-1] else "└─ ")
    outer = "".join("│  " if follows else "   " for follows in guides[:-1])
    if len(outer) > MAX_INDENT:
        outer = outer[:MAX_INDENT] + f"… {row.depth} "
    return outer + own


def _legend(report: TraceReport) -> Text:
    text = Text()
    text.append(f"{ON_PATH} critical path", "bold yellow")
    text.append(" (what the answer waited for): ", "dim")
    by_service: dict[str, int] = {}
    for row in report.rows:
        waited = report.waited_ns(row.span.span_id)
        if waited:
            by_service[row.span.service] = by_service.get(row.span.service, 0) + waited
    ordered = sorted(by_service.items(), key=lambda pair: -pair[1])
    shares = (f"{visible(name)} {show_ns(ns)} ({report.share(ns):.0%})" for name, ns in ordered)
    return text.append(", ".join(shares))
