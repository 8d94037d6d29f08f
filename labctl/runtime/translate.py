"""From the one description to processes of this machine.

Three rules (docs/adr/0001): ``0.0.0.0:port`` is the component's own local address, ``component:port`` that component's,
and a mount's target is the folder or file that is mounted. ``{port:N}`` and ``{arguments}`` fill the rest.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labctl.native.postgres_binaries import postgres_bin_dir
from labctl.native.provision import require
from labctl.runtime.description import Component, Stack
from labctl.settings import Lab
from labkit.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
PORT_PLACE = re.compile(r"\{port:(\d+)\}")
# What processes of ours need to find their code; servers written in Go ignore it.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")
POSTGRES_PROGRAMS = ("pg_isready", "psql")


@dataclass(frozen=True)
class Process:
    """One component as a local process, with nothing left to translate."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    depends_on: Mapping[str, str]
    is_one_shot: bool
    stop_signal: str
    ready_url: str
    ready_command: tuple[str, ...]
    ports: Mapping[int, int]
    memory_limit_bytes: int


class Translation:
    """Translates the components of one stack for one lab."""

    def __init__(self, stack: Stack, lab: Lab, environ: Mapping[str, str]) -> None:
        self._stack = stack
        self._lab = lab
        self._environ = environ
        names = "|".join(sorted((re.escape(name) for name in stack.names), key=len, reverse=True))
        self._address = re.compile(rf"(?<![\w.-])({names}):(\d+)\b")

    def processes(self) -> list[Process]:
        """Every component that can run here, in the file's order."""
        return [self.process(component) for component in self._stack.components if runs_here(component)]

    def port(self, component: Component, inside: int) -> int:
        """The local port for ``component``'s container port. Raises ConfigurationError when the file gives none."""
        if inside in component.published:
            return component.published[inside]
        if inside in component.native.ports:
            return self._lab.inner_port + component.native.ports[inside]
        raise ConfigurationError(
            f"compose.yaml: {component.name} has no native port for its container port {inside}.",
            f"Add it to {component.name}'s x-native.ports.",
        )

    def process(self, component: Component) -> Process:
        """Translate one component."""
        native, ready = component.native, component.native.ready
        environment = {**component.environment, **native.environment}
        inside = (*native.ports, *component.published)
        url = f"http://{LOOPBACK}:{self.port(component, ready.port)}{ready.path}" if ready and ready.port else ""
        return Process(
            name=component.name,
            argv=self._argv(component),
            environment=self._surroundings(component)
            | {key: self._value(component, value) for key, value in environment.items()},
            depends_on={other: how for other, how in component.depends_on.items() if runs_here(self._stack[other])},
            is_one_shot=component.is_one_shot,
            stop_signal=component.stop_signal,
            ready_url=url,
            ready_command=self._command(component, ready.command) if ready and ready.command else (),
            ports={port: self.port(component, port) for port in inside},
            memory_limit_bytes=component.memory_limit_bytes,
        )

    def _argv(self, component: Component) -> tuple[str, ...]:
        parts: list[str] = []
        for part in component.native.command:
            parts.extend(component.command if part == "{arguments}" else (part,))
        return self._command(component, tuple(parts))

    def _command(self, component: Component, parts: tuple[str, ...]) -> tuple[str, ...]:
        return (_program(parts[0]), *(self._value(component, part) for part in parts[1:]))

    def _value(self, component: Component, text: str) -> str:
        text = PORT_PLACE.sub(lambda place: str(self.port(component, int(place[1]))), text)
        text = re.sub(r"\b0\.0\.0\.0:(\d+)\b", lambda own: f"{LOOPBACK}:{self.port(component, int(own[1]))}", text)
        text = self._address.sub(lambda peer: f"{LOOPBACK}:{self.port(self._stack[peer[1]], int(peer[2]))}", text)
        return _replace_paths(text, {mount.target: str(self.source(mount.source)) for mount in component.mounts})

    def source(self, source: str) -> Path:
        """Where a mount's source lies on this machine."""
        if source.startswith("./"):
            return self._lab.checkout / source[2:]
        return self._lab.secrets_dir if source == "secrets" else self._lab.data_dir / source

    def _surroundings(self, component: Component) -> dict[str, str]:
        kept = {name: self._environ[name] for name in PASSED_ON if name in self._environ}
        return {
            **kept,
            "PYTHONPATH": f"{self._lab.checkout}:{self._lab.checkout / 'services'}",
            "PYTHONPYCACHEPREFIX": str(self._lab.home / "pycache"),
            "PYTHONUNBUFFERED": "1",
            **markers(self._lab, component.name),
        }


def _replace_paths(text: str, paths: Mapping[str, str]) -> str:
    """Replace each container path, also where it begins a longer one, by its path here; the longest match counts."""
    if not paths:
        return text
    targets = "|".join(re.escape(target) for target in sorted(paths, key=len, reverse=True))
    return re.sub(rf"(?<![\w/.-])({targets})(?![\w.-])", lambda hit: paths[hit[1]], text)


def markers(lab: Lab, component: str) -> dict[str, str]:
    """The variables by which a process of a lab is recognised, whoever its parent is by now."""
    return {"LAB_INSTANCE": lab.instance, "LAB_HOME": str(lab.home), "LAB_COMPONENT": component}


def runs_here(component: Component) -> bool:
    """Whether the component can run without Docker on this machine."""
    needed = component.native.only_when_on_path
    return not needed or shutil.which(needed) is not None


def _program(name: str) -> str:
    if name == "python":
        return sys.executable
    if name in POSTGRES_PROGRAMS:
        return str(postgres_bin_dir() / name)
    if name == "grafana":
        return str(shutil.which(name))
    return str(require(name))
