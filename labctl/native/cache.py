"""Where built servers are kept, outside the checkout: one folder for each digest, put in place by one rename.

A folder that exists is complete. Whatever else lies in the cache is scratch of a running build or a leftover of a
killed one; the lock of its server tells which.
"""

import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from labctl.native.servers import Server
from labkit.errors import ConfigurationError

BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")


def cache_root(environ: Mapping[str, str] | None = None) -> Path:
    """``$LAB_CACHE``, else ``$XDG_CACHE_HOME/opslab``, else ``~/.cache/opslab``."""
    env = os.environ if environ is None else environ
    if env.get("LAB_CACHE"):
        return Path(env["LAB_CACHE"]).expanduser().absolute()
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser().absolute() / "opslab"


def native_root() -> Path:
    """The part of the cache that holds built servers, build logs and locks."""
    return cache_root() / "native"


def digest(server: Server) -> str:
    """Twelve hex digits over everything that decides the binary: sources, version, flags, system."""
    told = hashlib.sha256()
    facts = (server.version, server.version_variable, *BUILD_FLAGS, *sorted(server.binaries.values()), _system())
    told.update("\0".join(facts).encode())
    for file in sorted(p for p in server.sources.rglob("*") if p.is_file()):
        told.update(f"\0{file.relative_to(server.sources)}\0".encode() + file.read_bytes())
    return told.hexdigest()[:12]


def _system() -> str:
    return f"{platform.system()}-{platform.machine()}"


def finished_dir(server: Server) -> Path:
    """Where ``server`` lies once it is built; it exists only complete."""
    return native_root() / f"{server.name}-{server.version}-{digest(server)}"


def log_file(server: Server) -> Path:
    """The whole output of the last build of ``server``."""
    return native_root() / "logs" / f"{server.name}.log"


def prepare() -> Path:
    """Make the cache folder; raises ConfigurationError when it cannot be written."""
    root = native_root()
    try:
        (root / "logs").mkdir(parents=True, exist_ok=True)
        (root / "locks").mkdir(exist_ok=True)
        (root / "scratch").mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The cache folder {root} cannot be written: {error.strerror}.",
            "Set LAB_CACHE to a folder that you may write.",
            {"folder": str(root)},
        ) from error
    return root


@contextmanager
def build_lock(server: Server, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the one right to build ``server``; ``waiting`` is called once if somebody else has it.

    The kernel gives the lock back when its holder dies, however it dies.
    """
    path = prepare() / "locks" / f"{server.name}.lock"
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """A private folder for one run of builds, on the cache's file system, removed after.

    Its own lock marks it as in use; folders whose lock is free were left by a killed run and are removed first.
    """
    root = prepare() / "scratch"
    remove_leftovers(root)
    folder = root / f"{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    with (folder / "in-use").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            remove_tree(folder)


def remove_leftovers(root: Path) -> None:
    """Remove the scratch folders of runs that no longer live."""
    for folder in root.iterdir():
        marker = folder / "in-use"
        if not marker.exists():
            continue
        with marker.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` even where a module cache made its folders read-only."""

    def make_writable(_function: object, path: str, _error: object) -> None:
        parent = Path(path).parent
        if parent.exists():
            parent.chmod(0o700)
            target = Path(path)
            target.unlink(missing_ok=True) if not target.is_dir() else shutil.rmtree(target, ignore_errors=True)

    shutil.rmtree(folder, onerror=make_writable)
