"""What people type wrongly, or at the wrong moment: a clear error, the right exit code, never a traceback."""

import json
import os
import socket
from pathlib import Path

import pytest

from labctl.prove.restarts import Verb, run_lab
from labctl.prove.world import World

NOWHERE = "http://127.0.0.1:9"


def run(*arguments: str, **environ: str) -> Verb:
    """``lab <arguments>`` with some variables changed."""
    return run_lab(*arguments, environ={**os.environ, **environ})


def assert_clear(ran: Verb, code: int, *words: str) -> None:
    """That exit code, these words, and no insides of Python."""
    assert ran.code == code, ran.output[-2000:]
    assert "Traceback" not in ran.output
    for word in words:
        assert word in ran.output, ran.output[-2000:]


@pytest.mark.parametrize(
    "arguments", [["status", "--no-such-flag"], ["logs", "search", "--no-such-flag"], ["--no-such-flag"]]
)
def test_unknown_flag_is_a_usage_error(arguments: list[str]) -> None:
    """The flag is named, and where to look."""
    assert_clear(run(*arguments), 2, "--no-such-flag", "--help")


def test_unknown_verb_suggests_the_nearest() -> None:
    """A slip of the finger is answered with what was probably meant."""
    assert_clear(run("stauts"), 2, "stauts", "status")


@pytest.mark.parametrize(
    "arguments",
    [
        ["logs", "test"],
        ["logs", "search", "service=orders"],
        ["logs", "stats"],
        ["traces", "list"],
        ["traces", "show", "0123456789abcdef0123456789abcdef"],
        ["metrics", "query", "up"],
        ["bench", "feedback"],
        ["prove", "outage"],
    ],
    ids=" ".join,
)
def test_unreachable_lab_is_cannot_tell(arguments: list[str], tmp_path: Path) -> None:
    """Nothing answers at LAB_URL: exit code 3 (2 where the verb needs a lab on this machine), with the address."""
    ran = run(*arguments, LAB_URL=NOWHERE, LAB_HOME=str(tmp_path))
    assert_clear(ran, 2 if arguments[0] in ("bench", "prove") else 3)


def test_doctor_of_an_unreachable_lab_fails(tmp_path: Path) -> None:
    """The doctor asks a remote lab's hops, and says that the door does not answer."""
    ran = run("doctor", "--json", LAB_URL=NOWHERE, LAB_HOME=str(tmp_path))
    assert ran.code == 1
    assert "127.0.0.1:9" in ran.output


@pytest.mark.parametrize("url", ["ftp://somewhere", "localhost:3000", "javascript:alert(1)"])
def test_lab_url_that_is_none_is_a_configuration_error(url: str) -> None:
    """The variable is named."""
    assert_clear(run("status", LAB_URL=url), 2, "LAB_URL")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "3000x"])
def test_port_that_is_none_is_a_configuration_error(port: str) -> None:
    """The variable is named."""
    assert_clear(run("status", LAB_PORT=port), 2, "LAB_PORT")


@pytest.mark.parametrize("variable", ["LAB_PORT", "LAB_OTLP_PORT"])
def test_taken_port_names_holder_and_variable(world: World, tmp_path: Path, variable: str) -> None:
    """`up` on a taken port starts nothing, and says which port, who has it and what moves it."""
    from labctl.testing.own_lab import free_block

    first = free_block()
    ports = {"LAB_PORT": first, "LAB_OTLP_PORT": first + 1, "LAB_INNER_PORT": first + 2}
    with socket.create_server(("127.0.0.1", ports[variable])):
        environ = {name: str(port) for name, port in ports.items()}
        ran = run("up", "--runtime", world.control.runtime, LAB_HOME=str(tmp_path / "home"), **environ)
        assert_clear(ran, 2, str(ports[variable]), variable)


def test_error_as_json_has_the_one_shape(tmp_path: Path) -> None:
    """With --json an error is one document on stdout."""
    ran = run("traces", "list", "--json", LAB_URL=NOWHERE, LAB_HOME=str(tmp_path))
    assert ran.code == 3
    assert {"message", "hint", "context"} <= json.loads(ran.output)["error"].keys()


def test_down_without_a_lab_is_no_error(tmp_path: Path) -> None:
    """`down` of what is not up has nothing to do."""
    assert_clear(run("down", LAB_HOME=str(tmp_path), LAB_PORT="18999"), 0)


def test_unknown_proof_and_benchmark_are_usage_errors() -> None:
    """The ones that there are get named."""
    assert_clear(run("prove", "no-such-proof"), 2, "outage", "purchases")
    assert_clear(run("bench", "no-such-benchmark"), 2, "startup", "memory")
    assert_clear(run("test", "--tier", "no-such-tier"), 2, "unit", "compose")


def test_support_bundle_into_nowhere_is_a_configuration_error(tmp_path: Path) -> None:
    """A place that cannot be written is named."""
    ran = run("support-bundle", "--output", str(tmp_path / "no" / "such" / "folder.tar.gz"), LAB_HOME=str(tmp_path))
    assert_clear(ran, 2, "folder.tar.gz", "--output")
