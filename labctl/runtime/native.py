"""The lab as local processes: the same servers, the same configuration, one supervisor."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from labctl import native
from labctl.native.provision import BuildEvent
from labctl.runtime import belongings, ports
from labctl.runtime.base import ComponentState, Progress, Step
from labctl.runtime.description import Stack, load_stack
from labctl.runtime.process_file import process_file
from labctl.runtime.readiness import answers
from labctl.runtime.supervisor import ProcessState, Supervisor
from labctl.runtime.translate import Process, Translation
from labctl.settings import Lab
from labkit.errors import CannotTell, LabError

POLL_S = 0.15
UP_TIMEOUT_S = 180.0
SUPERVISOR_TIMEOUT_S = 20.0
# A process that was started again this often while the lab comes up is not going to come up.
TOO_MANY_RESTARTS = 4
LOG_TAIL_LINES = 8


class NativeRuntime:
    """See :class:`labctl.runtime.base.Runtime`."""

    name = "native"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._supervisor = Supervisor(lab)

    def up(self, progress: Progress) -> list[ComponentState]:
        """Build what is missing, start what does not run, wait until all is ready."""
        native.ensure(progress=lambda event: progress(Step(note=_sentence(event))))
        with _only_one(self._lab, lambda: progress(Step(note="another `lab up` is at work on this lab; waiting"))):
            processes = self._processes()
            self._start(processes, progress)
            return self._wait(processes, progress)

    def down(self, *, volumes: bool) -> None:
        """Ask the supervisor; then end whatever of this lab is still there, also when the supervisor was killed."""
        if self._supervisor.is_alive():
            # It may end while it answers; what is left then is ended below.
            with suppress(CannotTell):
                self._stop_senders()
                self._supervisor.stop_all()
            # It stays when its work is done, and has nothing left to be asked nicely for.
            belongings.end_supervisor(self._lab)
        belongings.end(belongings.processes_of(self._lab))
        self._supervisor.socket.unlink(missing_ok=True)
        if volumes:
            # Data and secrets go together: a database knows its password only once.
            for folder in (self._lab.data_dir, self._lab.secrets_dir):
                if folder.exists():
                    shutil.rmtree(folder)

    def status(self) -> list[ComponentState]:
        """Every component with its memory (proportional set size) and ports."""
        if not self._supervisor.is_alive():
            return []
        processes = self._processes()
        memory = memory_by_component(self._lab)
        return self._states(processes, memory)

    def stop(self, component: str) -> None:
        """End one process and keep it down."""
        self._supervisor.stop(component)

    def start(self, component: str) -> None:
        """Start one process that was stopped; returns before it is ready."""
        self._supervisor.start_process(component)

    def restart(self, component: str) -> None:
        """Restart one process and wait for it."""
        self._supervisor.restart(component)
        wanted = [process for process in self._processes() if process.name == component]
        self._wait(wanted, lambda _step: None)

    def operator_token(self) -> str | None:
        """From the lab's own secrets."""
        return self._lab.operator_token()

    def stack(self) -> Stack:
        """The components of this lab, those that LAB_WITHOUT names left out."""
        return load_stack(self._lab.checkout / "compose.yaml", compose_values(self._lab)).without(left_out())

    def _processes(self) -> list[Process]:
        return Translation(self.stack(), self._lab, os.environ).processes()

    def _start(self, processes: list[Process], progress: Progress) -> None:
        text = process_file(processes, self._lab)
        file = self._supervisor.file
        is_same = file.is_file() and file.read_text(encoding="utf-8") == text
        if self._supervisor.is_alive():
            if is_same:
                self._start_stopped()
                return
            progress(Step(note="the lab's description changed; restarting it"))
        self.down(volumes=False)
        ports.check_free(processes, self._lab)
        file.parent.mkdir(parents=True, exist_ok=True)
        for volume in {mount.source for c in self.stack().components for mount in c.mounts if mount.source[0] != "."}:
            if volume != "secrets":
                (self._lab.data_dir / volume).mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self._lab.remember(self.name)
        self._supervisor.start()
        self._await_supervisor()

    def _start_stopped(self) -> None:
        """After a `stop`, or a one-shot that failed, the same file still runs: start what does not."""
        for state in self._supervisor.states().values():
            is_failed_one_shot = state.status == "Completed" and state.exit_code != 0
            if not state.is_running and (state.status in ("Error", "Skipped") or is_failed_one_shot):
                self._supervisor.start_process(state.name)
        for process in self._processes():
            state = self._supervisor.states()[process.name]
            if not process.is_one_shot and state.status == "Completed":
                self._supervisor.start_process(process.name)

    def _stop_senders(self) -> None:
        """Whatever compose.yaml lists after the collector sends to it: end that first, so that it can say its last."""
        names = [name for name, state in self._supervisor.states().items() if state.is_running]
        order = self.stack().names
        senders = [name for name in names if order.index(name) > order.index("collector")]
        if senders:
            with ThreadPoolExecutor(len(senders)) as pool:
                list(pool.map(self._supervisor.stop, senders))

    def _await_supervisor(self) -> None:
        deadline_s = time.monotonic() + SUPERVISOR_TIMEOUT_S
        while not self._supervisor.is_alive():
            if time.monotonic() > deadline_s:
                raise LabError(
                    "The lab's supervisor did not start.",
                    f"Its last words: {_tail(self._lab.logs_dir / 'supervisor.out')}",
                )
            time.sleep(POLL_S)

    def _wait(self, processes: list[Process], progress: Progress) -> list[ComponentState]:
        deadline_s = time.monotonic() + UP_TIMEOUT_S
        while True:
            states = self._states(processes, {})
            progress(Step(components=tuple(states)))
            if all(state.is_good for state in states):
                return states
            failed = next((state for state in states if state.state == "failed"), None)
            if failed or time.monotonic() > deadline_s:
                raise self._did_not_come_up(failed or next(state for state in states if not state.is_good))
            time.sleep(POLL_S)

    def _did_not_come_up(self, state: ComponentState) -> LabError:
        log = self._lab.logs_dir / f"{state.name}.log"
        return LabError(
            f"{state.name} does not come up: {state.state}, {state.detail}. Its last lines:\n{_tail(log)}",
            f"The whole log is {log}. `lab doctor` looks for the usual causes; `lab up` tries again.",
            {"component": state.name, "state": state.state, "log": str(log)},
        )

    def _states(self, processes: list[Process], memory: dict[str, int]) -> list[ComponentState]:
        known = self._supervisor.states()
        asked = answers([process for process in processes if known[process.name].is_running])
        return [_component_state(p, known[p.name], asked.get(p.name, False), memory.get(p.name, 0)) for p in processes]


