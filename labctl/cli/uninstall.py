"""``lab uninstall``: remove everything that the lab ever put outside its checkout, after asking."""

import subprocess
import sys
from typing import Annotated

import typer

from labctl.cli.output import AsJson, emit, err, plain
from labctl.native.uninstall import Outside, outside, remove
from labctl.runtime.choose import current
from labctl.runtime.compose import find_engine
from labctl.settings import Lab
from labkit.errors import ConfigurationError

IMAGES = ("opslab/service:dev", "opslab/console:dev")


def uninstall(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """End the lab, then remove its caches, sockets, containers, volumes and images. The checkout itself stays."""
    lab = Lab.from_env()
    found = outside(lab)
    images = _images()
    _show(found, images)
    if not yes and not _agreed():
        raise ConfigurationError("Nothing was removed.", "Answer y, or use --yes.")
    current(lab).down(volumes=True)
    freed = remove(found)
    if images:
        subprocess.run(["docker", "image", "rm", *images], capture_output=True, check=False)
    result = {"removed": [folder.path for folder in found], "images": images, "freed_bytes": freed, "left": lab.home}
    left = f"; in the checkout {plain(lab.home)} is left: rm -rf '{plain(lab.home)}'" if lab.home.exists() else ""
    emit(result, lambda: f"freed {freed / 1e6:.0f} MB{left}", as_json=as_json)


def _images() -> list[str]:
    """Our own images that the engine has; none where no engine answers."""
    if find_engine().why_not:
        return []
    return [
        name
        for name in IMAGES
        if subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0
    ]


def _show(found: list[Outside], images: list[str]) -> None:
    for folder in found:
        err.print(f"{folder.size_bytes / 1e6:8.0f} MB  {plain(folder.path)}  [dim]{folder.about}[/]")
    for image in images:
        err.print(f"     image  {image}")
    if not found and not images:
        err.print("outside the checkout there is nothing of the lab")


def _agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("End the lab and remove all of this?", err=True)
