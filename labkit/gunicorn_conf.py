"""How gunicorn runs a service, and the hooks that tie telemetry and the management port to a worker's life.

One worker with threads: a pool, a breaker and a metric have one truth. The master imports the heavy libraries and
freezes them before it forks, so a killed worker is back in a moment and the memory is shared; it initialises nothing,
because a lock that a background thread holds at the fork stays held in the child for ever.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

import flask
from gunicorn.glogging import Logger as GunicornLogger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from labkit import logs, management, telemetry
from labkit.app import operations
from labkit.settings import Address, AppSettings

FLUSH_TIMEOUT_S = 3.0
# The master kills a worker this long after SIGTERM: requests first, then the flush, below compose's grace of 15 s.
_MASTER_PATIENCE_S = 14
# Imported before the fork, never initialised there. Each is something that every service uses.
_HEAVY = (
    "flask",
    "requests",
    "prometheus_client",
    "labkit.http",
    "labkit.telemetry_sdk",
    "opentelemetry.instrumentation.flask",
    "opentelemetry.instrumentation.logging",
    "opentelemetry.instrumentation.requests",
    "opentelemetry.instrumentation.system_metrics",
    "opentelemetry.instrumentation.threading",
    "opentelemetry.instrumentation.wsgi",
    "opentelemetry.distro",
)
_HEAVY_WITH_DATABASE = ("psycopg", "psycopg_pool", "labkit.database", "opentelemetry.instrumentation.psycopg")
_log = logs.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What it takes to serve one service."""

    app: AppSettings
    bind: Address
    management_bind: Address
    management_token: str
    scrape_token: str
    threads: int = 8
    graceful_timeout_s: int = 10


class JsonLogger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own lines through our handlers; its access log is off, ``request.completed`` stands for it."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class ClosingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gthread, except that a stopping worker closes its port at once.

    gunicorn 27 keeps it open, unaccepted, until the last request is done: whoever connects meanwhile hangs for up to
    the graceful timeout and is reset then, instead of being refused now.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take what has connected already, then close; otherwise as gunicorn does."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()


class Hooks:
    """The hooks of gunicorn for one service; the socket of the management port lives here, in the master."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._master_pid = os.getpid()
        self._listener: socket.socket = management.bind(settings.management_bind)
        self._app: flask.Flask | None = None

    def options(self) -> dict[str, Any]:
        """The settings of gunicorn, by their names there."""
        return {
            "bind": str(self._settings.bind),
            "worker_class": ClosingWorker,
            "workers": 1,
            "threads": self._settings.threads,
            "worker_connections": 256,
            "backlog": 256,
            "timeout": 30,
            "graceful_timeout": _MASTER_PATIENCE_S,
            "keepalive": 75,
            "control_socket_disable": True,  # two instances under one HOME would share it
            "logger_class": JsonLogger,
            "accesslog": None,
            "loglevel": "info",
            "proc_name": self._settings.app.service,
            "post_fork": self.post_fork,
            "post_worker_init": self.post_worker_init,
            "worker_exit": self.worker_exit,
            "on_exit": self.on_exit,
        }

    def post_fork(self, _server: Any, worker: Any) -> None:
        """In the fresh worker, before it imports the app: garbage collection and telemetry."""
        gc.enable()
        # The worker gives its requests less time than the master gives the worker: the rest is for the flush.
        worker.cfg.set("graceful_timeout", self._settings.graceful_timeout_s)
        telemetry.initialise(self._settings.app.service, self._settings.app.release)

    def post_worker_init(self, worker: Any) -> None:
        """The app is there: open the management port and begin the startup tasks."""
        self._app = worker.wsgi
        management.ManagementServer(
            self._listener,
            token=self._settings.management_token,
            scrape_token=self._settings.scrape_token,
            operations=operations(worker.wsgi),
            restart=self.restart,
        ).start()
        operations(worker.wsgi).begin_startups()
        _log.event("service.started", release=self._settings.app.release)

    def worker_exit(self, _server: Any, worker: Any) -> None:
        """The last request is done: close what the app opened, send what telemetry holds, and go.

        ``os._exit`` because a thread that hangs, or the wait for one at the interpreter's end, must not hold the exit;
        a worker that never booted keeps gunicorn's own exit code, which stops the master.
        """
        if os.getpid() != worker.pid:
            return
        if self._app is not None:
            operations(self._app).close()
        _log.event("service.stopped")
        if not telemetry.shutdown(FLUSH_TIMEOUT_S):
            _log.warning_event("telemetry.flush_incomplete", timeout_s=FLUSH_TIMEOUT_S)
        sys.stdout.flush()
        sys.stderr.flush()
        if worker.booted:
            os._exit(0)

    def on_exit(self, _server: Any) -> None:
        """The master ends: close the management port."""
        self._listener.close()

    def restart(self) -> None:
        """End the whole service cleanly; the runtime starts it again."""
        if os.getppid() == self._master_pid:
            os.kill(self._master_pid, signal.SIGTERM)


def warm_up(*, database: bool) -> None:
    """Import what every worker needs, and move it out of the garbage collector's way so that it stays shared."""
    gc.disable()
    for name in (*_HEAVY, *(_HEAVY_WITH_DATABASE if database else ())):
        importlib.import_module(name)
    _read_entry_points()
    gc.collect()
    gc.freeze()


def _read_entry_points() -> None:
    """The instrumentation looks for its parts on disk; it caches what it found, so let the master look."""
    from opentelemetry.util._importlib_metadata import entry_points  # noqa: PLC0415 - only to fill the cache

    entry_points(group="opentelemetry_instrumentor")
