"""``lab prove``: the long proofs."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from labctl.cli.asking import visible
from labctl.cli.output import AsJson, emit, err
from labctl.prove.facts import machine_facts
from labctl.prove.proof import Options
from labctl.prove.registry import PROOFS, proof_named
from labctl.prove.run import Proven, run_proof
from labctl.prove.world import World, commit
from labctl.settings import Lab

EXIT_CANNOT_TELL = 3


def prove(
    name: Annotated[str, typer.Argument(help="A proof's name, or: list")] = "list",
    count: Annotated[int | None, typer.Option(min=1, help="How many purchases or rounds instead of all.")] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", min=1, help="Begin nothing after so many seconds.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier runs on this commit have shown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a promise on the running lab for longer than a test may take.

    An interrupted proof goes on where it was; results are kept as JSON with the commit in LAB_HOME/proofs. Exit code
    0: it held as far as it was run; 1: it did not; 3: nothing could be shown.
    """
    if name == "list":
        emit([{"name": one.name, "promise": one.promise} for one in PROOFS], _list, as_json=as_json)
        return
    proof, lab = proof_named(name), Lab.from_env()
    world = World.of(lab)
    world.backends.lab.state()  # a lab that is not there is "cannot tell", not a failed proof
    proven = run_proof(
        world,
        proof,
        Options(count),
        commit=commit(lab),
        facts=machine_facts(),
        budget_s=budget,
        fresh=fresh,
        progress=lambda text: err.print(f"[dim]{visible(text)}[/]"),
    )
    emit(_json(proven), lambda: _report(proven), as_json=as_json)
    if not proven.passed:
        raise typer.Exit(1 if proven.failures else EXIT_CANNOT_TELL)


def _json(proven: Proven) -> dict[str, object]:
    return {**proven.__dict__, "complete": proven.complete, "passed": proven.passed}


def _list() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for one in PROOFS:
        table.add_row(one.name, one.promise)
    return table


def _report(proven: Proven) -> Text:
    verdict = Text("held", "bold green") if proven.passed else Text("did not hold", "bold red")
    if not proven.passed and not proven.failures:
        verdict = Text("nothing was shown", "bold magenta")
    said = Text(f"{proven.promise}\n").append_text(verdict)
    said.append(f": {proven.done} steps now, {proven.skipped} before, of {proven.whole}; commit {proven.commit}")
    if not proven.complete:
        said.append("\nThis is a part of the proof, not the whole of it.", "yellow")
    for failure in proven.failures:
        said.append(f"\n{visible(failure)}", "red")
    return said.append(f"\n{visible(proven.file)}", "dim")
