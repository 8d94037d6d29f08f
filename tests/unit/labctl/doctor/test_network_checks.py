"""Ports, proxies, clocks and leftovers."""

import socket
from pathlib import Path

import pytest

from labctl.doctor import leftovers, network_checks, port_checks
from labctl.doctor.finding import Verdict
from labctl.doctor.machine import Holder, Running
from tests.unit.labctl.doctor.patients import FakeMachine, findings, one_of_this_lab, patient, verdicts


def test_free_ports_pass(tmp_path: Path) -> None:
    """Nobody listens on any of them."""
    assert verdicts(port_checks.ports(patient(tmp_path))) == {Verdict.PASS}


@pytest.mark.parametrize(
    ("port", "variable"), [(3000, "LAB_PORT"), (4318, "LAB_OTLP_PORT")], ids=["front door", "learner's OTLP"]
)
def test_taken_port_names_port_program_and_variable(tmp_path: Path, port: int, variable: str) -> None:
    """All that a stranger needs to mend it."""
    machine = FakeMachine(ports={port: Holder(77, "node", {})})
    found = findings(port_checks.ports(patient(tmp_path, machine)))[0]
    assert found.verdict is Verdict.FAIL
    assert str(port) in found.summary
    assert "node (process 77)" in found.summary
    assert variable in found.mend


def test_taken_inner_port_names_its_variable(tmp_path: Path) -> None:
    """A block of inner ports moves as a whole."""
    asked = patient(tmp_path)
    machine = FakeMachine(ports={asked.lab.inner_port + 31: Holder(None, "another user's program", {})})
    found = findings(port_checks.ports(patient(tmp_path, machine)))[0]
    assert found.verdict is Verdict.FAIL
    assert "LAB_INNER_PORT" in found.mend


def test_port_held_by_this_lab_passes(tmp_path: Path) -> None:
    """A running lab has its own ports."""
    machine = FakeMachine(ports={3000: Holder(5, "caddy", one_of_this_lab(tmp_path).environ)})
    assert verdicts(port_checks.ports(patient(tmp_path, machine))) == {Verdict.PASS}


def test_port_held_by_another_lab_names_its_folder(tmp_path: Path) -> None:
    """The likeliest holder is a forgotten lab."""
    environ = {"LAB_INSTANCE": "y", "LAB_HOME": "/elsewhere/.lab"}
    machine = FakeMachine(ports={3000: Holder(5, "caddy", environ)})
    assert "/elsewhere/.lab" in findings(port_checks.ports(patient(tmp_path, machine)))[0].summary


@pytest.mark.parametrize(
    ("environ", "verdict"),
    [
        pytest.param({}, Verdict.PASS, id="no proxy"),
        pytest.param({"HTTP_PROXY": "http://p:1"}, Verdict.WARN, id="no NO_PROXY"),
        pytest.param({"http_proxy": "http://p:1", "no_proxy": "example.com"}, Verdict.WARN, id="other names only"),
        pytest.param({"HTTP_PROXY": "http://p:1", "NO_PROXY": "localhost"}, Verdict.WARN, id="one of two names"),
        pytest.param({"HTTP_PROXY": "http://p:1", "NO_PROXY": "127.0.0.1,localhost"}, Verdict.PASS, id="both names"),
        pytest.param({"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, Verdict.PASS, id="everything"),
        pytest.param({"HTTPS_PROXY": "http://p:1"}, Verdict.PASS, id="https only"),
    ],
)
def test_proxy_that_catches_localhost_warns(tmp_path: Path, environ: dict[str, str], verdict: Verdict) -> None:
    """Only plain HTTP to local addresses matters to the lab."""
    assert verdicts(network_checks.proxy(patient(tmp_path, environ=environ))) == {verdict}


@pytest.mark.parametrize(
    ("header_s", "skew_s"),
    [(1000.0, 0.0), (999.0, 0.0), (1001.0, 0.9), (995.0, -4.0), (1060.0, 59.9)],
)
def test_skew_allows_for_whole_seconds(header_s: float, skew_s: float) -> None:
    """A Date header is cut off to the second: what that hides is not called a skew."""
    assert network_checks.skew_of(header_s, before_s=1000.0, after_s=1000.1) == pytest.approx(skew_s)


def test_clean_machine_has_no_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to report."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert verdicts(leftovers.leftovers(patient(tmp_path))) == {Verdict.PASS}


def test_processes_of_a_removed_lab_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their folder is gone, they live on: the finding has the command that ends exactly them."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    gone = {"LAB_INSTANCE": "z", "LAB_HOME": str(tmp_path / "gone")}
    machine = FakeMachine(processes=[Running(12, "loki", gone), Running(11, "jaeger", gone), one_of_this_lab(tmp_path)])
    found = [one for one in findings(leftovers.leftovers(patient(tmp_path, machine))) if one.facts.get("pids")]
    assert [one.mend for one in found] == ["kill 11 12"]


@pytest.mark.parametrize(("alive", "verdict"), [(set(), Verdict.WARN), ({99}, Verdict.PASS)], ids=["dead", "alive"])
def test_lock_of_a_dead_process_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: set[int], verdict: Verdict
) -> None:
    """A lock whose holder lives is none of the doctor's business."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "venv.busy").mkdir()
    (tmp_path / "venv.busy" / "pid").write_text("99\n", encoding="utf-8")
    assert verdicts(leftovers.leftovers(patient(tmp_path, FakeMachine(alive=alive)))) == {verdict}


def test_servers_of_other_versions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade leaves hundreds of megabytes behind."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    (tmp_path / "cache" / "native" / "loki-0.0.1-0123456789ab").mkdir(parents=True)
    (tmp_path / "cache" / "native" / "logs").mkdir()
    found = findings(leftovers.leftovers(patient(tmp_path)))
    assert [one.verdict for one in found] == [Verdict.WARN]
    assert "1 servers" in found[0].summary


def test_dead_socket_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket file outlives the supervisor that was killed."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "opslab").mkdir()
    path = tmp_path / "opslab" / "a.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    found = findings(leftovers.leftovers(patient(tmp_path, FakeMachine(answering=False))))
    assert [one.mend for one in found] == [f"rm {path}"]
