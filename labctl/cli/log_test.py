"""``lab logs test``: does a line get from every service to Loki, and if not, where is it lost?"""

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from labctl.backends.durations import show_ns
from labctl.cli.asking import ask_lab, visible
from labctl.cli.log_lines import service_style
from labctl.cli.output import AsJson, emit
from labctl.logs.selftest import Arrival, LogTest, run_log_test


def test(
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Seconds to wait.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Write one tagged line from every service and wait until Loki returns each; name the hop that loses one."""
    _, backends = ask_lab()
    report(run_log_test(backends, timeout_s=timeout), as_json=as_json)


def report(outcome: LogTest, *, as_json: bool) -> None:
    """Print the outcome; exit code 1 when a line was lost."""
    result = {"passed": outcome.passed, "tag": outcome.tag, "services": [_json(found) for found in outcome.arrivals]}
    emit(result, lambda: _table(outcome), as_json=as_json)
    if not outcome.passed:
        raise typer.Exit(1)


def _json(arrival: Arrival) -> dict[str, object]:
    return {
        "service": arrival.service,
        "arrived": arrival.delay_s is not None,
        "delay_ms": None if arrival.delay_s is None else round(arrival.delay_s * 1000, 1),
        "trace_id": arrival.trace_id,
        "lost_by": arrival.lost_by.value if arrival.lost_by else None,
        "reason": arrival.reason,
    }


def _table(outcome: LogTest) -> Group:
    seen = sum(arrival.delay_s is not None for arrival in outcome.arrivals)
    verdict = f"{seen} of {len(outcome.arrivals)} lines came back"
    table = Table(title=verdict, title_justify="left", title_style="bold green" if outcome.passed else "bold red")
    table.add_column("service")
    table.add_column("delay", justify="right")
    if not outcome.passed:
        table.add_column("lost by")
    for arrival in outcome.arrivals:
        name = Text(visible(arrival.service), service_style(arrival.service))
        is_lost = arrival.delay_s is None
        delay = Text("lost", "bold red") if is_lost else Text(show_ns((arrival.delay_s or 0.0) * 1e9))
        table.add_row(name, delay, *([arrival.lost_by.value if arrival.lost_by else ""] if not outcome.passed else []))
    return Group(table, *_reasons(outcome))


def _reasons(outcome: LogTest) -> Iterator[Text]:
    """Each reason once, with the services it explains."""
    told: dict[tuple[str, str], list[str]] = {}
    for arrival in outcome.arrivals:
        if arrival.lost_by:
            told.setdefault((arrival.lost_by.value, arrival.reason), []).append(visible(arrival.service))
    for (hop, reason), services in told.items():
        yield Text.assemble((f"{hop}", "bold red"), f": {visible(reason)} ", (f"({', '.join(services)})", "dim"))
    if told:
        yield Text("next: `./lab status` shows the state of every part, `./lab up` starts what is missing", "dim")
