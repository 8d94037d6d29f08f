"""How every command speaks: results on stdout, diagnostics on stderr, ``--json`` everywhere, one error shape.

Text that comes from telemetry is hostile: :func:`plain` makes control characters visible and escapes markup.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape

from labkit.errors import LabError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def plain(text: object) -> str:
    """``text`` safe to print inside rich markup: control characters become ``\\xNN``, brackets are escaped."""
    shown = "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in str(text))
    return escape(shown)


def emit(result: object, render: Callable[[], RenderableType | None], *, as_json: bool) -> None:
    """Print ``result`` as JSON, or what ``render()`` makes of it for people (None: it printed by itself)."""
    if as_json:
        sys.stdout.write(json.dumps(result, default=_jsonable, indent=2, ensure_ascii=False) + "\n")
        return
    picture = render()
    if picture is not None:
        out.print(picture)


def show_error(error: LabError, *, as_json: bool) -> None:
    """Say what happened and what to do next; with ``--json`` the same as one document on stdout."""
    if as_json:
        sys.stdout.write(json.dumps(error.as_json(), default=_jsonable, indent=2, ensure_ascii=False) + "\n")
        return
    err.print(f"[bold red]error[/] {plain(error.message)}")
    if error.hint:
        err.print(f"      [dim]next:[/] {plain(error.hint)}")


def _jsonable(value: Any) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
