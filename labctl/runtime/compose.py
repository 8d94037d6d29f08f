"""The lab in containers, under whatever engine answers: everything goes through the Compose plugin's command line."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labctl.runtime import ports
from labctl.runtime.base import ComponentState, Progress, Step
from labctl.runtime.description import Stack, load_stack
from labctl.runtime.native import compose_values, left_out
from labctl.settings import Lab
from labkit.errors import CannotTell, ConfigurationError, LabError

ANSWER_TIMEOUT_S = 3.0
POLL_S = 0.5
OLDEST_PLUGIN = (2, 20)
TOKEN = "/run/opslab/secrets/console/operator"  # noqa: S105 - where it lies, not what it is
PORT_TAKEN = re.compile(r"(?:bind|listen)[^\n]*:(\d+)[^\n]*already (?:in use|allocated)|port is already allocated")
NO_IMAGE = re.compile(
    r"(?:pull access denied for|manifest for|No such image:?|failed to resolve reference) \"?([\w./:-]+)"
)
STATES = {"running": "starting", "created": "waiting", "restarting": "starting", "exited": "stopped", "dead": "failed"}


@dataclass(frozen=True)
class Engine:
    """What ``docker`` on this machine can do; ``why_not`` is empty when it can run the lab."""

    server: str = ""
    compose: str = ""
    why_not: str = ""


def find_engine() -> Engine:
    """Ask the engine and its Compose plugin, a few seconds at most."""
    server = _asked("docker", "version", "--format", "{{.Server.Version}}")
    if server is None:
        return Engine(why_not="there is no docker command")
    if not server:
        return Engine(why_not="the Docker engine does not answer")
    plugin = _asked("docker", "compose", "version", "--short") or ""
    numbers = tuple(int(part) for part in re.findall(r"\d+", plugin)[:2])
    if numbers < OLDEST_PLUGIN:
        return Engine(server, plugin, f"the Compose plugin is {plugin or 'missing'}; the lab needs 2.20 or newer")
    return Engine(server, plugin)


class ComposeRuntime:
    """See :class:`labctl.runtime.base.Runtime`."""

    name = "docker"

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def up(self, progress: Progress) -> list[ComponentState]:
        """``docker compose up --wait``, with every container's state while it lasts."""
        self._check_ports()
        progress(Step(note="building the lab's images (the first time takes minutes)"))
        self._run("build", timeout_s=1800)
        self._lab.remember(self.name)
        starting = self._start("up", "--detach", "--wait", "--wait-timeout", "240", "--remove-orphans", *self._names())
        reading = threading.Thread(target=self._read, args=(starting,), daemon=True)
        reading.start()
        while starting.poll() is None:
            progress(Step(components=tuple(self._states())))
            time.sleep(POLL_S)
        reading.join()
        if starting.returncode:
            raise _explained(self._said)
        self._keep_token()
        return self._states()

    def down(self, *, volumes: bool) -> None:
        """Containers, networks and, when asked, volumes."""
        self._run("down", "--remove-orphans", "--timeout", "15", *(["--volumes"] if volumes else []))
        if volumes:
            (self._lab.secrets_dir / "console" / "operator").unlink(missing_ok=True)

    def status(self) -> list[ComponentState]:
        """Every container of the project; empty when there is none."""
        return self._states()

    def stop(self, component: str) -> None:
        """End one container and keep it down."""
        self._run("stop", component)

    def start(self, component: str) -> None:
        """Start one container that was stopped; returns before it is ready."""
        self._run("start", component)

    def restart(self, component: str) -> None:
        """Restart one container and wait until it is healthy."""
        self._run("restart", component)
        self._run("up", "--detach", "--wait", "--no-deps", "--no-recreate", component)

    def operator_token(self) -> str | None:
        """From the console's own container."""
        return self._run("exec", "--no-TTY", "console", "cat", TOKEN).strip() or None

    def _keep_token(self) -> None:
        """Where the commands of this machine look for it, readable by nobody else."""
        file = self._lab.secrets_dir / "console" / "operator"
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(self.operator_token() or "")

    def _names(self) -> list[str]:
        """Nothing (which means all) or, where components are left out, every other by name."""
        return list(self._stack().names) if left_out() else []

    def _stack(self) -> Stack:
        stack = load_stack(self._lab.checkout / "compose.yaml", compose_values(self._lab))
        return stack.without(left_out())

    def _check_ports(self) -> None:
        """Raises ConfigurationError for a published port that neither is free nor this lab's own."""
        own = {port for state in self._states() for port in state.ports}
        for component in self._stack().components:
            for port in component.published.values():
                if port not in own and not ports.is_free(port):
                    raise ports.taken(port, component.name, self._lab)

    def _states(self) -> list[ComponentState]:
        rows = [json.loads(line) for line in self._run("ps", "--all", "--format", "json").splitlines() if line.strip()]
        return sorted((_state(row) for row in rows), key=lambda state: state.name)

    def _command(self, *arguments: str) -> list[str]:
        file = str(self._lab.checkout / "compose.yaml")
        return ["docker", "compose", "--project-name", self._lab.project, "--file", file, *arguments]

    def _environment(self) -> Mapping[str, str]:
        return compose_values(self._lab)

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command(*arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self, process: "subprocess.Popen[str]") -> None:
        self._said = process.stdout.read() if process.stdout else ""

    def _run(self, *arguments: str, timeout_s: float = 120.0) -> str:
        try:
            done = subprocess.run(
                self._command(*arguments),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except FileNotFoundError as error:
            raise ConfigurationError("There is no docker command.", "Use `lab up --runtime native`.") from error
        except subprocess.TimeoutExpired as error:
            raise CannotTell(f"docker compose {arguments[0]} did not end in {timeout_s:g} s.", "lab doctor") from error
        if done.returncode:
            raise _explained(done.stderr or done.stdout)
        return done.stdout


def _state(row: Mapping[str, Any]) -> ComponentState:
    word = STATES.get(str(row.get("State")), "waiting")
    health, code = str(row.get("Health") or ""), int(row.get("ExitCode") or 0)
    if row.get("State") == "exited":
        word = "done" if code == 0 else "failed"
    elif row.get("State") == "running":
        word = "starting" if health in ("starting", "unhealthy") else "ready"
    published = tuple(sorted({int(p["PublishedPort"]) for p in row.get("Publishers") or [] if p.get("PublishedPort")}))
    return ComponentState(name=str(row["Service"]), state=word, detail=str(row.get("Status", "")), ports=published)


def _explained(said: str) -> LabError:
    """The error behind a failed ``docker compose``; ``said`` is what it printed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "docker compose said nothing"
    taken = PORT_TAKEN.search(said)
    if taken:
        port = taken.group(1) or "of the lab"
        return ConfigurationError(
            f"Port {port} is taken by another program: {last}",
            "End that program, or set LAB_PORT (front door) or LAB_OTLP_PORT (telemetry) to another port.",
            {"port": port},
        )
    image = NO_IMAGE.search(said)
    if image:
        return LabError(
            f"The image {image.group(1)} could not be had: {last}",
            "Check the network and the registry; `lab up --runtime native` needs no images. "
            "LAB_WITHOUT=grafana leaves a component out by name.",
            {"image": image.group(1)},
        )
    if "Cannot connect to the Docker daemon" in said:
        return CannotTell("The Docker engine does not answer.", "Start it, or use `lab up --runtime native`.")
    unhealthy = re.search(r"container [\w-]+?-([a-z-]+)-\d+ (?:is unhealthy|exited)", said)
    if unhealthy:
        return LabError(f"{unhealthy.group(1)} does not come up: {last}", f"docker compose logs {unhealthy.group(1)}")
    return LabError(f"docker compose failed: {last}", "lab doctor", {"output": lines[-10:]})


def _asked(*command: Sequence[str] | str) -> str | None:
    """The answer, "" when the command failed, None when there is no such command."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
