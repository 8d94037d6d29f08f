"""``lab support-bundle``: logs, configuration and status in one file that can be sent to somebody."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from labctl.bundle import Packed, pack
from labctl.cli.asking import visible
from labctl.cli.output import AsJson, emit, err
from labctl.settings import Lab


def support_bundle(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write (tar.gz).")] = None,
    as_json: AsJson = False,
) -> None:
    """Pack logs, configuration, status and the doctor's findings, with secrets removed."""
    target = output or Path(time.strftime("opslab-support-%Y%m%d-%H%M%S.tar.gz"))
    packed = pack(Lab.from_env(), target.absolute(), progress=lambda name: err.print(f"[dim]packing {name}[/]"))
    emit(packed, lambda: _report(packed), as_json=as_json)


def _report(packed: Packed) -> Text:
    said = Text(
        f"{visible(packed.path)}\n{len(packed.files)} files, {packed.size_bytes / 1000:.0f} kB, secrets removed."
    )
    for name, reason in packed.left_out.items():
        said.append(f"\nleft out: {visible(name)}: {visible(reason)}", "yellow")
    said.append("\nLook through it before you send it: what people typed into log messages is theirs to judge.", "dim")
    return said
