"""The console's process: gunicorn with one worker and a few threads.

Never instrumented with OpenTelemetry: what the console does must not appear in what it shows.
"""

import gc
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from labctl.console import create_app
from labctl.console.parts import parts_of
from labctl.console.settings import ConsoleSettings
from labkit.errors import LabError

THREADS = 8
GRACEFUL_STOP_S = 3


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    """gunicorn, configured here and by nothing else (no command line, no configuration file)."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        options: dict[str, Any] = {
            "bind": str(self._settings.bind),
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": 30,
            "graceful_timeout": GRACEFUL_STOP_S,
            "keepalive": 5,
            "control_socket_disable": True,
            "proc_name": "opslab-console",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called by gunicorn in the worker, after the fork: here threads may start."""
        app = create_app(self._settings)
        parts_of(app).board.start()
        return app


def main() -> int:
    """Check the settings, then serve; 2 when they are wrong."""
    try:
        settings = ConsoleSettings.from_env()
    except LabError as error:
        sys.stderr.write(f"error {error.message}\n      next: {error.hint}\n")
        return error.exit_code
    # All code is imported by now, without a thread or a connection: master and worker share that memory.
    gc.collect()
    gc.freeze()
    Server(settings).run()
    return 0
