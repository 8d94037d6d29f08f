"""``lab bench``: the lab's promises in numbers, beside their goals."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from labctl.bench import breakage, report
from labctl.bench.feedback import feedback
from labctl.bench.figures import Bench, Figure, save
from labctl.bench.memory import memory
from labctl.bench.startup import startup
from labctl.cli.asking import visible
from labctl.cli.output import AsJson, emit, err, out
from labctl.prove.facts import machine_facts
from labctl.prove.proof import Progress
from labctl.prove.world import World, commit
from labctl.settings import Lab
from labkit.errors import ConfigurationError

BENCHES: dict[str, Callable[[World, int | None, Progress], Bench]] = {
    "startup": startup,
    "feedback": feedback,
    "memory": memory,
    "outage": breakage.outage,
    "kill": breakage.kill,
}


def bench(
    name: Annotated[
        str, typer.Argument(help="startup, feedback, memory, outage, kill, or report: write docs/benchmarks.md")
    ],
    count: Annotated[
        int | None, typer.Option(min=1, help="Runs, requests or looks instead of the usual number.")
    ] = None,
    json_out: Annotated[Path | None, typer.Option("--json-out", help="Write the result to this file as well.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="An earlier result to stand beside this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure on the running lab and print a table beside the goals; exit code 1 when a goal is missed.

    startup takes the lab down and up; outage and kill break it for a while. Results are kept in LAB_HOME/bench.
    """
    lab = Lab.from_env()
    if name == "report":
        _write_report(lab, as_json=as_json)
        return
    if name not in BENCHES:
        raise ConfigurationError(f"There is no benchmark {name!r}.", f"There are: {', '.join([*BENCHES, 'report'])}.")
    earlier = _earlier(compare, name) if compare else {}
    world = World.of(lab)
    world.backends.lab.state()  # a lab that is not there is "cannot tell"
    found = BENCHES[name](world, count, lambda text: err.print(f"[dim]{visible(text)}[/]"))
    conditions = {"commit": commit(lab), "runtime": world.control.runtime, "machine": machine_facts()}
    found = replace(found, conditions=conditions)
    file = save(found, lab.home / "bench", json_out)
    emit(found.as_json(), lambda: _tables(found, earlier, file), as_json=as_json)
    if not found.holds:
        raise typer.Exit(1)


def _write_report(lab: Lab, *, as_json: bool) -> None:
    page = lab.checkout / "docs" / "benchmarks.md"
    results = report.latest(lab.home / "bench")
    page.write_text(report.markdown(results), encoding="utf-8")
    emit({"file": str(page), "benchmarks": sorted(results)}, lambda: out.print(visible(page)), as_json=as_json)


def _earlier(file: Path, name: str) -> Mapping[str, float | None]:
    try:
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if result["bench"] != name:
            raise ConfigurationError(f"{file} is a result of {result['bench']}, not of {name}.")
        return {str(row["name"]): row["value"] for row in result["figures"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{file} is no result of `lab bench`: {error}", "Give a file from LAB_HOME/bench."
        ) from error


def _tables(found: Bench, earlier: Mapping[str, float | None], file: Path) -> Group:
    judged = Table(title=found.name, title_justify="left", box=None, pad_edge=False, header_style="dim")
    headings = ["figure", "measured", "goal", "", *(["earlier"] if earlier else [])]
    for heading in headings:
        judged.add_column(heading, overflow="fold")
    for one in found.figures:
        judged.add_row(*_row(one), *([_amount(earlier.get(one.name), one.unit)] if earlier else []))
    details = Table(box=None, pad_edge=False, header_style="dim")
    for column in found.columns:
        details.add_column(column)
    for row in found.rows:
        details.add_row(*(visible(cell) for cell in row))
    return Group(judged, Text(), details, Text("\n".join([*found.notes, str(file)]), "dim"))


def _row(one: Figure) -> tuple[str, str, str, Text]:
    goal = f"at most {one.goal.at_most:g} {one.unit}" if one.goal else ""
    verdict = {True: Text("holds", "green"), False: Text("MISSED", "bold red"), None: Text(visible(one.note), "dim")}
    return one.name, _amount(one.value, one.unit), goal, verdict[one.holds]


def _amount(value: float | None, unit: str) -> str:
    return f"{value:g} {unit}" if value is not None and math.isfinite(value) else "never"
