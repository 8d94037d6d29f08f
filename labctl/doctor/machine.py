"""Facts about this machine, behind one class so that tests can put another machine in its place."""

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

RUN_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Ran:
    """What a program answered. ``code`` is None when it is not there or did not answer in time."""

    code: int | None
    output: str


@dataclass(frozen=True)
class Holder:
    """A process that listens on a port. ``pid`` is None when only root may know it."""

    pid: int | None
    program: str
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Running:
    """A process that carries a marker of a lab in its environment."""

    pid: int
    program: str
    environ: Mapping[str, str]


class Machine:
    """The machine this process runs on."""

    def python_version(self) -> tuple[int, int, int]:
        """Version of the interpreter that runs the lab."""
        return sys.version_info[:3]

    def available_memory_bytes(self) -> int:
        """What new processes can take without swapping; a container's own limit counts too."""
        return min(int(psutil.virtual_memory().available), _cgroup_room_bytes())

    def disk(self, path: Path) -> tuple[int, int]:
        """Free and total bytes of the file system on which ``path`` lies or will lie."""
        usage = shutil.disk_usage(existing_parent(path))
        return usage.free, usage.total

    def free_inodes(self, path: Path) -> int:
        """How many more files fit; some file systems do not count and say 0 of 0, which is shown as plenty."""
        stat = os.statvfs(existing_parent(path))
        return stat.f_favail if stat.f_files else sys.maxsize

    def is_writable(self, path: Path) -> bool:
        """Whether a file can really be made in ``path``; permissions alone do not tell on a read-only disk."""
        probe = path / f".lab-probe-{os.getpid()}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe.write_text("", encoding="utf-8")
            probe.unlink()
        except OSError:
            return False
        return True

    def listeners(self) -> dict[int, Holder]:
        """Who listens on which TCP port, as far as this user may know."""
        found: dict[int, Holder] = {}
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr:
                found.setdefault(one.laddr.port, _holder(one.pid))
        return found

    def lab_processes(self) -> list[Running]:
        """Every process of any lab: those with LAB_INSTANCE in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                environ = process.environ()
                if environ.get("LAB_INSTANCE") and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(Running(process.pid, process.name(), environ))
            except psutil.Error:
                continue
        return found

    def is_alive(self, pid: int) -> bool:
        """Whether a process of that id runs."""
        return psutil.pid_exists(pid)

    def answers(self, path: Path) -> bool:
        """Whether somebody accepts connections on a Unix socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(path))
            except OSError:
                return False
        return True

    def run(self, *argv: str) -> Ran:
        """Ask another program; never raises."""
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Ran(None, str(error))
        return Ran(done.returncode, (done.stdout + done.stderr).strip())

    def system(self) -> str:
        """Name of the operating system: Linux, Darwin."""
        return platform.system()


def existing_parent(path: Path) -> Path:
    """The nearest folder at or above ``path`` that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _holder(pid: int | None) -> Holder:
    if pid is None:
        return Holder(None, "another user's program", {})
    try:
        process = psutil.Process(pid)
        return Holder(pid, process.name(), process.environ())
    except psutil.AccessDenied:
        return Holder(pid, "another user's program", {})
    except psutil.Error:
        return Holder(None, "a program that has just ended", {})


def _cgroup_room_bytes() -> int:
    """What the control group of this process still allows (version 2), or a very large number."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (group / "memory.max").read_text(), (group / "memory.current").read_text()
    except OSError:
        return sys.maxsize
    return int(limit) - int(used) if limit.strip().isdigit() else sys.maxsize
