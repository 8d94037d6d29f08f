"""A really forked service: ``python -m labkit.serve tinyshop`` with its own secrets, ports and output."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parents[3]
APPS = Path(__file__).resolve().parent / "apps"
TOKENS = {"management": "operator-token", "scrape": "scrape-token", "otlp": "otlp token/with=signs,and%20more"}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(what: Callable[[], Any], timeout_s: float = 10.0, pause_s: float = 0.02) -> Any:
    """What ``what`` returns as soon as it is truthy; refused connections count as not yet."""
    until = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < until:
        try:
            last = what()
            if last:
                return last
        except requests.RequestException as error:
            last = error
        time.sleep(pause_s)
    raise AssertionError(f"not within {timeout_s} s; the last answer was {last!r}")


@dataclass
class Service:
    """The process group of one service."""

    folder: Path
    endpoint: str
    environment: dict[str, str] = field(default_factory=dict)
    name: str = "tinyshop"
    port: int = field(default_factory=free_port)
    management_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, *, ready: bool = True) -> "Service":
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        for name, value in TOKENS.items():
            (secrets / name).write_text(value)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{CHECKOUT}:{APPS}",
            "PYTHONWARNINGS": "error::ResourceWarning",
            "LAB_BIND": f"127.0.0.1:{self.port}",
            "LAB_MANAGEMENT_BIND": f"127.0.0.1:{self.management_port}",
            "LAB_SECRETS_DIR": str(secrets),
            "LAB_RELEASE": "1.2.3",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "HTTP_PROXY": "http://127.0.0.1:9",  # nothing of ours may go through a proxy
            **self.environment,
        }
        with (self.folder / "stdout").open("ab") as out, (self.folder / "stderr").open("ab") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "labkit.serve", self.name],
                cwd=self.folder,
                env=environment,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s: float = 20.0) -> None:
        def answers() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended with {self.process.returncode}: {self.output()}")
            return self.get("/hello/ready").ok

        eventually(answers, timeout_s)

    def stop(self) -> None:
        """End what is left of the group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self._session().get(f"http://127.0.0.1:{self.port}{path}", **{"timeout": 5, **options})

    def post(self, path: str, **options: Any) -> requests.Response:
        return self._session().post(f"http://127.0.0.1:{self.port}{path}", **{"timeout": 5, **options})

    def manage(self, method: str, path: str, token: str = TOKENS["management"], **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        url = f"http://127.0.0.1:{self.management_port}{path}"
        return self._session().request(method, url, headers=headers, **{"timeout": 5, **options})

    def output(self) -> str:
        return (self.folder / "stdout").read_text() + (self.folder / "stderr").read_text()

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout; everything there must be one."""
        return [json.loads(line) for line in (self.folder / "stdout").read_text().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("event") == name]

    def worker_pid(self) -> int:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1, children
        return int(children[0])

    @staticmethod
    def _session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session
