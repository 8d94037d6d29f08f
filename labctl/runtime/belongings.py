"""Which processes of this machine belong to a lab: by the marker in their environment, whoever their parent is.

A supervisor that was killed leaves its processes to the system; their names tell nothing, their environment does.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import psutil

from labctl.settings import Lab
from labkit.errors import LabError

POLL_S = 0.05
# Everything descends from it, so its descendants tell nothing.
SUPERVISOR = "supervisor"


def processes_of(lab: Lab) -> list[psutil.Process]:
    """Every living process of ``lab``, but never the one that asks."""
    found = {process.pid: process for _component, process in _marked(lab)}
    return [process for pid, process in found.items() if pid != os.getpid()]


def pids_by_component(lab: Lab) -> dict[str, list[int]]:
    """Process ids by component name; a service's master comes before its workers."""
    found: dict[str, list[int]] = {}
    for component, process in _marked(lab):
        pids = found.setdefault(component, [])
        if process.pid not in pids:
            pids.append(process.pid)
    return found


def _marked(lab: Lab) -> Iterator[tuple[str, psutil.Process]]:
    """Marked processes by age with their component, each followed by its descendants.

    PostgreSQL's children write their state over their environment, so only their parent tells whose they are.
    """
    for process in psutil.process_iter():
        environ = _environ(process)
        if environ.get("LAB_INSTANCE") != lab.instance or not _lives(process):
            continue
        component = environ.get("LAB_COMPONENT", "?")
        yield component, process
        if component == SUPERVISOR:
            continue
        with suppress(psutil.NoSuchProcess):
            yield from ((component, child) for child in process.children(recursive=True))


def end(processes: Iterable[psutil.Process], *, grace_s: float = 12.0) -> None:
    """SIGTERM, and SIGKILL for those still there after ``grace_s``. Raises LabError when some survive even that."""
    living = list(processes)
    for signal_it, wait_s in ((psutil.Process.terminate, grace_s), (psutil.Process.kill, 5.0)):
        for process in living:
            try:
                signal_it(process)
            except psutil.NoSuchProcess:
                continue
        living = _still_there(living, wait_s)
        if not living:
            return
    raise LabError(
        f"{len(living)} processes of the lab do not end: {', '.join(str(process.pid) for process in living)}.",
        "Look at them with ps; a process in state D waits for its disk.",
    )


def end_supervisor(lab: Lab) -> None:
    """SIGKILL to the supervisor alone: called when it has stopped everything it started."""
    for pid in pids_by_component(lab).get(SUPERVISOR, []):
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()


def _still_there(processes: list[psutil.Process], wait_s: float) -> list[psutil.Process]:
    deadline_s = time.monotonic() + wait_s
    while processes and time.monotonic() < deadline_s:
        processes = [process for process in processes if _lives(process)]
        time.sleep(POLL_S)
    return processes


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _environ(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
