"""Machine by machine: what is wrong, how bad it is, and what mends it."""

from pathlib import Path

import pytest

from labctl.doctor import host_checks, runtime_checks
from labctl.doctor.finding import Verdict
from labctl.doctor.machine import Ran
from tests.unit.labctl.doctor.patients import GIB, FakeMachine, findings, one_of_this_lab, patient, verdicts


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((3, 10, 14), Verdict.FAIL), ((3, 11, 0), Verdict.PASS), ((3, 14, 1), Verdict.PASS)],
    ids=str,
)
def test_python_is_judged_by_its_minor_version(tmp_path: Path, version: tuple[int, int, int], verdict: Verdict) -> None:
    """3.11 and newer are good."""
    assert verdicts(host_checks.python(patient(tmp_path, FakeMachine(version=version)))) == {verdict}


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [(4 * GIB, Verdict.PASS), (2 * GIB - 1, Verdict.WARN), (GIB - 1, Verdict.FAIL)],
    ids=["plenty", "tight", "too little"],
)
def test_memory_is_judged_by_what_is_available(tmp_path: Path, memory: int, verdict: Verdict) -> None:
    """Two GiB are wanted, one is the least."""
    assert verdicts(host_checks.memory(patient(tmp_path, FakeMachine(memory=memory)))) == {verdict}


def test_memory_of_a_running_lab_is_not_asked_for_again(tmp_path: Path) -> None:
    """The lab has taken its memory already; little that is left is no fault."""
    machine = FakeMachine(memory=0, processes=[one_of_this_lab(tmp_path)])
    assert verdicts(host_checks.memory(patient(tmp_path, machine))) == {Verdict.PASS}


@pytest.mark.parametrize(
    ("free", "total", "verdict"),
    [
        pytest.param(50 * GIB, 100 * GIB, Verdict.PASS, id="half empty"),
        pytest.param(14 * GIB, 100 * GIB, Verdict.WARN, id="86 % used"),
        pytest.param(10 * GIB, 100 * GIB, Verdict.FAIL, id="90 % used, plenty in bytes"),
        pytest.param(3 * GIB, 10 * GIB, Verdict.WARN, id="small disk"),
        pytest.param(GIB - 1, 2 * GIB, Verdict.FAIL, id="next to nothing"),
    ],
)
def test_disk_is_judged_by_share_and_by_bytes(tmp_path: Path, free: int, total: int, verdict: Verdict) -> None:
    """Loki stops at 90 % whatever is free; and the stores need room whatever the share is."""
    assert verdicts(host_checks.disk(patient(tmp_path, FakeMachine(free=free, total=total)))) == {verdict}


def test_disk_without_inodes_fails(tmp_path: Path) -> None:
    """A disk can be full of names while it has bytes."""
    assert Verdict.FAIL in verdicts(host_checks.disk(patient(tmp_path, FakeMachine(inodes=3))))


def test_home_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    """LAB_HOME moves the lab's state."""
    found = findings(host_checks.lab_home(patient(tmp_path, FakeMachine(writable=False))))[0]
    assert found.verdict is Verdict.FAIL
    assert "LAB_HOME" in found.mend


def test_socket_path_that_is_too_long_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """107 bytes are all that the kernel takes."""
    assert verdicts(host_checks.socket_paths(patient(tmp_path))) == {Verdict.PASS}
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "x" * 100)
    assert verdicts(host_checks.socket_paths(patient(tmp_path))) == {Verdict.FAIL}


@pytest.mark.parametrize(("mode", "verdict"), [(0o600, Verdict.PASS), (0o640, Verdict.FAIL), (0o604, Verdict.FAIL)])
def test_secret_that_others_can_read_fails(tmp_path: Path, mode: int, verdict: Verdict) -> None:
    """Secrets are for their owner only; the finding has the command that closes them."""
    folder = tmp_path / "secrets" / "console"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent):
        place.chmod(0o700)
    (folder / "operator").write_text("t", encoding="utf-8")
    (folder / "operator").chmod(mode)
    found = findings(host_checks.secrets(patient(tmp_path)))[0]
    assert found.verdict is verdict
    assert verdict is Verdict.PASS or "chmod" in found.mend


DOCKER = ("docker", "version")
COMPOSE = ("docker", "compose", "version")


@pytest.mark.parametrize(
    ("docker", "compose", "verdict"),
    [
        pytest.param(Ran(None, "not found"), Ran(None, ""), Verdict.PASS, id="no Docker"),
        pytest.param(Ran(1, "Cannot connect to the Docker daemon"), Ran(0, "2.40.3"), Verdict.PASS, id="no daemon"),
        pytest.param(Ran(0, "28.5.1"), Ran(0, "v2.40.3-desktop.1"), Verdict.PASS, id="recent"),
        pytest.param(Ran(0, "19.03.8"), Ran(0, "2.40.3"), Verdict.WARN, id="old engine"),
        pytest.param(Ran(0, "28.5.1"), Ran(125, "unknown command"), Verdict.WARN, id="no Compose"),
        pytest.param(Ran(0, "28.5.1"), Ran(0, "1.29.2"), Verdict.WARN, id="Compose v1"),
    ],
)
def test_engine_is_optional_but_must_be_recent(tmp_path: Path, docker: Ran, compose: Ran, verdict: Verdict) -> None:
    """Without an engine the lab runs natively; an old one is worth a warning."""
    machine = FakeMachine(programs={DOCKER: docker, COMPOSE: compose})
    assert verdicts(runtime_checks.engine(patient(tmp_path, machine))) == {verdict}


def test_engine_of_a_lab_in_docker_must_answer(tmp_path: Path) -> None:
    """A lab that was brought up in Docker is out of reach without it."""
    (tmp_path / "lab.json").write_text(
        '{"port": 3000, "otlp_port": 4318, "inner_port": 20000, "runtime": "docker"}', encoding="utf-8"
    )
    assert verdicts(runtime_checks.engine(patient(tmp_path))) == {Verdict.FAIL}
