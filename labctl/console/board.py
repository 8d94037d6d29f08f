"""The state of every part, kept fresh in the background so that a page never waits for a part that hangs."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from labctl.backends.lab import Component
from labctl.console.probes import Probe

# Somebody looks: once a second. Nobody has looked for a while: rarely, the first look waits for a fresh answer.
BUSY_INTERVAL_S = 1.0
IDLE_INTERVAL_S = 10.0
IDLE_AFTER_S = 30.0
# A probe ends after its own second, except where name look-up hangs; such a part is then "unknown".
ROUND_S = 1.5
VERSION_TTL_S = 60.0


@dataclass(frozen=True)
class Snapshot:
    """The parts at ``taken_s`` (monotonic seconds); None while nobody has been asked yet."""

    parts: tuple[Component, ...]
    taken_s: float | None


class Board:
    """Asks all probes at once, again and again, in a thread of its own."""

    def __init__(self, probes: Sequence[Probe], now_s: Callable[[], float] = time.monotonic) -> None:
        self._probes = probes
        self._now_s = now_s
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._stopped = False
        self._looked_s = now_s()
        self._versions: dict[str, tuple[str, float]] = {}
        self._running: dict[str, Future[Component]] = {}
        self._pool = ThreadPoolExecutor(max(4, len(probes)), thread_name_prefix="probe")
        self._thread: threading.Thread | None = None
        waiting = tuple(Component(probe.name, probe.kind, "unknown", "not asked yet") for probe in probes)
        self._snapshot = Snapshot(waiting, None)

    def start(self) -> None:
        """Begin to ask; call it in the process that answers requests, after any fork."""
        self._thread = threading.Thread(target=self._run, name="board", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def look(self, max_age_s: float = 2.0) -> Snapshot:
        """The latest snapshot; when it is older than ``max_age_s``, waits for the next one, at most two rounds."""
        self._looked_s = self._now_s()
        with self._changed:
            if self._thread and not self._is_from(self._looked_s - max_age_s):
                self._wake.set()
                self._changed.wait_for(lambda: self._is_from(self._looked_s), timeout=2 * ROUND_S)
            return self._snapshot

    def refresh(self) -> Snapshot:
        """Ask every part once, now."""
        asked_s = self._now_s()
        for probe in self._probes:
            if probe.name not in self._running or self._running[probe.name].done():
                self._running[probe.name] = self._pool.submit(self._ask, probe)
        wait(self._running.values(), timeout=ROUND_S)
        parts = tuple(_result(probe, self._running) for probe in self._probes)
        with self._changed:
            self._snapshot = Snapshot(parts, asked_s)
            self._changed.notify_all()
        return self._snapshot

    def _is_from(self, oldest_s: float) -> bool:
        return self._snapshot.taken_s is not None and self._snapshot.taken_s >= oldest_s

    def _ask(self, probe: Probe) -> Component:
        found = probe.ask()
        return replace(found, version=self._version(probe)) if found.state == "ready" else found

    def _version(self, probe: Probe) -> str:
        version, known_s = self._versions.get(probe.name, ("", float("-inf")))
        if self._now_s() - known_s > VERSION_TTL_S or not version:
            version = probe.version()
            self._versions[probe.name] = (version, self._now_s())
        return version

    def _run(self) -> None:
        while not self._stopped:
            self.refresh()
            idle = self._now_s() - self._looked_s > IDLE_AFTER_S
            self._wake.wait(IDLE_INTERVAL_S if idle else BUSY_INTERVAL_S)
            self._wake.clear()


def _result(probe: Probe, running: Mapping[str, Future[Component]]) -> Component:
    future = running[probe.name]
    if future.done():
        return future.result()
    return Component(probe.name, probe.kind, "unknown", f"no result within {ROUND_S:g} s (is its name resolvable?)")
