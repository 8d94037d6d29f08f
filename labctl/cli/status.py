"""``lab status``: every component, whether it is ready, and what it takes."""

import typer
from rich.table import Table

from labctl.backends import Backends
from labctl.cli.board import COLOURS
from labctl.cli.output import AsJson, emit, plain
from labctl.runtime.base import ComponentState
from labctl.runtime.choose import current
from labctl.settings import Lab


def status(as_json: AsJson = False) -> None:
    """Show every component. Exit 0: all ready; 1: something is not, or the lab is down; 3: cannot tell."""
    lab = Lab.from_env()
    if lab.is_remote:
        _remote(lab, as_json=as_json)
        return
    runtime = current(lab)
    states = runtime.status()
    is_good = bool(states) and all(state.is_good for state in states)
    result = {"url": lab.url, "runtime": runtime.name, "ready": is_good, "components": states}
    emit(result, lambda: _table(states) if states else "the lab is not running; next: ./lab up", as_json=as_json)
    if not is_good:
        raise typer.Exit(1)


def _table(states: list[ComponentState]) -> Table:
    table = Table("component", "state", "up", "restarts", "memory", "ports", "detail", box=None)
    for state in states:
        table.add_row(
            state.name,
            f"[{COLOURS.get(state.state, '')}]{state.state}[/]",
            _duration(state.seconds) if state.seconds else "",
            str(state.restarts or ""),
            f"{state.memory_bytes / 1e6:.0f} MB" if state.memory_bytes else "",
            " ".join(map(str, state.ports)),
            plain(state.detail),
        )
    total = sum(state.memory_bytes for state in states)
    if total:
        table.add_row("", "", "", "", f"{total / 1e6:.0f} MB", "", "")
    return table


def _remote(lab: Lab, *, as_json: bool) -> None:
    found = Backends.at(lab.url, lab.operator_token()).lab.state()
    is_good = all(component.state == "ready" for component in found.components)
    lines = "\n".join(f"{plain(c.name):<16} {c.state}" for c in found.components)
    emit({"url": lab.url, "ready": is_good, "components": found.components}, lambda: lines, as_json=as_json)
    if not is_good:
        raise typer.Exit(1)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
