"""The one-shots as processes: database setup on a real server, and the probe against real ports."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.labkit.cluster import PASSWORD, Cluster
from tests.integration.labkit.running import CHECKOUT, free_port

pytestmark = pytest.mark.integration


def _run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class _Statuses(BaseHTTPRequestHandler):
    statuses: list[int]

    def do_GET(self) -> None:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def statuses() -> Iterator[tuple[list[int], str]]:
    """A server that answers these statuses, one after the other, the last one for ever; and its URL."""
    wanted: list[int] = [200]
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Statuses,), {"statuses": wanted}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield wanted, f"http://127.0.0.1:{server.server_address[1]}/ready"
    server.shutdown()
    server.server_close()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The secrets of the database setup."""
    for name, value in {"superuser": PASSWORD, "catalog": "catalog-password", "orders": "orders-password"}.items():
        (tmp_path / name).write_text(value)
    return tmp_path


def _setup(cluster: Cluster, secrets: Path) -> "subprocess.CompletedProcess[str]":
    return _run(
        "-m",
        "labkit.database_setup",
        POSTGRES_ADDR=f"127.0.0.1:{cluster.port}",
        LAB_SECRETS_DIR=str(secrets),
        LAB_DATABASE_SETUP_TIMEOUT_S="5",
    )


def test_database_setup_makes_roles_and_databases_once(cluster: Cluster, secrets: Path) -> None:
    """The first run creates, the second changes nothing, and a new password is taken over."""
    first = _setup(cluster, secrets)
    assert first.returncode == 0, first.stdout + first.stderr
    assert json.loads(first.stdout)["created"] == ["catalog", "orders"]
    assert json.loads(_setup(cluster, secrets).stdout)["created"] == []
    cluster.connect("catalog", "catalog-password", "catalog").close()
    (secrets / "catalog").write_text("another-password")
    assert _setup(cluster, secrets).returncode == 0
    cluster.connect("catalog", "another-password", "catalog").close()


def test_a_service_cannot_reach_the_database_of_another(cluster: Cluster, secrets: Path) -> None:
    """Each role connects to its own database only, may create tables there, and is no superuser."""
    assert _setup(cluster, secrets).returncode == 0
    own = cluster.connect("orders", "orders-password", "orders")
    own.execute("CREATE TABLE IF NOT EXISTS mine (number int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        own.execute("CREATE ROLE another")
    own.close()
    for database in ("catalog", "postgres"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            cluster.connect("orders", "orders-password", database)


def test_database_setup_with_a_wrong_password_says_so(cluster: Cluster, secrets: Path) -> None:
    """A data folder older than the secret is a configuration error, at once, and no password is printed."""
    (secrets / "superuser").write_text("wrong-password")
    result = _setup(cluster, secrets)
    assert result.returncode == 2
    assert "refuses the superuser's password" in json.loads(result.stdout)["error"]["message"]
    assert "wrong-password" not in result.stdout + result.stderr


def test_database_setup_without_a_server_cannot_tell(secrets: Path) -> None:
    """A server that does not come up in time is exit code 3."""
    result = _run(
        "-m",
        "labkit.database_setup",
        POSTGRES_ADDR=f"127.0.0.1:{free_port()}",
        LAB_SECRETS_DIR=str(secrets),
        LAB_DATABASE_SETUP_TIMEOUT_S="0.5",
    )
    assert result.returncode == 3


def test_a_health_check_asks_once(statuses: tuple[list[int], str]) -> None:
    """200 is exit code 0, 503 is 1, and nobody listening is 1, quickly."""
    wanted, url = statuses
    assert _run("-S", "-m", "labkit.probe", "--healthcheck", url).returncode == 0
    wanted[:] = [503]
    result = _run("-S", "-m", "labkit.probe", "--healthcheck", url)
    assert (result.returncode, "503" in result.stdout) == (1, True)
    assert _run("-S", "-m", "labkit.probe", "--healthcheck", f"http://127.0.0.1:{free_port()}/").returncode == 1


def test_the_probe_waits_until_all_answer(statuses: tuple[list[int], str]) -> None:
    """It shows each change once and ends as soon as the last one is ready."""
    wanted, url = statuses
    wanted[:] = [503, 503, 200]
    started = time.monotonic()
    result = _run("-S", "-m", "labkit.probe", "--timeout-s", "20", url)
    assert result.returncode == 0
    assert time.monotonic() - started < 5
    assert [line.split()[2] for line in result.stdout.splitlines()] == ["waiting", "ready"]


def test_the_probe_names_what_did_not_answer(statuses: tuple[list[int], str]) -> None:
    """When the time is over: exit code 3 and the last answer of each that is missing, and only those."""
    _, url = statuses
    missing = f"http://127.0.0.1:{free_port()}/ready"
    result = _run("-S", "-m", "labkit.probe", "--timeout-s", "0.6", url, missing)
    assert result.returncode == 3
    assert f"not ready after 0.6 s: {missing}: Connection refused" in result.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["--timeout-s", "soon", "http://x/"], ["ftp://x/"], ["--healthcheck"]], ids=str
)
def test_the_probe_explains_its_usage(arguments: list[str]) -> None:
    """Wrong usage is exit code 2 with the usage line."""
    result = _run("-S", "-m", "labkit.probe", *arguments)
    assert (result.returncode, result.stderr.startswith("usage:")) == (2, True)


def test_init_runs_as_a_process(tmp_path: Path) -> None:
    """Secrets are made with mode 0600, once, and the second run says that nothing was missing."""
    environment = {"LAB_SECRETS_DIR": str(tmp_path / "secrets")}
    first = _run("-m", "labkit.init", **environment)
    assert first.returncode == 0, first.stdout + first.stderr
    made = json.loads(first.stdout)["secrets_created"]
    assert made > 20
    assert json.loads(_run("-m", "labkit.init", **environment).stdout)["secrets_created"] == 0
    files = [path for path in (tmp_path / "secrets").rglob("*") if path.is_file()]
    assert len(files) == made
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
