"""How `lab test` chooses, counts and isolates."""

import socket
from pathlib import Path

import pytest

from labctl.settings import INNER_BLOCK, Lab
from labctl.testing.counts import Counts, Skipped, read_counts
from labctl.testing.own_lab import environment_for, free_block, is_free
from labctl.testing.tiers import TIERS, chosen
from labkit.errors import ConfigurationError

JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest">
  <testcase classname="tests.unit.test_a" name="test_good"/>
  <testcase classname="tests.unit.test_a" name="test_bad"><failure message="no">text</failure></testcase>
  <testcase classname="tests.unit.test_a" name="test_setup"><error message="set-up">text</error></testcase>
  <testcase classname="tests.unit.test_a" name="test_left_out"><skipped message="no engine"/></testcase>
</testsuite></testsuites>"""


def test_tiers_run_in_their_order_whatever_the_option_says() -> None:
    """Fast ones first."""
    assert [tier.name for tier in chosen("e2e, unit")] == ["unit", "e2e"]
    assert chosen(None) == TIERS


@pytest.mark.parametrize("names", ["nonsense", "unit,nonsense", "", ","])
def test_unknown_tier_is_a_configuration_error(names: str) -> None:
    """Running nothing would look like success."""
    with pytest.raises(ConfigurationError, match="no tier"):
        chosen(names)


def test_every_tier_has_its_folder() -> None:
    """A tier without tests tests nothing."""
    root = Path(__file__).resolve().parents[4]
    assert [tier.folder for tier in TIERS if not (root / tier.folder).is_dir()] == []


def test_counts_are_read_from_junit(tmp_path: Path) -> None:
    """Errors in set-up are failures; skips keep their reasons."""
    (tmp_path / "j.xml").write_text(JUNIT, encoding="utf-8")
    found = read_counts(tmp_path / "j.xml")
    assert found.line == "1 passed, 2 failed, 1 skipped"
    assert list(found.skipped) == [Skipped("tests.unit.test_a::test_left_out", "no engine")]
    assert list(found.failures) == ["tests.unit.test_a::test_bad", "tests.unit.test_a::test_setup"]


@pytest.mark.parametrize("text", [None, "", "<testsuites>"], ids=["no file", "empty", "cut off"])
def test_pytest_that_crashed_is_a_failure(tmp_path: Path, text: str | None) -> None:
    """No result must never be read as "nothing failed"."""
    if text is not None:
        (tmp_path / "j.xml").write_text(text, encoding="utf-8")
    assert read_counts(tmp_path / "j.xml").failed == 1


def test_counts_add_up() -> None:
    """The closing line is over all tiers."""
    total = Counts(1, 0, (Skipped("a", "b"),)) + Counts(2, 1, (), ("f",))
    assert total.line == "3 passed, 1 failed, 1 skipped"


def test_lab_of_the_tests_is_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own folder and ports, whatever the developer's shell says about another lab."""
    for name in ("LAB_URL", "LAB_TOKEN", "LAB_OTLP_PORT", "LAB_INNER_PORT"):
        monkeypatch.setenv(name, "http://elsewhere:1" if name == "LAB_URL" else "1234")
    environ = environment_for(tmp_path, "native", {"LAB_WITHOUT": "grafana"})
    lab = Lab.from_env(environ)
    ports = {lab.port, lab.otlp_port, *range(lab.inner_port, lab.inner_port + INNER_BLOCK)}
    assert len(ports) == INNER_BLOCK + 2
    assert lab.home == tmp_path
    assert not lab.is_remote
    assert lab.token is None
    assert environ["LAB_WITHOUT"] == "grafana"


def test_taken_port_is_not_offered() -> None:
    """Neither the first of the block nor any other in it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])
    assert is_free(free_block())
