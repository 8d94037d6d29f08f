"""A lab for tests only: its own folder, its own ports, gone afterwards."""

import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labctl.doctor.machine import Machine
from labctl.prove.restarts import leftovers, run_lab
from labctl.settings import INNER_BLOCK, Lab
from labkit.errors import LabError

# Below the blocks of inner ports that labs take by themselves (20000 and up).
PORTS = (10000, 19900)
# Images are built the first time; natively `up` itself gives up after three minutes.
UP_TIMEOUT_S = 1800.0
# What a shell of the developer may say about another lab must not reach this one.
INHERITED_NOT = ("LAB_URL", "LAB_TOKEN", "LAB_PROJECT", "LAB_OTLP_PORT", "LAB_INNER_PORT")


@dataclass(frozen=True)
class OwnLab:
    """A lab that is up, and the environment in which commands and tests find it."""

    lab: Lab
    environ: Mapping[str, str]
    up_s: float
    left_behind: list[str]


@contextmanager
def own_lab(runtime: str, progress: Callable[[str], None], extra: Mapping[str, str] | None = None) -> Iterator[OwnLab]:
    """Bring a lab up, and take it down whatever happens. Raises LabError with the lab's own words when it fails.

    A lab that leaves something behind after ``down`` is a failure too: it is added to ``left_behind``.
    """
    # The path is short on purpose: sockets lie below it, and theirs has 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="opslab-"))
    environ = environment_for(home, runtime, extra or {})
    lab = Lab.from_env(environ)
    left_behind: list[str] = []
    try:
        progress(f"bringing up a {runtime} lab on port {lab.port}")
        started = time.monotonic()
        up = run_lab("up", "--runtime", runtime, environ=environ, timeout_s=UP_TIMEOUT_S)
        if up.code != 0:
            raise LabError(f"`lab up` ended with {up.code}:\n{up.output[-6000:]}", "lab doctor")
        yield OwnLab(lab, environ, time.monotonic() - started, left_behind)
    finally:
        keep_logs(home, environ)
        progress("taking the lab down")
        run_lab("down", "--volumes", environ=environ)
        left = leftovers(lab)
        if left:
            left_behind.append(str(left))
        shutil.rmtree(home, ignore_errors=True)


def environment_for(home: Path, runtime: str, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a lab in ``home`` on ports that are free now."""
    port = free_block()
    environ = {name: value for name, value in os.environ.items() if name not in INHERITED_NOT}
    return environ | {
        "LAB_HOME": str(home),
        "LAB_PORT": str(port),
        "LAB_OTLP_PORT": str(port + 1),
        "LAB_INNER_PORT": str(port + 2),
        "LAB_E2E": runtime,
        **extra,
    }


def free_block() -> int:
    """The first of as many consecutive free ports as a lab takes. Raises LabError when there is none.

    Starts at a random place, so that two runs of the tests at the same moment do not choose the same ports.
    """
    size = INNER_BLOCK + 2
    starts = list(range(*PORTS, size))
    for start in random.sample(starts, len(starts)):
        if all(is_free(port) for port in range(start, start + size)):
            return start
    raise LabError("No free ports for a lab of the tests.", "lab doctor names who holds them")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def keep_logs(home: Path, environ: Mapping[str, str]) -> None:
    """Copy the lab's logs to where ``LAB_TEST_LOGS`` says, for whoever must find out why a test failed."""
    target = environ.get("LAB_TEST_LOGS")
    if not target:
        return
    folder = Path(target) / environ["LAB_E2E"]
    folder.mkdir(parents=True, exist_ok=True)
    if (home / "logs").is_dir():
        shutil.copytree(home / "logs", folder, dirs_exist_ok=True)
    if environ["LAB_E2E"] == "docker":
        project = Lab.from_env(environ).project
        said = Machine().run("docker", "compose", "--project-name", project, "logs", "--no-color", "--timestamps")
        (folder / "containers.log").write_text(said.output, encoding="utf-8")
