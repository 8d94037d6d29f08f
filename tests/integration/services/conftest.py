"""Telemetry in memory, a real PostgreSQL, and services with fake neighbours."""

from collections.abc import Callable, Iterator

import pytest

from catalog import assortment
from catalog.store import PostgresProducts
from labkit.database import DatabaseSettings, Pool
from labkit.settings import Address
from labkit.testing import Recorded, recorded
from tests.integration.labkit.cluster import PASSWORD, Cluster

PRODUCTS, SEED = 24_000, 20_261
NewDatabase = Callable[[], DatabaseSettings]


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    """Spans, log records and metrics of one test."""
    with recorded() as telemetry:
        yield telemetry


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL for the whole run."""
    cluster = Cluster()
    try:
        yield cluster.start()
    finally:
        cluster.remove()


@pytest.fixture(scope="session")
def new_database(cluster: Cluster) -> NewDatabase:
    """Makes empty databases."""
    numbers = iter(range(1, 1_000))

    def make() -> DatabaseSettings:
        name = f"services_{next(numbers)}"
        with cluster.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        address = Address("127.0.0.1", cluster.port)
        return DatabaseSettings(address=address, database=name, user="postgres", password=PASSWORD)

    return make


@pytest.fixture
def pool(new_database: NewDatabase) -> Iterator[Pool]:
    """A pool on an empty database."""
    pool = Pool(new_database())
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def catalog_store(new_database: NewDatabase) -> Iterator[PostgresProducts]:
    """The whole assortment, loaded once; read only."""
    pool = Pool(new_database())
    store = PostgresProducts(pool)
    store.migrate()
    store.load(assortment.version(PRODUCTS, SEED), assortment.products(PRODUCTS, SEED))
    yield store
    pool.close()
