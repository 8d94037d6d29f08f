"""The live picture of a lab coming up: one line per component on a terminal, one line per change elsewhere."""

import time

from rich.live import Live
from rich.table import Table

from labctl.cli.output import err, plain
from labctl.runtime.base import ComponentState, Step

COLOURS = {
    "ready": "green",
    "done": "green",
    "starting": "yellow",
    "waiting": "dim",
    "failed": "bold red",
    "stopped": "red",
}


class Board:
    """Call it with every Step; use it as a context manager."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._seen: dict[str, str] = {}
        self._began_s = time.monotonic()
        self._since_s: dict[str, float] = {}
        self._note = ""

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, step: Step) -> None:
        """Show one step."""
        if step.note and step.note != self._note:
            self._note = step.note
            err.print(f"[dim]{plain(step.note)}[/]")
        changed = [state for state in step.components if self._seen.get(state.name) != state.state]
        for state in changed:
            self._seen[state.name] = state.state
            self._since_s[state.name] = time.monotonic() - self._began_s
        if not step.components:
            return
        if err.is_terminal:
            self._draw(step.components)
        else:
            for state in changed:
                err.print(f"{self._since_s[state.name]:6.1f} s  {state.name}: {state.state}")

    def _draw(self, states: tuple[ComponentState, ...]) -> None:
        if self._live is None:
            self._live = Live(console=err, refresh_per_second=8, transient=False)
            self._live.start()
        table = Table(box=None, pad_edge=False, show_header=False)
        for state in states:
            seconds = self._since_s[state.name] if state.is_good else time.monotonic() - self._began_s
            colour = COLOURS.get(state.state, "")
            table.add_row(state.name, f"[{colour}]{state.state}[/]", f"{seconds:.1f} s", plain(state.detail))
        self._live.update(table)
