"""What the commands that ask a lab share: its backends, common options, and text from telemetry made visible."""

import os
from typing import Annotated

import typer

from labctl.backends import Backends
from labctl.cli.output import out
from labctl.settings import Lab

Since = Annotated[str, typer.Option("--since", help="How far back: 90s, 15m, 1h, 7d.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=5000, help="At most so many results.")]
Level = Annotated[str | None, typer.Option("--level", help="debug, info, warning, error or critical, and above.")]
Service = Annotated[str | None, typer.Option("--service", help="Only this service.")]
PIPE_WIDTH = 160
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def ask_lab() -> tuple[Lab, Backends]:
    """The lab that the environment names, and its backends (with the operator's token, if this machine has one)."""
    lab = Lab.from_env()
    return lab, Backends.at(lab.url, lab.operator_token())


def page_width() -> int:
    """Columns to lay out for: the terminal's; into a pipe or a file more, so that nothing is cut short."""
    return out.width if out.is_terminal or "COLUMNS" in os.environ else PIPE_WIDTH


def visible(text: object) -> str:
    """``text`` on one line with every control character shown as an escape: for ``rich.text.Text``, not markup.

    Log lines and span names are hostile input: an ANSI sequence in them must not reach the terminal.
    """
    return "".join(char if char.isprintable() else _ESCAPES.get(char) or f"\\u{ord(char):04x}" for char in str(text))
