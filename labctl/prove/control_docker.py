"""Control over a lab whose components are containers."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping

from labctl.prove.control import kill
from labctl.settings import Lab
from labkit.errors import CannotTell, LabError

TIMEOUT_S = 60.0
# Run inside the container: process 1 is gunicorn's master, its children are the workers.
KILL_WORKERS = """
import os, signal
for name in os.listdir("/proc"):
    if name.isdigit():
        with open(f"/proc/{name}/stat") as file:
            if file.read().rpartition(")")[2].split()[1] == "1" and int(name) != os.getpid():
                os.kill(int(name), signal.SIGKILL)
"""
SQL = 'PGPASSWORD="$(cat /run/opslab/secrets/postgres/superuser)" exec psql -h 127.0.0.1 -U postgres -d "$1" -Atc "$2"'
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class DockerControl:
    """See :class:`labctl.prove.control.Control`."""

    runtime = "docker"
    memory_measure = "cgroup working set (docker stats)"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def stop(self, component: str) -> None:
        """``docker compose stop``."""
        self._compose("stop", component)

    def start(self, component: str) -> None:
        """``docker compose start``."""
        self._compose("start", component)

    def kill_worker(self, service: str) -> float:
        """From inside the container, where the worker's process id is known on every host."""
        began_s = time.monotonic()
        self._compose("exec", "-T", service, "python", "-S", "-c", KILL_WORKERS)
        return began_s

    def kill_all(self, component: str) -> float:
        """By the container's first process as the host sees it: a kill through the engine would count as "stop"."""
        container = self._compose("ps", "--quiet", component).strip()
        pid = int(self._run("docker", "inspect", "--format", "{{.State.Pid}}", container))
        if not pid or not os.path.exists(f"/proc/{pid}"):  # noqa: PTH110 - no path of a file
            raise CannotTell("The engine's processes are not visible from here (they run in a virtual machine).")
        return kill([pid])

    def sql(self, database: str, statement: str) -> list[str]:
        """By ``psql`` inside the container."""
        answer = self._compose("exec", "-T", "postgres", "sh", "-c", SQL, "sql", database, statement)
        return answer.splitlines()

    def memory_bytes(self) -> Mapping[str, int]:
        """What the engine counts for each container."""
        names = self._compose("ps", "--format", "{{.Name}} {{.Service}}").split()
        services = dict(zip(names[::2], names[1::2], strict=True))
        lines = self._run("docker", "stats", "--no-stream", "--format", "{{json .}}", *services).splitlines()
        rows = [json.loads(line) for line in lines]
        return {services[row["Name"]]: _bytes(row["MemUsage"].split("/")[0]) for row in rows}

    def _compose(self, *arguments: str) -> str:
        file = str(self._lab.checkout / "compose.yaml")
        return self._run("docker", "compose", "--project-name", self._lab.project, "--file", file, *arguments)

    def _run(self, *argv: str) -> str:
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotTell(f"The engine did not answer to {' '.join(argv[:3])}: {error}", "docker info") from error
        if done.returncode:
            raise LabError(f"{' '.join(argv)} failed: {done.stderr.strip()[-500:]}", "docker compose ps")
        return done.stdout


def _bytes(text: str) -> int:
    found = re.fullmatch(r"([\d.]+)\s*([A-Za-z]+)", text.strip())
    if not found:
        raise CannotTell(f"The engine counts memory as {text!r}, which is not understood.")
    return int(float(found[1]) * UNITS[found[2]])
