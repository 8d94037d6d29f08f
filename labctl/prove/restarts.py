"""Up and down again and again: each time the lab answers, each time nothing is left."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from labctl.doctor.machine import Machine
from labctl.settings import CHECKOUT, INNER_BLOCK, Lab
from labkit.errors import LabError

VERB_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Verb:
    """One run of the command line."""

    arguments: tuple[str, ...]
    code: int
    output: str
    duration_s: float

    def wanted(self) -> "Verb":
        """Itself, if it went well. Raises LabError with its output otherwise."""
        if self.code == 0:
            return self
        command = " ".join(("lab", *self.arguments))
        raise LabError(f"`{command}` ended with {self.code}: {self.output[-1500:]}", "lab doctor")


@dataclass(frozen=True)
class Leftovers:
    """What a lab that is down still holds on this machine."""

    processes: tuple[str, ...]
    ports: tuple[int, ...]
    sockets: tuple[str, ...]
    containers: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.processes or self.ports or self.sockets or self.containers)


def run_lab(*arguments: str, environ: Mapping[str, str] | None = None, timeout_s: float = VERB_TIMEOUT_S) -> Verb:
    """``lab <arguments>`` in a process of its own, as a person would run it; both outputs together."""
    started = time.monotonic()
    path = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "services")])
    done = subprocess.run(
        [sys.executable, "-m", "labctl", *arguments],
        env={**(os.environ if environ is None else environ), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Verb(arguments, done.returncode, done.stdout, time.monotonic() - started)


def leftovers(lab: Lab, machine: Machine | None = None) -> Leftovers:
    """Look for processes, ports, sockets and containers of ``lab``."""
    asked = machine or Machine()
    listeners = asked.listeners()
    processes = [one for one in asked.lab_processes() if one.environ.get("LAB_HOME") == str(lab.home)]
    ports = [lab.port, lab.otlp_port, *range(lab.inner_port, lab.inner_port + INNER_BLOCK)]
    sockets = [path for path in (*lab.home.glob("*"), *lab.socket_dir.glob(f"{lab.instance}*")) if path.is_socket()]
    listed = asked.run("docker", "ps", "--quiet", "--filter", f"label=com.docker.compose.project={lab.project}")
    return Leftovers(
        processes=tuple(f"{one.pid} {one.program}" for one in processes if one.pid != os.getpid()),
        ports=tuple(port for port in ports if port in listeners and is_accepting(port)),
        sockets=tuple(str(path) for path in sockets),
        containers=tuple(listed.output.split()) if listed.code == 0 else (),
    )


def is_accepting(port: int) -> bool:
    """Whether something answers on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
