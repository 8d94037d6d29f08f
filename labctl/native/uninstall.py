"""What the lab ever put outside its checkout, and its removal."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labctl.native.cache import cache_root, remove_tree
from labctl.settings import Lab


@dataclass(frozen=True)
class Outside:
    """A folder outside the checkout that is the lab's alone. ``size_bytes`` counts files once, links not at all."""

    path: Path
    about: str
    size_bytes: int


def outside(lab: Lab, environ: Mapping[str, str] | None = None) -> list[Outside]:
    """Every such folder that exists now. One that is a symbolic link is not ours and never listed."""
    env = os.environ if environ is None else environ
    candidates = [
        (cache_root(env), "built servers, the Go toolchain, images of the test engine"),
        (lab.socket_dir, "sockets of supervisors"),
    ]
    if not lab.home.is_relative_to(lab.checkout):
        candidates.append((lab.home, "state of this lab (LAB_HOME)"))
    return [Outside(path, about, _size(path)) for path, about in candidates if path.is_dir() and not path.is_symlink()]


def remove(found: list[Outside]) -> int:
    """Remove the folders; links inside are removed, what they lead to stays. Returns the bytes freed."""
    for folder in found:
        remove_tree(folder.path)
    return sum(folder.size_bytes for folder in found)


def _size(folder: Path) -> int:
    """Bytes of the files below ``folder`` on its own file system; what vanishes meanwhile counts nothing."""
    device, total = folder.stat().st_dev, 0
    for place, names, files in os.walk(folder):
        names[:] = [name for name in names if _device(Path(place) / name) == device]
        for file in files:
            with suppress(OSError):
                total += (Path(place) / file).lstat().st_size
    return total


def _device(folder: Path) -> int:
    try:
        return folder.lstat().st_dev
    except OSError:
        return -1
