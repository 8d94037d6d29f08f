"""``lab up``: bring the lab up and prove it with one real purchase."""

import time
from dataclasses import asdict, replace
from typing import Annotated

import typer

from labctl.cli.board import Board
from labctl.cli.output import AsJson, emit, err
from labctl.prove.shopper import Placed, Shopper
from labctl.runtime.base import ComponentState
from labctl.runtime.choose import choose
from labctl.runtime.native import left_out
from labctl.settings import Lab
from labkit.errors import LabError


def up(
    runtime: Annotated[str, typer.Option(help="auto (Docker where an engine answers), docker, or native.")] = "auto",
    purchase: Annotated[bool, typer.Option(help="End by buying something in the shop.")] = True,
    as_json: AsJson = False,
) -> None:
    """Bring the lab up; running it again is harmless and quick."""
    lab = Lab.from_env()
    began_s = time.monotonic()
    chosen = choose(lab, runtime)
    with Board() as board:
        states = chosen.up(board)
    up_s = time.monotonic() - began_s
    if left_out():
        err.print(f"[yellow]left out by LAB_WITHOUT:[/] {', '.join(sorted(left_out()))}")
    bought = _buy(lab) if purchase else None
    result = {
        "url": lab.url,
        "runtime": chosen.name,
        "up_s": round(up_s, 2),
        "components": [asdict(state) for state in states],
        "purchase": asdict(replace(bought, answer=dict(bought.answer))) if bought else None,
        "links": _links(lab, bought),
    }
    emit(result, lambda: _closing(lab, states, up_s, bought), as_json=as_json)


def _buy(lab: Lab) -> Placed:
    try:
        return Shopper(lab.url).buy_something()
    except LabError as error:
        raise LabError(
            f"The lab is up, but buying something in the shop failed: {error.message}",
            error.hint or "`lab doctor` asks every hop.",
            error.context,
        ) from error


def _links(lab: Lab, bought: Placed | None) -> dict[str, str]:
    links = {"status": f"{lab.url}/", "shop": f"{lab.url}/shop"}
    if bought:
        links["trace"] = f"{lab.url}/traces/{bought.trace_id}"
        links["logs"] = f"{lab.url}/logs?query=correlation_id%3D{bought.correlation_id}"
    return links


def _closing(lab: Lab, states: list[ComponentState], up_s: float, bought: Placed | None) -> str:
    lines = [f"[bold green]the lab is up[/]: {len(states)} components in {up_s:.1f} s"]
    if bought:
        lines.append(f"just bought: order {bought.order_id}, {bought.amount_minor / 100:.2f} {bought.currency}")
    lines += [f"  {name:<7} {link}" for name, link in _links(lab, bought).items()]
    return "\n".join([*lines, "next: ./lab logs tail | ./lab traces list | ./lab status | ./lab down"])