def compose_values(lab: Lab) -> dict[str, str]:
    """What compose.yaml's ``${...}`` places are filled with, in both runtimes."""
    return {**os.environ, "LAB_PORT": str(lab.port), "LAB_OTLP_PORT": str(lab.otlp_port), "LAB_PROJECT": lab.project}


def left_out() -> frozenset[str]:
    """The components that LAB_WITHOUT (comma list) leaves out by name."""
    return frozenset(name.strip() for name in os.environ.get("LAB_WITHOUT", "").split(",") if name.strip())


def memory_by_component(lab: Lab) -> dict[str, int]:
    """Proportional set size in bytes (shared pages counted once over all), by component."""
    total: dict[str, int] = {}
    for name, pids in belongings.pids_by_component(lab).items():
        total[name] = sum(_pss(pid) for pid in pids)
    return total


def _pss(pid: int) -> int:
    try:
        found = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", found.rss))


def _component_state(process: Process, state: ProcessState, is_ready: bool, memory: int) -> ComponentState:
    word, detail = _word(process, state, is_ready)
    return ComponentState(
        name=process.name,
        state=word,
        seconds=state.age_s,
        detail=detail,
        pid=state.pid if state.is_running else 0,
        restarts=state.restarts,
        memory_bytes=memory,
        ports=tuple(process.ports.values()),
    )


def _word(process: Process, state: ProcessState, is_ready: bool) -> tuple[str, str]:
    if process.is_one_shot and state.status == "Completed":
        return ("done", "") if state.exit_code == 0 else ("failed", f"ended with exit code {state.exit_code}")
    if state.status in ("Error", "Skipped"):
        return "failed", f"{state.status.lower()}, exit code {state.exit_code}"
    if state.is_running and is_ready:
        return "ready", ""
    if state.restarts >= TOO_MANY_RESTARTS and not is_ready:
        return "failed", f"started {state.restarts + 1} times, last exit code {state.exit_code}"
    if state.is_running or state.status in ("Restarting", "Launching", "Launched"):
        return "starting", ""
    return ("waiting", "") if state.status == "Pending" else ("stopped", state.status.lower())


@contextmanager
def _only_one(lab: Lab, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the right to bring this lab up; a killed holder's right is given back by the kernel."""
    lab.home.mkdir(parents=True, exist_ok=True)
    with (lab.home / "up.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _tail(file: Path) -> str:
    if not file.is_file():
        return "(it wrote nothing)"
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line[:300] for line in lines[-LOG_TAIL_LINES:]) or "(it wrote nothing)"


def _sentence(event: BuildEvent) -> str:
    return event.note or f"building {event.server}: {event.phase}, {event.overall_ratio:.0%} of all"
