"""process-compose: started in a session of its own, spoken to over a Unix socket that only this user can reach."""

import http.client
import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.native.provision import require
from labctl.runtime.belongings import SUPERVISOR
from labctl.runtime.translate import markers
from labctl.settings import Lab
from labkit.errors import CannotTell

ANSWER_TIMEOUT_S = 5.0
# Stopping waits for every process of the lab, in dependency order.
STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ProcessState:
    """What the supervisor says of one process. ``status`` is its word: Pending, Running, Completed, ..."""

    name: str
    status: str
    is_running: bool
    is_ready: bool
    pid: int
    restarts: int
    exit_code: int
    age_s: float


class Supervisor:
    """The supervisor of one lab, running or not."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.socket = lab.socket_dir / f"{lab.instance}.sock"
        self.file = lab.home / "process-compose.yaml"

    def start(self) -> None:
        """Start it in the background; returns at once."""
        self._lab.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lab.logs_dir.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        argv = [str(require("process-compose")), "up", "--config", str(self.file), "--tui=false", "--keep-project"]
        argv += ["--use-uds", "--unix-socket", str(self.socket), "--disable-dotenv"]
        argv += ["--log-file", str(self._lab.logs_dir / "supervisor.log")]
        # Its own folder for settings: the user's process-compose configuration is none of the lab's business.
        # It has little to remember: GOGC keeps its heap from doubling between collections.
        surroundings = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._lab.home), "GOGC": "20"}
        with (self._lab.logs_dir / "supervisor.out").open("wb") as output:
            subprocess.Popen(
                argv,
                env=surroundings | markers(self._lab, SUPERVISOR),
                cwd=self._lab.checkout,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Whether it answers."""
        try:
            self._ask("GET", "/live")
        except CannotTell:
            return False
        return True

    def states(self) -> dict[str, ProcessState]:
        """Every process by name. Raises CannotTell when the supervisor does not answer."""
        rows = self._ask("GET", "/processes")["data"]
        return {row["name"]: _state(row) for row in rows}

    def stop_all(self) -> None:
        """Orderly end of every process and of the supervisor itself."""
        self._ask("POST", "/project/stop", STOP_TIMEOUT_S)

    def stop(self, name: str) -> None:
        """End one process and keep it down."""
        self._ask("PATCH", f"/process/stop/{name}", STOP_TIMEOUT_S)

    def start_process(self, name: str) -> None:
        """Start one process that was stopped."""
        self._ask("POST", f"/process/start/{name}", STOP_TIMEOUT_S)

    def restart(self, name: str) -> None:
        """End one process and start it again."""
        self._ask("POST", f"/process/restart/{name}", STOP_TIMEOUT_S)

    def _ask(self, method: str, path: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        connection = _SocketConnection(self.socket, timeout_s)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            raise CannotTell(
                f"The lab's supervisor does not answer on {self.socket}: {error.strerror or error}.",
                "`lab up` starts it; `lab down` clears away what is left.",
                {"socket": str(self.socket)},
            ) from error
        finally:
            connection.close()
        if answer.status >= 400:
            said = body[:300].decode(errors="replace")
            raise CannotTell(f"The supervisor refused {method} {path}: {said}", "lab status")

        return json.loads(body or b"{}")


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _state(row: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=str(row["name"]),
        status=str(row["status"]),
        is_running=bool(row.get("is_running")),
        is_ready=row.get("is_ready") == "Ready",
        pid=int(row.get("pid") or 0),
        restarts=int(row.get("restarts") or 0),
        exit_code=int(row.get("exit_code") or 0),
        age_s=float(row.get("age") or 0) / 1e9,
    )
