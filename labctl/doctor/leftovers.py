"""What an older lab may have left behind: processes without a home, stale locks, old caches."""

from collections.abc import Iterator
from pathlib import Path

from labctl.doctor.finding import Finding, check, passed, warned
from labctl.doctor.patient import Patient
from labctl.native.cache import finished_dir, native_root
from labctl.native.servers import catalogue

LOCKS = ("venv.busy",)


@check("leftovers", "machine")
def leftovers(patient: Patient) -> Iterator[Finding]:
    """Everything that would puzzle the next `lab up`."""
    found = [*_orphans(patient), *_stale_locks(patient), *_dead_sockets(patient), *_old_servers()]
    yield from found or [passed("nothing is left of an older lab")]


def _orphans(patient: Patient) -> Iterator[Finding]:
    homeless: dict[str, list[int]] = {}
    for process in patient.machine.lab_processes():
        home = process.environ.get("LAB_HOME", "")
        if home and not Path(home).exists():
            homeless.setdefault(home, []).append(process.pid)
    for home, pids in homeless.items():
        yield warned(
            f"{len(pids)} processes of a lab whose folder {home} is gone still run.",
            f"kill {' '.join(map(str, sorted(pids)))}",
            pids=sorted(pids),
            home=home,
        )


def _stale_locks(patient: Patient) -> Iterator[Finding]:
    for name in LOCKS:
        lock = patient.lab.home / name
        holder = _pid_in(lock / "pid")
        if lock.exists() and holder is not None and not patient.machine.is_alive(holder):
            yield warned(f"{lock} is the lock of a process ({holder}) that has ended.", f"rm -r {lock}", path=str(lock))


def _dead_sockets(patient: Patient) -> Iterator[Finding]:
    """Supervisors' sockets on which nobody answers."""
    for path in sorted(patient.lab.socket_dir.glob("*.sock")):
        if path.is_socket() and not patient.machine.answers(path):
            yield warned(f"{path} is a socket on which nobody answers.", f"rm {path}", path=str(path))


def _old_servers() -> Iterator[Finding]:
    """Built servers of versions or sources that this checkout no longer has."""
    root = native_root()
    wanted = {finished_dir(server) for server in catalogue().servers}
    names = {server.name for server in catalogue().servers}
    folders = [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []
    old = [path for path in folders if path not in wanted and any(path.name.startswith(f"{name}-") for name in names)]
    if old:
        yield warned(
            f"{len(old)} servers of other versions lie in {root}.",
            "lab native clean --help",
            paths=[str(path) for path in sorted(old)],
        )


def _pid_in(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
