"""The sink, the service under test and its database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.labkit.cluster import PASSWORD, Cluster
from tests.integration.labkit.running import Service
from tests.integration.labkit.sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A running OTLP receiver."""
    receiver = Sink(0)
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def service(sink: Sink, tmp_path: Path) -> Iterator[Service]:
    """A running service without a database, which reports to the sink."""
    running = Service(tmp_path, sink.endpoint)
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL."""
    server = Cluster()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def database_service(sink: Sink, tmp_path: Path, cluster: Cluster) -> Iterator[Service]:
    """A running service with a database."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "database").write_text(PASSWORD)
    running = Service(tmp_path, sink.endpoint, {"POSTGRES_ADDR": f"127.0.0.1:{cluster.port}"})
    try:
        yield running.start()
    finally:
        running.stop()
