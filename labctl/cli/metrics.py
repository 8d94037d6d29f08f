"""``lab metrics``: ask Prometheus."""

import math
import time
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from labctl.backends.durations import parse_duration_s
from labctl.backends.samples import Series
from labctl.cli.asking import ask_lab, visible
from labctl.cli.output import AsJson, emit, err
from labkit.errors import ConfigurationError

app = typer.Typer(help="Ask Prometheus.", no_args_is_help=True)

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 40
# Prometheus answers at most 11,000 points a series.
MAX_POINTS = 11_000


@app.callback()
def metrics() -> None:
    """Numbers of the lab, through Prometheus."""


@app.command("query")
def query(
    promql: Annotated[str, typer.Argument(help="PromQL, for example: up")],
    span: Annotated[str | None, typer.Option("--range", help="Show how it went over this time: 5m, 1h.")] = None,
    step: Annotated[str | None, typer.Option("--step", help="With --range: one value each 1s, 15s ...")] = None,
    as_json: AsJson = False,
) -> None:
    """The value now, or with --range its course as a sparkline."""
    if step and not span:
        raise ConfigurationError("--step needs --range.", "For example: --range 5m --step 5s")
    series = _ask(promql, span, step)
    result = {"query": promql, "series": [_json(one) for one in series]}
    emit(result, lambda: _course(series) if span else _values(series), as_json=as_json)
    if not series and not as_json:
        err.print("[dim]Prometheus answers: no series matches[/]")


def _ask(promql: str, span: str | None, step: str | None) -> list[Series]:
    _, backends = ask_lab()
    if span is None:
        return backends.prometheus.query(promql)
    span_s = parse_duration_s(span, "--range")
    step_s = parse_duration_s(step, "--step") if step else max(1.0, span_s / 60)
    if span_s / step_s > MAX_POINTS:
        raise ConfigurationError(
            f"--range {span} --step {step} asks for {span_s / step_s:,.0f} values of each series.",
            f"Prometheus gives {MAX_POINTS:,}: make the step larger.",
        )
    now_s = time.time()
    return backends.prometheus.query_range(promql, now_s - span_s, now_s, step_s)


def _json(series: Series) -> dict[str, object]:
    # JSON has no NaN and no infinity: such values are written as Prometheus writes them.
    values = [[sample.timestamp_s, _json_number(sample.value)] for sample in series.samples]
    return {"labels": dict(series.labels), "values": values}


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _values(series: list[Series]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("series", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    for one in series:
        table.add_row(Text(visible(one.name)), number(one.samples[-1].value))
    return table


def _course(series: list[Series]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("series", overflow="fold")
    table.add_column("course", no_wrap=True)
    for heading in ("lowest", "highest", "last"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in series:
        values = [sample.value for sample in one.samples]
        finite = [value for value in values if math.isfinite(value)] or [math.nan]
        name = Text(visible(one.name))
        table.add_row(
            name, Text(sparkline(values), "cyan"), number(min(finite)), number(max(finite)), number(values[-1])
        )
    return table


def sparkline(values: list[float], width: int = SPARK_WIDTH) -> str:
    """``values`` as at most ``width`` blocks, each the highest of its share; a blank where there is no number."""
    count = min(width, len(values))
    groups = [values[index * len(values) // count : (index + 1) * len(values) // count] for index in range(count)]
    peaks = [max((value for value in group if math.isfinite(value)), default=None) for group in groups]
    known = [peak for peak in peaks if peak is not None]
    if not known:
        return " " * count
    low, high = min(known), max(known)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if peak is None else BLOCKS[int((peak - low) * scale)] for peak in peaks)


def number(value: float) -> str:
    """A sample for people: whole numbers whole, others with four digits."""
    if not math.isfinite(value):
        return str(_json_number(value))
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
