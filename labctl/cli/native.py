"""``lab native``: the servers of the native runtime: list, build, clean."""

import sys
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from labctl import native
from labctl.cli.output import AsJson, emit, err, plain
from labctl.native.cache import size_of
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
    old: Annotated[bool, typer.Option("--old", help="Only servers that this checkout does not use.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove built servers (and a Go that the lab installed) from the cache, after asking."""
    folders = native.removable(old_only=old)
    size = sum(size_of(folder) for folder in folders)
    what = "the servers of other versions" if old else "all built servers. Building them again takes minutes"
    if folders and not yes and not _agreed(f"This frees {size / 1e6:.0f} MB: {what}. Remove?"):
        raise ConfigurationError("Nothing was removed.", "Answer y, or use --yes.")
    freed = native.clean(old_only=old)
    emit({"freed_bytes": freed, "removed": folders}, lambda: f"freed {freed / 1e6:.0f} MB", as_json=as_json)


def _agreed(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question, err=True)


def _table(states: list[native.ServerState]) -> Table:
    table = Table("server", "version", "state", "size", "where")
    for state in states:
        name = f"{state.name} (tests only)" if state.test_only else state.name
        table.add_row(name, state.version, state.state, _size(state), plain(state.folder or _command(state)))
    return table


def _size(state: native.ServerState) -> str:
    about = "about " if state.folder is None else ""
    return f"{about}{state.size_bytes / 1e6:.0f} MB" if state.size_bytes else ""


def _command(state: native.ServerState) -> str:
    return f"lab native build {state.name} (about {max(1, round(state.estimate_s / 60))} min)"


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
        elif err.is_terminal:
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
    server = f"{event.server} {event.version}".strip()
    total = f"total {event.overall_ratio:.0%}"
    if event.phase == "ready":
        return f"{server}: ready after {event.elapsed_s:.0f} s; {total}"
    if event.phase == "waiting":
        return f"{server}: another run is building it; waiting"
    return f"building {server}: {event.elapsed_s:.0f} s of about {event.estimate_s:.0f} s; {total}"
