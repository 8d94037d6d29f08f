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
from contextlib import contextmanager, suppress
from pathlib import Path

from labctl.native.servers import SOURCES, Server
from labkit.errors import ConfigurationError, LabError

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
    if root == SOURCES:
        raise _unusable(root, "it is the checkout's own folder of sources")
    for folder in (root, *(root / name for name in ("logs", "locks", "scratch"))):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, str(error.strerror)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _unusable(folder, "permission denied or a read-only disk")
    return root


def _unusable(folder: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The cache folder {folder} cannot be written: {why}.",
        "Set LAB_CACHE to a folder that you may write.",
        {"folder": str(folder)},
    )


@contextmanager
def build_lock(server: Server, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the one right to build ``server``; ``waiting`` is called once if somebody else has it.

    The kernel gives the lock back when its holder dies, however it dies.
    """
    with locked(prepare() / "locks" / f"{server.name}.lock", waiting):
        yield


@contextmanager
def locked(file: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold ``file``'s lock; ``waiting`` is called once if somebody else has it."""
    with file.open("w") as handle:
        if not _lock_now(handle.fileno()):
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing alone would leave it with a child process that was forked meanwhile.
            fcntl.flock(handle, fcntl.LOCK_UN)


def _lock_now(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def scratch_dir() -> Iterator[Path]:
    """A private folder for one run of builds, on the cache's file system, removed after.

    Its own lock marks it as in use; folders whose lock is free were left by a killed run and are removed first.
    """
    root = prepare()
    folder = root / "scratch" / f"{os.getpid()}-{os.urandom(4).hex()}"
    # Under one lock: a run that looks for leftovers must not meet a folder whose owner has not locked it yet.
    with locked(_scratch_lock(root)):
        remove_leftovers(root / "scratch")
        folder.mkdir(mode=0o700)
        handle = (folder / "in-use").open("w")
        fcntl.flock(handle, fcntl.LOCK_EX)
    with handle:
        try:
            yield folder
        finally:
            # A killed compiler's last child may still write; the next run removes what it leaves.
            with suppress(OSError):
                remove_tree(folder)


@contextmanager
def no_build_running() -> Iterator[None]:
    """Hold off new builds for a while; raises LabError when one is at work."""
    root = prepare()
    with locked(_scratch_lock(root)):
        remove_leftovers(root / "scratch")
        busy = [folder.name for folder in (root / "scratch").iterdir() if _in_use(folder)]
        if busy:
            raise LabError(
                f"A build is at work in {root} (process {busy[0].partition('-')[0]}).",
                "Wait until it has finished, or end it with Ctrl-C.",
                {"folder": str(root), "builds": busy},
            )
        yield


def _scratch_lock(root: Path) -> Path:
    return root / "locks" / "scratch.lock"


def remove_leftovers(scratch: Path) -> None:
    """Remove the scratch folders of runs that no longer live. The caller holds the scratch lock."""
    for folder in scratch.iterdir():
        if not _in_use(folder):
            with suppress(OSError):
                remove_tree(folder)


def _in_use(folder: Path) -> bool:
    """Whether the run that made ``folder`` still lives: the kernel frees its lock when it dies."""
    try:
        with (folder / "in-use").open("r") as handle:
            return not _lock_now(handle.fileno())
    except FileNotFoundError:
        return False


def remove_tree(folder: Path) -> None:
    """Remove ``folder`` even where a module cache made its folders read-only; links in it are not followed."""
    _own(folder)
    for parent, names, _files in os.walk(folder):  # from the top: a folder is opened up before it is listed
        for name in names:
            _own(Path(parent, name))
    shutil.rmtree(folder)


def _own(folder: Path) -> None:
    if not folder.is_symlink() and folder.stat().st_mode & 0o700 != 0o700:
        folder.chmod(0o700)


def size_of(path: Path) -> int:
    """Bytes of all files below ``path`` (or of the file itself); what vanishes meanwhile counts nothing."""
    if path.is_symlink():
        return 0
    total = 0
    for file in [path] if path.is_file() else path.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() and not file.is_symlink() else 0
    return total
