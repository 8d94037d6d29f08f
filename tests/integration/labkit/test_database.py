"""The pool against a real PostgreSQL: limits, deadlines, and a server that goes away and comes back."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from labkit import deadline
from labkit.database import DatabaseSettings, DatabaseUnavailable, Pool, PoolExhausted, StatementTimeout
from labkit.settings import Address
from labkit.testing import recorded
from tests.integration.labkit.cluster import PASSWORD, Cluster
from tests.integration.labkit.running import eventually, free_port

pytestmark = pytest.mark.integration


def _settings(port: int, max_size: int = 2, acquire_timeout_s: float = 0.3) -> DatabaseSettings:
    return DatabaseSettings(
        address=Address("127.0.0.1", port),
        database="postgres",
        user="postgres",
        password=PASSWORD,
        max_size=max_size,
        acquire_timeout_s=acquire_timeout_s,
        statement_timeout_s=0.5,
    )


@pytest.fixture
def pool(cluster: Cluster) -> Iterator[Pool]:
    """A pool of two connections."""
    made = Pool(_settings(cluster.port))
    eventually(lambda: _works(made))
    yield made
    made.close()


def _works(pool: Pool) -> bool:
    try:
        pool.check()
    except DatabaseUnavailable:
        return False
    return True


def test_rows_are_dicts_and_the_transaction_commits(pool: Pool) -> None:
    """What one connection wrote, the next one reads."""
    with pool.connection() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    with pool.connection() as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == {"number": 7}


def test_an_error_rolls_back(pool: Pool) -> None:
    """After an exception nothing of the transaction is there, and the connection is usable."""
    with pytest.raises(ZeroDivisionError), pool.connection() as connection:
        connection.execute("CREATE TABLE gone (number int)")
        raise ZeroDivisionError
    with pool.connection() as connection:
        assert connection.execute("SELECT to_regclass('gone') AS name").fetchone() == {"name": None}


def test_a_slow_statement_is_cancelled(pool: Pool) -> None:
    """The statement timeout is 504, and the connection is usable after it."""
    with pytest.raises(StatementTimeout) as caught, pool.connection() as connection:
        connection.execute("SELECT pg_sleep(5)")
    assert (caught.value.status, caught.value.code) == (504, "database.statement_timeout")
    pool.check()


def test_the_deadline_caps_a_statement(pool: Pool) -> None:
    """With 200 ms left a statement is cancelled then, not after its own 500 ms."""
    started = time.monotonic()
    with deadline.start(0.2), pytest.raises(StatementTimeout), pool.connection() as connection:
        connection.execute("SELECT pg_sleep(5)")
    assert time.monotonic() - started < 0.45


def test_a_violated_constraint_passes_as_it_is(pool: Pool) -> None:
    """What the service's own SQL did wrong is the service's to handle."""
    with pytest.raises(psycopg.errors.UniqueViolation), pool.connection() as connection:
        connection.execute("CREATE TEMP TABLE one (number int PRIMARY KEY)")
        connection.execute("INSERT INTO one VALUES (1), (1)")


def test_a_full_pool_says_so(pool: Pool) -> None:
    """When every connection is in use the wait ends with the pool's size, not with "unavailable"."""
    with pool.connection(), pool.connection():
        assert pool.counts()["used"] == 2
        with pytest.raises(PoolExhausted) as caught, pool.connection():
            pytest.fail("there was a third connection")
    assert caught.value.context["pool_size"] == 2
    pool.check()


def test_the_wait_for_a_connection_is_capped_by_the_deadline(pool: Pool) -> None:
    """With 100 ms left nobody waits for the acquire timeout of 300 ms."""
    with pool.connection(), pool.connection():
        started = time.monotonic()
        with deadline.start(0.1), pytest.raises(PoolExhausted), pool.connection():
            pytest.fail("there was a third connection")
        assert time.monotonic() - started < 0.28


def test_a_pool_is_made_while_the_database_is_down() -> None:
    """Nothing connects before the first use, and the first use fails in time."""
    pool = Pool(_settings(free_port()))
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        pool.check()
    assert time.monotonic() - started < 1.0
    pool.close()


def test_the_pool_recovers_when_the_server_restarts(pool: Pool, cluster: Cluster) -> None:
    """Broken connections are noticed and replaced: within 2 s of the server's return the pool works, without help."""
    pool.check()
    cluster.stop()
    try:
        with pytest.raises(DatabaseUnavailable):
            pool.check()
    finally:
        cluster.start()
    eventually(lambda: _works(pool), 2.0)


def test_a_connection_lost_in_use_is_unavailable(pool: Pool, cluster: Cluster) -> None:
    """A backend that is terminated under a request gives 503, and the next request works."""
    with pytest.raises(DatabaseUnavailable), pool.connection() as connection:
        pid = connection.info.backend_pid
        admin = cluster.connect()
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        admin.close()
        connection.execute("SELECT 1")
    eventually(lambda: _works(pool), 2.0)


def test_a_closed_pool_is_unavailable(cluster: Cluster) -> None:
    """Who comes after the end is told, instead of waiting."""
    pool = Pool(_settings(cluster.port))
    pool.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        pool.check()


def test_many_threads_share_few_connections(pool: Pool, cluster: Cluster) -> None:
    """Twelve threads through two connections: all are served, and the server never sees more than two."""
    busy = Pool(_settings(cluster.port, acquire_timeout_s=5.0))
    errors: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(10):
                with busy.connection() as connection:
                    connection.execute("SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []
    assert busy.counts()["used"] == 0
    busy.close()


def test_waiting_and_counts_are_measured(pool: Pool) -> None:
    """The wait time and the connections by state are metrics, labelled with the pool."""
    with recorded() as telemetry:
        with pool.connection():
            counts = telemetry.metric_points("db.client.connection.count")
        waits = telemetry.metric_points("db.client.connection.wait_time")
    used = {point.attributes["db.client.connection.state"]: point.value for point in counts}
    assert used["used"] == 1
    assert dict(waits[0].attributes) == {"db.client.connection.pool.name": "postgres"}
