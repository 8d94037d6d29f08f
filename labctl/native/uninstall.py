"""What the lab ever put outside its checkout, and its removal.

Nothing else is ever removed: a folder that holds the checkout or somebody's home, belongs to another user, has
something mounted in it or is in use is refused, and all are looked at before the first is touched.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from labctl.native import cache
from labctl.native.usage import refuse_while_used
from labctl.settings import Lab
from labkit.errors import ConfigurationError, LabError

# What the lab puts into its cache: built servers, an installed Go, the engine and base images of the compose tests.
CACHE_ENTRIES = ("native", "go", "engine", "engine.lock", "rootfs")


@dataclass(frozen=True)
class Outside:
    """A folder outside the checkout. ``size_bytes`` counts files once, links not at all.

    ``entries`` are what goes when not the whole folder is the lab's: LAB_CACHE may name one with other things in it.
    """

    path: Path
    about: str
    size_bytes: int
    entries: tuple[Path, ...] | None = None


def outside(lab: Lab, environ: Mapping[str, str] | None = None) -> list[Outside]:
    """Every such folder that exists now. One that is a symbolic link is not ours and never listed.

    Raises ConfigurationError for a folder that must not be removed, whatever LAB_CACHE or LAB_HOME say.
    """
    env = os.environ if environ is None else environ
    candidates = [
        (cache.cache_root(env), "built servers, the Go toolchain, images of the test engine"),
        (lab.socket_dir, "sockets of supervisors"),
    ]
    if not lab.home.is_relative_to(lab.checkout):
        candidates.append((lab.home, "state of this lab (LAB_HOME)"))
    shared = cache.cache_root(env) if env.get("LAB_CACHE") else None
    return [
        _look_at(path, about, lab, is_shared=path == shared)
        for path, about in candidates
        if path.is_dir() and not path.is_symlink()
    ]


def remove(found: list[Outside]) -> int:
    """Remove the folders; links inside are removed, what they lead to stays. Returns the bytes freed.

    Raises ConfigurationError for a mount in one of them, LabError while a lab or a build uses something of them; then
    nothing is removed.
    """
    roots = [path for folder in found for path in _roots(folder)]
    for root in roots:
        _refuse_mounts(root)
    refuse_while_used(roots)
    servers = cache.native_root()
    has_servers = servers.is_dir() and any(servers.is_relative_to(root) for root in roots)
    with cache.no_build_running() if has_servers else nullcontext():
        for root in roots:
            _remove(root)
    for folder in found:
        with suppress(OSError):  # not empty: the rest is not ours
            folder.path.rmdir()
    return sum(folder.size_bytes for folder in found)


def _look_at(path: Path, about: str, lab: Lab, *, is_shared: bool) -> Outside:
    precious = [place for place in (lab.checkout, Path.home()) if place.is_relative_to(path.resolve())]
    if precious:
        raise _not_ours(path, f"{precious[0]} lies in it")
    if path.stat().st_uid != os.getuid():
        raise _not_ours(path, "it belongs to another user")
    entries = tuple(path / name for name in CACHE_ENTRIES if os.path.lexists(path / name)) if is_shared else None
    return Outside(path, about, sum(cache.size_of(root) for root in entries or [path]), entries)


def _roots(folder: Outside) -> Iterator[Path]:
    """What goes of ``folder``: named entries, or the whole; a nested one may have gone with another."""
    wanted = [folder.path] if folder.entries is None else folder.entries
    yield from (path for path in wanted if os.path.lexists(path))


def _refuse_mounts(root: Path) -> None:
    mounts = [Path(mount.mountpoint) for mount in psutil.disk_partitions(all=True)]
    inside = next((mount for mount in mounts if mount.is_relative_to(root.resolve())), None)
    if inside:
        raise _not_ours(root, f"{inside} is mounted there (does the tests' container engine still run?)")


def _not_ours(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is not removed: {why}. Nothing was removed.",
        "Look at LAB_CACHE, LAB_HOME and the folder itself, put it right by hand, then run the same command again.",
        {"path": str(path)},
    )


def _remove(root: Path) -> None:
    try:
        if root.is_dir() and not root.is_symlink():
            cache.remove_tree(root)
        else:
            root.unlink(missing_ok=True)
    except OSError as error:
        raise LabError(
            f"{error.filename or root} cannot be removed: {error.strerror}.",
            "Run the same command again as the user who owns it; what is already removed stays removed.",
            {"path": str(root)},
        ) from error
