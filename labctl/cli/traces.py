"""``lab traces``: find traces and read one, through Jaeger."""

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from labctl.backends.durations import parse_duration_s, show_ns
from labctl.backends.spans import NS_PER_MS, Trace
from labctl.cli.asking import Limit, Service, Since, ask_lab, page_width, visible
from labctl.cli.log_lines import service_style
from labctl.cli.output import AsJson, emit, err
from labctl.cli.trace_view import trace_view
from labctl.logs.fields import iso_time
from labctl.traces.report import trace_report
from labctl.traces.search import FoundTraces, TraceFilter, find_traces
from labctl.traces.tree import TraceTree
from labkit.errors import ConfigurationError

app = typer.Typer(help="Find traces, and read one.", no_args_is_help=True)


@app.command("list")
def list_traces(
    *,
    service: Service = None,
    operation: Annotated[str | None, typer.Option("--operation", help="Only with a span of this name.")] = None,
    min_duration: Annotated[
        str | None, typer.Option("--min-duration", help="Only with a span that took at least this: 200ms, 1s.")
    ] = None,
    error: Annotated[bool, typer.Option("--error", help="Only traces with an error in them.")] = False,
    since: Since = "1h",
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """The newest traces that match, over all services or one."""
    least_s = parse_duration_s(min_duration, "--min-duration") if min_duration else None
    _, backends = ask_lab()
    wanted = TraceFilter(
        service, operation, least_s and least_s * 1000, error, parse_duration_s(since, "--since"), limit
    )
    if service and service not in (known := backends.jaeger.services()):
        raise ConfigurationError(
            f"Jaeger knows no service {service!r}.", f"It knows {', '.join(known) or 'none yet: make a request first'}."
        )
    found = find_traces(backends.jaeger, wanted)
    result = {"traces": [_summary(trace) for trace in found.traces], "is_complete": found.is_complete}
    emit(result, lambda: _table(found), as_json=as_json)
    if not as_json:
        _note(found)


@app.command("show")
def show(
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits.")],
    events: Annotated[bool, typer.Option("--events/--no-events", help="Show span events and errors.")] = True,
    as_json: AsJson = False,
) -> None:
    """The tree of one trace, with what it waited for (the critical path) marked."""
    _, backends = ask_lab()
    report = trace_report(TraceTree.of(backends.jaeger.trace(trace_id)))
    emit(report.as_json(), lambda: trace_view(report, page_width(), events=events), as_json=as_json)


def _summary(trace: Trace) -> dict[str, object]:
    return {
        "trace_id": trace.trace_id,
        "start": iso_time(trace.start_ns),
        "duration_ms": trace.duration_ns / NS_PER_MS,
        "service": trace.root.service,
        "operation": trace.root.name,
        "services": trace.services,
        "spans": len(trace.spans),
        "errors": trace.error_count,
    }


def _table(found: FoundTraces) -> Text:
    width = page_width()
    lines = [Text(f"{'started':8}  {'took':>8}  {'spans':>5}  {'errors':>6}  {'trace':32}  began with", "dim")]
    for trace in found.traces:
        root, started = trace.root, datetime.fromtimestamp(trace.start_ns / 1e9).astimezone()
        line = Text(f"{started:%H:%M:%S}  {show_ns(trace.duration_ns):>8}  {len(trace.spans):>5}  ")
        line.append(f"{trace.error_count or '':>6}  ", "bold red").append(f"{trace.trace_id}  ")
        line.append(f"{visible(root.service)} ", service_style(root.service)).append(visible(root.name))
        line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return Text("\n").join(lines)


def _note(found: FoundTraces) -> None:
    if not found.traces:
        err.print(f"no trace matches, of {found.examined} that were looked at; --since 24h looks further back")
    elif not found.is_complete:
        err.print("[dim]the newest; there may be more: --limit, --since[/]")
    if found.traces:
        err.print(f"[dim]next: lab traces show {found.traces[0].trace_id}[/]")
