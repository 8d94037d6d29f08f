"""``lab native``: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from labctl import native
from labctl.cli.app import main
from labctl.cli.native import build_progress
from labctl.native import cache
from labctl.native.provision import BuildEvent
from tests.unit.native.conftest import BUILDS_WELL, FakeGo

Output = pytest.CaptureFixture[str]


def test_list_tells_what_is_missing_and_how_to_get_it(fake_go: FakeGo, capsys: Output) -> None:
    """A missing server comes with its size to be expected and the command that builds it."""
    assert main(["native", "list"]) == 0
    shown = capsys.readouterr().out
    assert "missing" in shown
    assert "about 2 MB" in shown
    assert "lab native build toy" in " ".join(shown.split())


def test_list_as_json_holds_every_field(fake_go: FakeGo, capsys: Output) -> None:
    """Scripts read where a built server lies."""
    native.ensure(["toy"])
    assert main(["native", "list", "--json"]) == 0
    (toy,) = json.loads(capsys.readouterr().out)
    assert (toy["name"], toy["version"], toy["state"]) == ("toy", "1.2.3", "built")
    assert Path(toy["folder"], "toy").is_file()


def test_build_answers_with_paths_and_tells_progress_beside(fake_go: FakeGo, capsys: Output) -> None:
    """The result is on stdout, whole lines of progress on stderr."""
    assert main(["native", "build", "toy", "--json"]) == 0
    said = capsys.readouterr()
    assert set(json.loads(said.out)) == {"toy", "toytool"}
    assert "building toy 1.2.3: about 1 min" in said.err
    assert "toy 1.2.3: ready after" in said.err


def test_line_of_progress_holds_time_estimate_and_total(capsys: Output) -> None:
    """Without a terminal each line says how far the server and the whole are."""
    with build_progress() as show:
        show(BuildEvent("loki", "building", 60.0, 260.0, 0.4, version="3.7.8"))
        show(BuildEvent("loki", "building", 61.0, 260.0, 0.4, version="3.7.8"))
    assert capsys.readouterr().err.splitlines() == ["building loki 3.7.8: 60 s of about 260 s; total 40%"]


def test_failed_build_ends_with_one_and_one_json_error(fake_go: FakeGo, capsys: Output) -> None:
    """The message is the builder's, in the shape of all errors."""
    fake_go.behaves('echo "main.go:3:1: undefined: nothing" >&2; exit 1')
    assert main(["native", "build", "toy", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert "undefined: nothing" in error["message"]
    assert error["context"]["log"].endswith("logs/toy.log")


def test_unknown_server_ends_with_two(fake_go: FakeGo, capsys: Output) -> None:
    """A misspelt name is a usage error."""
    assert main(["native", "build", "tyo"]) == 2
    assert "toy" in capsys.readouterr().err


def test_interrupt_ends_with_130_and_a_sentence(
    fake_go: FakeGo, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle leaves nothing half built and says that one may go on."""

    def interrupt(_self: object, event: BuildEvent) -> None:
        if event.phase == "building":
            raise KeyboardInterrupt

    fake_go.behaves(f"exec tail -f /dev/null; {BUILDS_WELL}")
    monkeypatch.setattr(build_progress, "__call__", interrupt)
    assert main(["native", "build", "toy"]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert native.locate("toy") is None
    assert list((cache.native_root() / "scratch").iterdir()) == []


def test_clean_without_consent_removes_nothing(fake_go: FakeGo, capsys: Output) -> None:
    """Where nobody can be asked, only --yes removes."""
    native.ensure(["toy"])
    assert main(["native", "clean"]) == 2
    assert "--yes" in capsys.readouterr().err
    assert native.locate("toy")


def test_clean_with_consent_says_what_it_freed(fake_go: FakeGo, capsys: Output) -> None:
    """The JSON answer names the folders."""
    folder = native.ensure(["toy"])["toy"].parent
    assert main(["native", "clean", "--yes", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["freed_bytes"] > 0
    assert str(folder) in answer["removed"]
