"""``compose.yaml`` as data classes: the one description that both runtimes follow."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labkit.errors import ConfigurationError

PLACE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)(?::-(?P<default>[^}]*))?\}")
NATIVE_KEYS = {"command", "environment", "ports", "ready", "only_when_on_path"}
MEMORY_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


@dataclass(frozen=True)
class Ready:
    """How to ask for readiness natively: an HTTP path on a container port, or a command that exits 0."""

    port: int = 0
    path: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Native:
    """What differs without containers. ``ports``: container port -> offset in the lab's block of inner ports."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    ready: Ready | None = None
    only_when_on_path: str = ""


@dataclass(frozen=True)
class Mount:
    """``source`` is a named volume or a path relative to the checkout (it begins with ``./``)."""

    source: str
    target: str


@dataclass(frozen=True)
class Component:
    """One service of compose.yaml. ``published``: container port -> port on 127.0.0.1."""

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    depends_on: Mapping[str, str]
    published: Mapping[int, int]
    restart: str
    has_health_check: bool
    memory_limit_bytes: int
    stop_signal: str
    native: Native

    @property
    def is_one_shot(self) -> bool:
        """It does its work and ends; "ready" means that it has ended well."""
        return self.restart == "no"


@dataclass(frozen=True)
class Stack:
    """All components, in the file's order."""

    components: tuple[Component, ...]

    def __getitem__(self, name: str) -> Component:
        return next(component for component in self.components if component.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """The components' names, in the file's order."""
        return tuple(component.name for component in self.components)

    def without(self, left_out: frozenset[str]) -> "Stack":
        """The stack without some components. Raises ConfigurationError for an unknown name."""
        unknown = sorted(left_out - set(self.names))
        if unknown:
            raise ConfigurationError(
                f"LAB_WITHOUT names {', '.join(unknown)}, which compose.yaml does not have.",
                f"It has: {', '.join(self.names)}.",
                {"variable": "LAB_WITHOUT"},
            )
        return Stack(tuple(c for c in self.components if c.name not in left_out))


def load_stack(file: Path, values: Mapping[str, str]) -> Stack:
    """Read ``file``, filling ``${NAME:-default}`` from ``values``. Raises ConfigurationError with component and key."""
    document = yaml.safe_load(interpolate(file.read_text(encoding="utf-8"), values))
    return Stack(tuple(_component(name, row) for name, row in document["services"].items()))


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Fill ``${NAME}`` and ``${NAME:-default}`` as Compose does: an empty value counts as unset."""
    return PLACE.sub(lambda place: values.get(place["name"]) or place["default"] or "", text)


def _component(name: str, row: Mapping[str, Any]) -> Component:
    return Component(
        name=name,
        image=str(row.get("image", "")),
        command=tuple(str(part) for part in row.get("command", ())),
        environment={key: str(value) for key, value in row.get("environment", {}).items()},
        mounts=tuple(_mount(text) for text in row.get("volumes", ())),
        depends_on={other: str(how["condition"]) for other, how in row.get("depends_on", {}).items()},
        published=dict(_published(text) for text in row.get("ports", ())),
        restart=str(row.get("restart", "no")),
        has_health_check="healthcheck" in row,
        memory_limit_bytes=_bytes(str(row.get("mem_limit", "0m"))),
        stop_signal=str(row.get("stop_signal", "SIGTERM")),
        native=_native(name, row.get("x-native")),
    )


def _native(name: str, row: Mapping[str, Any] | None) -> Native:
    if not row or "command" not in row:
        raise ConfigurationError(f"compose.yaml: {name} has no x-native.command.", "Say how it runs without Docker.")
    unknown = sorted(set(row) - NATIVE_KEYS)
    if unknown:
        raise ConfigurationError(
            f"compose.yaml: {name}: x-native has the unknown key {unknown[0]!r}.",
            f"Known are: {', '.join(sorted(NATIVE_KEYS))}.",
        )
    return Native(
        command=tuple(str(part) for part in row["command"]),
        environment={key: str(value) for key, value in row.get("environment", {}).items()},
        ports={int(port): int(offset) for port, offset in row.get("ports", {}).items()},
        ready=_ready(row.get("ready")),
        only_when_on_path=str(row.get("only_when_on_path", "")),
    )


def _ready(row: Mapping[str, Any] | None) -> Ready | None:
    if row is None:
        return None
    if "http" in row:
        return Ready(port=int(row["http"]["port"]), path=str(row["http"]["path"]))
    return Ready(command=tuple(str(part) for part in row["exec"]))


def _mount(text: str) -> Mount:
    source, target = text.split(":")[:2]
    return Mount(source, target)


def _published(text: str) -> tuple[int, int]:
    _host, outside, inside = text.split(":")
    return int(inside), int(outside)


def _bytes(text: str) -> int:
    return int(text[:-1]) * MEMORY_UNITS[text[-1].lower()]
