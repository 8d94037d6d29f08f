"""``lab native``: the servers of the native runtime: list, build, clean."""

import sys
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from labctl import native
from labctl.cli.output import AsJson, emit, err, out, plain
from labctl.native.provision import BuildEvent
from labkit.errors import ConfigurationError

app = typer.Typer(help="The servers of the native runtime, built from pinned sources.", no_args_is_help=True)

# Without a terminal: one line at the start and the end of each build and one in between every so often.
PLAIN_LINE_EVERY_S = 15.0


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every server with its version, whether it is there, and where."""
    states = native.status()
    emit(states, lambda: _table(states), as_json=as_json)


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Servers to build; default: all the lab runs.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build what is missing; what is there is left alone."""
    with build_progress() as show:
        programs = native.ensure(names or None, show)
    emit(programs, lambda: f"{len(programs)} programs ready", as_json=as_json)


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove every built server from the cache, after asking."""
    size = sum(state.size_bytes for state in native.status())
    if not yes and not _agreed(f"Remove all built servers ({size / 1e6:.0f} MB)? Building them again takes minutes."):
        raise ConfigurationError("Nothing was removed.", "Answer y, or use --yes.")
    freed = native.clean()
    emit({"freed_bytes": freed}, lambda: f"freed {freed / 1e6:.0f} MB", as_json=as_json)


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, err=True)


def _table(states: list[native.ServerState]) -> Table:
    table = Table("server", "version", "state", "size", "where")
    for state in states:
        size = f"{state.size_bytes / 1e6:.0f} MB" if state.size_bytes else ""
        name = f"{state.name} (tests only)" if state.test_only else state.name
        table.add_row(name, state.version, state.state, size, plain(state.folder or ""))
    return table


class build_progress:  # noqa: N801 - used like a function: `with build_progress() as show`
    """A bar on a terminal, plain lines elsewhere; call it with each BuildEvent."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._last_line_s = 0.0

    def __enter__(self) -> "build_progress":
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, event: BuildEvent) -> None:
        """Show one event."""
        if event.note:
            err.print(plain(event.note))
        elif out.is_terminal and err.is_terminal:
            self._draw(event)
        elif event.phase != "building" or time.monotonic() - self._last_line_s >= PLAIN_LINE_EVERY_S:
            self._last_line_s = time.monotonic()
            err.print(_sentence(event))

    def _draw(self, event: BuildEvent) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
            self._bar = Progress(*columns, console=err)
            self._task = self._bar.add_task("building servers", total=1.0)
            self._bar.start()
        self._bar.update(self._task, completed=event.overall_ratio, description=_sentence(event))


def _sentence(event: BuildEvent) -> str:
    if event.phase == "ready":
        return f"{event.server}: ready after {event.elapsed_s:.0f} s"
    if event.phase == "waiting":
        return f"{event.server}: another run is building it; waiting"
    return f"building {event.server}: {event.elapsed_s:.0f} s of about {event.estimate_s:.0f} s"
