"""What goes into a support bundle: logs, configuration, status, the doctor's findings, versions."""

import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from labctl.backends import Backends, Session
from labctl.doctor import examine
from labctl.doctor.machine import Machine
from labctl.settings import Lab
from labkit.errors import LabError

LOG_TAIL_BYTES = 1_000_000
FILE_BYTES = 256_000
DOCKER_LOG_LINES = 3000
CONFIGURATION = ("compose.yaml", "collector", "jaeger", "loki", "prometheus", "alertmanager", "gateway", "grafana")
CONFIGURATION_SUFFIXES = {".yaml", ".yml", ".json", ".alloy", ".md", ""}
# Below LAB_HOME: never the virtual environment, the data or the secrets.
HOME_SUFFIXES = {".yaml", ".yml", ".json", ".conf"}
HOME_LEFT_OUT = {"venv", "data", "secrets", "pycache", "logs", "cache"}
# Of the environment only what can matter to a lab.
VARIABLE = re.compile(r"LAB_.*|OTEL_.*|DOCKER_.*|COMPOSE_.*|.*_proxy|PYTHON.*|XDG_.*|PATH|LANG|TMPDIR", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One file of the bundle. ``note`` says what is missing from it and why."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Source:
    """Where items come from; one that breaks becomes a note in the bundle, never the end of it."""

    name: str
    items: Callable[[], Iterator[Item]]


def sources(lab: Lab, environ: Mapping[str, str], machine: Machine) -> list[Source]:
    """Every source that this lab has."""
    mine = [
        Source("logs", lambda: logs(lab)),
        Source("configuration", lambda: configuration(lab)),
        Source("status", lambda: status(lab)),
        Source("doctor", lambda: iter([_json("doctor.json", examine(lab, environ).as_json())])),
        Source("versions", lambda: iter([_json("versions.json", versions(machine))])),
        Source("environment", lambda: iter([_json("environment.json", environment(environ))])),
    ]
    if lab.remembered_runtime() == "docker":
        mine.append(Source("containers", lambda: containers(lab, machine)))
    return mine


def logs(lab: Lab) -> Iterator[Item]:
    """The end of each log file, from the first whole line on: half a line could hide half a secret."""
    for path in _files(lab.logs_dir):
        text, cut = tail(path, LOG_TAIL_BYTES)
        yield Item(f"logs/{path.relative_to(lab.logs_dir)}", text, cut)


def configuration(lab: Lab) -> Iterator[Item]:
    """What the components read, and what was generated for them."""
    for name in CONFIGURATION:
        root = lab.checkout / name
        for path in [root] if root.is_file() else _files(root):
            if path.suffix in CONFIGURATION_SUFFIXES:
                yield Item(f"configuration/{path.relative_to(lab.checkout)}", *tail(path, FILE_BYTES))
    for path in _files(lab.home, HOME_LEFT_OUT):
        if path.suffix in HOME_SUFFIXES:
            yield Item(f"home/{path.relative_to(lab.home)}", *tail(path, FILE_BYTES))


def status(lab: Lab) -> Iterator[Item]:
    """What the lab says about itself."""
    backends, session = Backends.at(lab.url), Session(lab.url)
    questions: dict[str, Callable[[], object]] = {
        "components": lambda: session.get_json("/api/lab", backend="The console"),
        "pipeline": lambda: session.get_json("/api/lab/pipeline", backend="The console"),
        "targets": lambda: [
            dict(one.labels) | {"up": one.samples[-1].value} for one in backends.prometheus.query("up")
        ],
        "loki_services": lambda: backends.loki.label_values("service_name"),
        "jaeger_services": backends.jaeger.services,
    }
    yield _json("status.json", {name: _answer(question) for name, question in questions.items()})


def containers(lab: Lab, machine: Machine) -> Iterator[Item]:
    """What the engine says about this lab's containers, and the end of their logs."""
    compose = ("docker", "compose", "--project-name", lab.project, "--file", str(lab.checkout / "compose.yaml"))
    listed = machine.run(*compose, "ps", "--all", "--format", "json")
    yield Item("containers/ps.json", listed.output)
    for line in listed.output.splitlines():
        name = _service_in(line)
        if name:
            log = machine.run(*compose, "logs", "--no-color", "--timestamps", "--tail", str(DOCKER_LOG_LINES), name)
            yield Item(f"containers/{name}.log", log.output[-LOG_TAIL_BYTES:], f"the last {DOCKER_LOG_LINES} lines")


def versions(machine: Machine) -> dict[str, object]:
    """Of everything that is not pinned by the checkout itself."""
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "memory_available_bytes": machine.available_memory_bytes(),
        "packages": {one.name: one.version for one in sorted(metadata.distributions(), key=lambda one: one.name)},
        "docker": machine.run("docker", "version").output,
        "compose": machine.run("docker", "compose", "version").output,
        "native": machine.run(sys.executable, "-m", "labctl", "native", "list", "--json").output,
    }


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that can matter to a lab."""
    return {name: value for name, value in sorted(environ.items()) if VARIABLE.fullmatch(name)}


def tail(path: Path, size_bytes: int) -> tuple[str, str]:
    """The end of a file beginning with a whole line, and a note when something was left out."""
    whole = path.stat().st_size
    with path.open("rb") as file:
        if whole <= size_bytes:
            return file.read(size_bytes).decode("utf-8", "replace"), ""
        file.seek(whole - size_bytes)
        _, _, rest = file.read(size_bytes).partition(b"\n")
    return rest.decode("utf-8", "replace"), f"the last {len(rest)} of {whole} bytes"


def _files(root: Path, left_out: set[str] | frozenset[str] = frozenset()) -> list[Path]:
    """Plain files below ``root``; a symbolic link could lead anywhere, also to a secret."""
    if not root.is_dir() or root.is_symlink():
        return []
    found: list[Path] = []
    for path in sorted(root.iterdir()):
        if path.is_symlink() or path.name in left_out or path.name == "secrets":
            continue
        if path.is_dir():
            found += _files(path)
        elif path.is_file():
            found.append(path)
    return found


def _answer(question: Callable[[], object]) -> object:
    try:
        return question()
    except LabError as error:
        return error.as_json()


def _service_in(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return ""
    return str(found.get("Service", "")) if isinstance(found, dict) else ""


def _json(name: str, content: object) -> Item:
    return Item(name, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
