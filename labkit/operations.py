"""What an operator may ask of a service: checks, startup tasks, verbs, and what to close at the end.

One object per app, in ``app.extensions["labkit"]``; the management server reads it.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from labkit import logs
from labkit.redaction import redact_text

Check = Callable[[], None]
Scope = Literal["public", "scrape", "operator"]
_RETRY_PAUSE_S = 1.0
_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verb:
    """One more endpoint of the management port: ``handler(body) -> (status, answer)``."""

    method: str
    path: str
    handler: Callable[[Mapping[str, Any]], tuple[int, Mapping[str, object]]]
    scope: Scope = "operator"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check said, and how long it took."""

    ok: bool
    detail: str
    duration_ms: float

    def as_json(self) -> dict[str, object]:
        """``{"ok", "detail", "duration_ms"}``."""
        return {"ok": self.ok, "detail": self.detail, "duration_ms": round(self.duration_ms, 1)}


class _BoundedCheck:
    """Runs a check in a thread of its own and waits only so long; a hanging one is never started twice."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._running: threading.Thread | None = None
        self._started_s = 0.0
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            if self._running is not None and self._running.is_alive():
                return
            self._started_s = time.monotonic()
            self._running = threading.Thread(target=self._run, daemon=True, name="readiness-check")
            self._running.start()

    def result(self, until_s: float) -> CheckResult:
        thread = self._running
        if thread is not None:
            thread.join(max(0.0, until_s - time.monotonic()))
        took_ms = (time.monotonic() - self._started_s) * 1000
        if thread is not None and thread.is_alive():
            return CheckResult(False, f"no answer after {took_ms / 1000:.1f} s", took_ms)
        if self._error is not None:
            return CheckResult(False, redact_text(str(self._error)) or type(self._error).__name__, took_ms)
        return CheckResult(True, "", took_ms)

    def _run(self) -> None:
        try:
            self._check()
            self._error = None
        except Exception as error:  # noqa: BLE001 - every failure of a check is its answer
            self._error = error


@dataclass(slots=True)
class Startup:
    """A task that must have succeeded once before the service is ready."""

    name: str
    task: Callable[[], None]
    done: bool = False
    detail: str = "not begun"


@dataclass(slots=True)
class Operations:
    """Checks, startup tasks, verbs and closers of one app."""

    service: str
    release: str = "dev"
    checks: dict[str, _BoundedCheck] = field(default_factory=dict)
    startups: list[Startup] = field(default_factory=list)
    verbs: list[Verb] = field(default_factory=list)
    closers: list[Callable[[], None]] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def add_check(self, name: str, check: Check) -> None:
        """Raise in ``check`` to say "not ready", with the reason as the message."""
        self.checks[name] = _BoundedCheck(check)

    def readiness(self, timeout_s: float) -> tuple[bool, dict[str, CheckResult]]:
        """All checks at the same time, each given ``timeout_s``."""
        until = time.monotonic() + timeout_s
        for check in self.checks.values():
            check.begin()
        results = {name: check.result(until) for name, check in self.checks.items()}
        for startup in self.startups:
            results[f"startup:{startup.name}"] = CheckResult(startup.done, startup.detail, 0.0)
        return all(result.ok for result in results.values()), results

    def begin_startups(self) -> None:
        """Run the startup tasks in the background, each again every second until it succeeds, in their order."""
        if self.startups:
            threading.Thread(target=self._run_startups, daemon=True, name="startup").start()

    def run_startups_once(self) -> None:
        """Run the startup tasks here and now; the first failure is raised."""
        for startup in self.startups:
            startup.task()
            startup.done, startup.detail = True, ""

    def close(self) -> None:
        """Run the closers, the last one registered first. A failing one does not keep the others from running."""
        self._stopping.set()
        for close in reversed(self.closers):
            try:
                close()
            except Exception as error:  # noqa: BLE001 - the process ends; say it and go on
                _log.warning_event("shutdown.close_failed", exc_info=error)

    def _run_startups(self) -> None:
        for startup in self.startups:
            while not self._try(startup) and not self._stopping.wait(_RETRY_PAUSE_S):
                pass

    def _try(self, startup: Startup) -> bool:
        startup.detail = startup.detail or "running"
        try:
            startup.task()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed
            said = redact_text(str(error)) or type(error).__name__
            if said != startup.detail:
                _log.warning_event("startup.task_failed", task=startup.name, detail=said)
            startup.detail = said
            return False
        startup.done, startup.detail = True, ""
        _log.event("startup.task_done", task=startup.name)
        return True
