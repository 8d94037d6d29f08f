"""What compose.yaml promises: pinned, closed, bounded, and the same in both runtimes."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from labctl.native.servers import catalogue
from labctl.runtime.description import load_stack
from labctl.runtime.process_file import CONDITIONS, process_file
from labctl.runtime.translate import Translation
from labctl.settings import CHECKOUT, INNER_BLOCK, Lab

COMPOSE = CHECKOUT / "compose.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = DOCUMENT["services"]
OWN = sorted(name for name, row in SERVICES.items() if str(row["image"]).startswith("opslab/"))
SHOP = sorted(p.parent.name for p in (CHECKOUT / "services").glob("*/__init__.py"))
MEMORY_GOAL_MB = 1900
# Servers of the native runtime whose component has another name.
IMAGE_OF = {"caddy": "gateway"}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose home has a space in its path."""
    return Lab.from_env({"LAB_HOME": str(tmp_path / "my lab"), "LAB_PORT": "3000"})


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_by_an_exact_tag(name: str) -> None:
    """A floating tag is another lab tomorrow; images of our own are built from the checkout."""
    image = SERVICES[name]["image"]
    assert name in OWN or re.search(r":v?\d+\.\d+(\.\d+)?[\w.-]*$", image), image


@pytest.mark.parametrize("name", [name for name, row in SERVICES.items() if "ports" in row])
def test_published_port_is_on_loopback_only(name: str) -> None:
    """Nothing of the lab may be reached from another machine."""
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", OWN)
def test_own_container_is_hardened(name: str) -> None:
    """Read-only, no capability beyond the listed, no new privileges, a bound on processes, not root."""
    row = SERVICES[name]
    assert row["read_only"] is True
    assert row["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in row["security_opt"]
    assert row["pids_limit"]
    if name == "init":
        assert row["cap_add"] == ["CHOWN", "DAC_OVERRIDE"]
    else:
        assert not row["user"].startswith("0:")
        assert "cap_add" not in row


def test_no_container_sees_the_engine() -> None:
    """A container with the engine's socket owns the machine."""
    assert "docker.sock" not in COMPOSE.read_text(encoding="utf-8")


def test_long_running_components_have_memory_limits_within_the_goal() -> None:
    """The sum without Grafana is what the lab may ever take."""
    limits = {name: int(row["mem_limit"][:-1]) for name, row in SERVICES.items() if row.get("restart") != "no"}
    assert sum(limit for name, limit in limits.items() if name != "grafana") <= MEMORY_GOAL_MB


def test_every_service_folder_is_a_component_and_is_scraped() -> None:
    """A service that is not in the stack, or that nobody watches, would be dead code."""
    scraped = (CHECKOUT / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    assert set(SHOP) <= set(SERVICES)
    assert [name for name in SHOP if f"${{{name.upper()}_MANAGEMENT_ADDR}}" not in scraped] == []


def test_mounted_configuration_exists() -> None:
    """A bind mount of a path that is not there becomes an empty folder in the container."""
    sources = [volume.split(":")[0] for row in SERVICES.values() for volume in row.get("volumes", ())]
    assert [source for source in sources if source.startswith("./") and not (CHECKOUT / source).exists()] == []


@pytest.mark.parametrize(
    "server", [server for server in catalogue().servers if server.name in {*SERVICES, *IMAGE_OF}], ids=lambda s: s.name
)
def test_native_server_has_the_version_of_the_image(server: Any) -> None:
    """Both runtimes run the same upstream release."""
    name = IMAGE_OF.get(server.name, server.name)
    assert SERVICES[name]["image"].rpartition(":")[2].removeprefix("v") == server.version


def test_native_ports_do_not_collide() -> None:
    """Every inner port of a lab has a place of its own in its block."""
    offsets = [offset for row in SERVICES.values() for offset in row["x-native"].get("ports", {}).values()]
    assert [offset for offset, count in Counter(offsets).items() if count > 1] == []
    assert all(0 <= offset < INNER_BLOCK for offset in offsets)


def test_native_file_keeps_every_dependency_and_health_check(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for what, and what is asked for readiness, is the same without Docker."""
    monkeypatch.setattr("labctl.runtime.translate.require", lambda binary: Path("/opt") / binary)
    stack = load_stack(COMPOSE, {}).without(frozenset({"grafana"}))
    written = yaml.safe_load(process_file(Translation(stack, lab, {}).processes(), lab))["processes"]
    for name in stack.names:
        conditions = {
            other: CONDITIONS[how["condition"]] for other, how in SERVICES[name].get("depends_on", {}).items()
        }
        assert {other: how["condition"] for other, how in written[name].get("depends_on", {}).items()} == conditions
        if "healthcheck" in SERVICES[name]:
            assert "readiness_probe" in written[name], name
        assert written[name]["availability"]["restart"] == ("no" if SERVICES[name]["restart"] == "no" else "always")


def test_native_processes_listen_on_loopback_and_know_no_container_path(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After translation no wildcard address, no container name with a port, and no mount target is left."""
    monkeypatch.setattr("labctl.runtime.translate.require", lambda binary: Path("/opt") / binary)
    stack = load_stack(COMPOSE, {}).without(frozenset({"grafana"}))
    names = "|".join(stack.names)
    for process in Translation(stack, lab, {}).processes():
        for text in (*process.argv[1:], *process.environment.values()):
            assert "0.0.0.0" not in text, (process.name, text)
            assert not re.search(rf"(?<![\w.-])({names}):\d+\b", text), (process.name, text)
            assert not text.startswith(("/etc/", "/run/opslab", "/volumes")), (process.name, text)
