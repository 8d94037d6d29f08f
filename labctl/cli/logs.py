"""``lab logs``: everything the lab's services write, through Loki."""

import re
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from labctl.backends.durations import parse_duration_s
from labctl.backends.lines import SERVICE, LogLine
from labctl.backends.loki import Window
from labctl.cli import log_export, log_tail, log_test
from labctl.cli.asking import Level, Limit, Service, Since, ask_lab, visible
from labctl.cli.log_lines import LEVEL_STYLES, print_lines, service_style
from labctl.cli.output import AsJson, emit, err
from labctl.logs.fields import as_json as line_json
from labctl.logs.patterns import Pattern, find_patterns
from labctl.logs.query import from_arguments, to_logql
from labctl.logs.stats import ServiceStats, log_stats
from labkit.errors import ConfigurationError

app = typer.Typer(help="Test, follow, search, count and export the lab's logs.", no_args_is_help=True)
app.command("test")(log_test.test)
app.command("tail")(log_tail.tail)
app.command("export")(log_export.export)

PATTERN_LINES = 5000
# As long as the lab's Loki keeps lines; it refuses questions about more than 72 hours.
KEPT_S = 48 * 3600.0
CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,200}")


@app.command("search")
def search(
    query: Annotated[
        list[str] | None, typer.Argument(help="LogQL, or words: service=orders level=error declined")
    ] = None,
    since: Since = "1h",
    limit: Limit = 100,
    level: Level = None,
    as_json: AsJson = False,
) -> None:
    """Find lines by LogQL or by key=value words; the newest of them, oldest first."""
    logql = to_logql(from_arguments(query or []), level=level)
    lines = _newest(logql, parse_duration_s(since, "--since"), limit)
    _show(lines, logql, limit, as_json=as_json)


@app.command("trace")
def trace(
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits.")],
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """All lines of one trace, over all services."""
    from labctl.backends.jaeger import checked_trace_id  # noqa: PLC0415 - only this verb needs it

    logql = to_logql("", fields=[("trace_id", checked_trace_id(trace_id))])
    _show_all_of(logql, f"trace {trace_id}", limit, as_json=as_json)


@app.command("correlation")
def correlation(
    correlation_id: Annotated[str, typer.Argument(help="The X-Correlation-ID of a journey.")],
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """All lines of one journey, over all services and requests."""
    if not CORRELATION_ID.fullmatch(correlation_id):
        raise ConfigurationError(
            f"{correlation_id!r} is not a correlation id.", "It is one word; the X-Correlation-ID header shows it."
        )
    logql = to_logql("", fields=[("correlation_id", correlation_id)])
    _show_all_of(logql, f"correlation id {correlation_id}", limit, as_json=as_json)


@app.command("stats")
def stats(since: Since = "1h", service: Service = None, as_json: AsJson = False) -> None:
    """Lines, bytes and errors of every service."""
    _, backends = ask_lab()
    rows = log_stats(backends.loki, parse_duration_s(since, "--since"), to_logql("", fields=_only(service)))
    emit({"since": since, "services": rows}, lambda: _stats_table(rows, since), as_json=as_json)


@app.command("patterns")
def patterns(since: Since = "15m", service: Service = None, level: Level = None, as_json: AsJson = False) -> None:
    """Messages grouped by what is the same in them, most frequent first."""
    logql = to_logql("", level=level, fields=_only(service))
    lines = _newest(logql, parse_duration_s(since, "--since"), PATTERN_LINES)
    found = find_patterns(lines)
    result = {"lines": len(lines), "is_sample": len(lines) == PATTERN_LINES, "patterns": found}
    emit(result, lambda: _patterns_table(found, len(lines)), as_json=as_json)


@app.command("level")
def level(
    service: Annotated[str, typer.Argument(help="Name of a service.")],
    level: Annotated[str | None, typer.Argument(help="New level; without it the present one is shown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a service's log level, or set it while it runs."""
    _, backends = ask_lab()
    known = backends.lab.state().services
    if service not in known:
        raise ConfigurationError(f"There is no service {service!r}.", f"Services are {', '.join(known)}.")
    now = backends.lab.set_log_level(service, level) if level else backends.lab.log_level(service)
    result = {"service": service, "level": now}
    emit(result, lambda: Text(f"{service} logs {now.lower()} and above"), as_json=as_json)


def _newest(logql: str, since_s: float, limit: int) -> list[LogLine]:
    _, backends = ask_lab()
    return backends.loki.query_range(logql, Window.last(since_s), limit=limit)[::-1]


def _show(lines: list[LogLine], logql: str, limit: int, *, as_json: bool) -> None:
    result = {"query": logql, "lines": [line_json(line) for line in lines], "is_complete": len(lines) < limit}
    emit(result, lambda: print_lines(lines), as_json=as_json)
    if not as_json and not lines:
        err.print(Text(f"no line matches {visible(logql)}", "dim"))
    elif not as_json and len(lines) == limit:
        err.print(Text(f"the newest {limit} lines; there may be more: --limit, --since, or `logs export`", "dim"))


def _show_all_of(logql: str, what: str, limit: int, *, as_json: bool) -> None:
    lines = _newest(logql, KEPT_S, limit)
    _show(lines, logql, limit, as_json=as_json)
    if not lines:
        err.print(Text(f"Loki has no line of {visible(what)}; lines are there about half a second after the request."))
        raise typer.Exit(1)


def _only(service: str | None) -> list[tuple[str, str]]:
    return [(SERVICE, service)] if service else []


def _stats_table(rows: list[ServiceStats], since: str) -> Table:
    table = Table(title=f"last {since}", title_justify="left", title_style="dim")
    for heading in ("service", "level", "lines", "bytes"):
        table.add_column(heading, justify="right" if heading in ("lines", "bytes") else "left")
    for row in rows:
        name = Text(visible(row.service), service_style(row.service))
        table.add_row(name, Text(row.level, LEVEL_STYLES[row.level]), f"{row.lines:,}", f"{row.bytes:,}")
    errors = sum(row.lines for row in rows if row.level in ("error", "critical"))
    table.caption = f"{sum(row.lines for row in rows):,} lines, {errors:,} of them errors"
    return table


def _patterns_table(found: list[Pattern], lines: int) -> Table:
    note = " (the newest only)" if lines == PATTERN_LINES else ""
    table = Table(title=f"{len(found)} patterns in {lines:,} lines{note}", title_justify="left", title_style="dim")
    table.add_column("lines", justify="right")
    table.add_column("errors", justify="right")
    table.add_column("pattern", overflow="fold")
    table.add_column("services", overflow="fold")
    for shape in found:
        errors = Text(str(shape.errors), "bold red") if shape.errors else Text("")
        services = ", ".join(visible(name) for name in shape.services)
        table.add_row(f"{shape.count:,}", errors, Text(visible(shape.pattern)), Text(services))
    return table
