"""``lab logs export``: lines to a file, whole or not at all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from labctl.backends.durations import parse_duration_s
from labctl.backends.loki import Window
from labctl.cli.asking import Level, Since, ask_lab
from labctl.cli.output import AsJson, err
from labctl.logs.export import write_csv, write_json
from labctl.logs.query import from_arguments, to_logql
from labkit.errors import ConfigurationError


class ExportFormat(Enum):
    """What ``--format`` takes."""

    JSON = "json"
    CSV = "csv"


WRITERS = {ExportFormat.JSON: write_json, ExportFormat.CSV: write_csv}


def export(
    *,
    query: Annotated[
        list[str] | None, typer.Argument(help="LogQL or key=value words; nothing means all lines.")
    ] = None,
    file_format: Annotated[ExportFormat, typer.Option("--format", help="json or csv.")] = ExportFormat.JSON,
    since: Since = "1h",
    level: Level = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write every matching line, oldest first, as JSON or CSV."""
    window = Window.last(parse_duration_s(since, "--since"))
    logql = to_logql(from_arguments(query or []), level=level)
    _, backends = ask_lab()
    written = 0
    with _target(output) as target, _progress() as progress:
        task = progress.add_task("", total=None)
        for size in WRITERS[ExportFormat.JSON if as_json else file_format](backends.loki.pages(logql, window), target):
            written += size
            progress.update(task, description=f"{written:,} lines")
    err.print(f"{written:,} lines" + (f" in {output}" if output else ""), markup=False)


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears under its name only when it is complete."""
    if output is None:
        yield sys.stdout
        return
    scratch = output.with_name(output.name + ".part")
    try:
        with scratch.open("w", encoding="utf-8", newline="") as target:
            yield target
        scratch.replace(output)
    except OSError as error:
        raise ConfigurationError(
            f"{output} cannot be written: {error.strerror}.", "Choose another --output."
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def _progress() -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), console=err, transient=True)
