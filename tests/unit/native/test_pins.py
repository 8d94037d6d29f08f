"""The pins agree with each other: the catalogue, the Go modules, compose.yaml, the collector's manifest."""

import re
from pathlib import Path

import pytest
import yaml

from labctl.native import postgres_binaries
from labctl.native.go import WHEEL_HASHES, version_tuple
from labctl.native.servers import SOURCES, Server, catalogue
from labctl.settings import CHECKOUT
from labkit.errors import ConfigurationError

SERVERS = catalogue().servers
# Server -> image in compose.yaml; process-compose and the Compose plugin run outside containers.
IMAGES = {
    "loki": "grafana/loki",
    "jaeger": "jaegertracing/jaeger",
    "prometheus": "prom/prometheus",
    "alertmanager": "prom/alertmanager",
    "collector": "otel/opentelemetry-collector-contrib",
    "caddy": "caddy",
}
each_server = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)


def main_module(server: Server) -> Path:
    """The folder whose go.mod pins the module that is built (the collector's is generated: its builder's)."""
    return server.sources / "builder" if server.manifest else server.sources


@each_server
def test_module_is_required_in_the_pinned_version(server: Server) -> None:
    """What the catalogue says is what go.mod makes Go build."""
    assert f"{server.module} {server.module_version} // indirect" in (main_module(server) / "go.mod").read_text()


@each_server
def test_packages_are_tools_of_the_module(server: Server) -> None:
    """Only what a ``tool`` line names is sure to have its dependencies in go.sum."""
    text = (main_module(server) / "go.mod").read_text()
    wanted = {server.module} if server.manifest else set(server.binaries.values())
    assert wanted <= set(re.findall(r"^(?:tool|\t) ?([^\s(]+)$", text, re.MULTILINE))


@each_server
def test_needed_go_is_new_enough_for_every_module(server: Server) -> None:
    """The lowest Go that is accepted must satisfy each go.mod; GOTOOLCHAIN=local gets no other."""
    for file in server.sources.rglob("go.mod"):
        asked = next(line for line in file.read_text().splitlines() if line.startswith("go "))
        assert version_tuple(catalogue().go.minimum) >= version_tuple(asked), file


@pytest.mark.parametrize(("name", "image"), IMAGES.items(), ids=IMAGES)
def test_native_and_container_versions_are_equal(name: str, image: str) -> None:
    """Both runtimes run the same server, so its version is one."""
    compose = yaml.safe_load((CHECKOUT / "compose.yaml").read_text(encoding="utf-8"))
    tags = {service.get("image", "").rpartition(":")[::2] for service in compose["services"].values()}
    (tag,) = (tag for repository, tag in tags if repository == image)
    assert tag.removeprefix("v") == catalogue().server(name).version


def test_collector_is_of_one_version() -> None:
    """Components of different releases may not fit together; providers and the like are numbered 1.x."""
    collector = catalogue().server("collector")
    manifest = yaml.safe_load((collector.sources / collector.manifest).read_text(encoding="utf-8"))
    parts = [part["gomod"].split() for kind, part_list in manifest.items() if kind != "dist" for part in part_list]
    assert manifest["dist"]["version"] == collector.version
    assert {version for module, version in parts if "/provider/" not in module} == {f"v{collector.version}"}
    pinned = (collector.sources / "go.mod").read_text()
    assert all(f"\t{module} {version}\n" in pinned for module, version in parts)


def test_wheel_is_pinned_with_hashes() -> None:
    """pip refuses a file whose hash is not in the list."""
    lock = WHEEL_HASHES.read_text()
    assert lock.startswith(f"{catalogue().go.wheel} ")
    assert "--hash=sha256:" in lock


def test_every_folder_of_sources_is_in_the_catalogue() -> None:
    """No module lies there that nothing builds."""
    assert {path.name for path in SOURCES.iterdir() if path.is_dir()} == {server.name for server in SERVERS}


def test_only_the_compose_plugin_is_for_tests_alone() -> None:
    """``lab up`` builds what the lab runs and not what only its tests want."""
    assert [server.name for server in SERVERS if server.test_only] == ["compose"]


def test_every_server_has_a_measured_size_and_time() -> None:
    """The progress line and the check of free space live on them."""
    assert all(server.size_mb > 0 and server.estimate_s > 0 for server in SERVERS)


@pytest.mark.parametrize("program", ["postgres", "initdb", "pg_isready", "psql"])
def test_postgres_programs_come_with_the_wheel(program: str) -> None:
    """The folder holds what the lab calls."""
    assert (postgres_binaries.postgres_bin_dir() / program).is_file()


def test_missing_postgres_wheel_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no wheel exists, Docker still does it."""
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError) as caught:
        postgres_binaries.postgres_bin_dir()
    assert "--runtime docker" in caught.value.hint
