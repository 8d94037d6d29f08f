"""``lab down``: end the lab and leave nothing behind."""

from typing import Annotated

import typer

from labctl.cli.output import AsJson, emit, err
from labctl.runtime.choose import current
from labctl.settings import Lab


def down(
    volumes: Annotated[bool, typer.Option("--volumes", help="Remove what the stores kept as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """End every process or container of this lab; succeeds when none runs."""
    runtime = current(Lab.from_env())
    err.print(f"[dim]ending the lab ({runtime.name})[/]")
    runtime.down(volumes=volumes)
    kept = "its data is removed" if volumes else "its data is kept"
    emit({"runtime": runtime.name, "volumes_removed": volumes}, lambda: f"the lab is down; {kept}", as_json=as_json)
