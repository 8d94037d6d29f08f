"""PostgreSQL for services: a pool that waits no longer than the request may, and comes back after the server does."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from opentelemetry.instrumentation.utils import suppress_instrumentation
from psycopg import errors as postgres_errors
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from labkit import deadline, pool_metrics, telemetry
from labkit.errors import ApiError
from labkit.settings import Address, Environ, env_address, env_float_s, env_int, read_secret

Connection = psycopg.Connection[DictRow]
_RECONNECT_TIMEOUT_S = 2.0  # the pool's own 300 s doubles its pauses: a minute of outage would cost another half
_CONNECT_TIMEOUT_S = 2
_WAIT_TIME = telemetry.histogram(
    "db.client.connection.wait_time", "s", "Time to obtain a connection from the pool.", telemetry.DURATION_BUCKETS_S
)


class DatabaseUnavailable(ApiError):
    """The database cannot be reached or broke off. 503 ``database.unavailable``."""

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            503,
            "database.unavailable",
            f"the database {database} cannot be reached: {reason}",
            "see whether postgres runs; the pool reconnects by itself",
            {"database": database},
            headers={"Retry-After": "1"},
        )


class PoolExhausted(ApiError):
    """All connections were in use for as long as this request could wait. 503 ``database.pool_exhausted``."""

    def __init__(self, database: str, size: int, waited_s: float) -> None:
        super().__init__(
            503,
            "database.pool_exhausted",
            f"all {size} connections to {database} were in use for {waited_s:.2f} s",
            "find what holds them: a lock, a slow statement, or more load than the pool is for",
            {"database": database, "pool_size": size, "waited_s": round(waited_s, 3)},
            headers={"Retry-After": "1"},
        )


class StatementTimeout(ApiError):
    """A statement ran into its time limit and was cancelled. 504 ``database.statement_timeout``."""

    def __init__(self, database: str) -> None:
        super().__init__(
            504,
            "database.statement_timeout",
            f"a statement on {database} ran longer than it may",
            "look at the statement in the trace: a missing index, a lock, or too many rows",
            {"database": database},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the database is and what the pool may do."""

    address: Address
    database: str
    user: str
    password: str = field(repr=False)
    min_size: int = 1
    max_size: int = 8
    acquire_timeout_s: float = 2.0
    statement_timeout_s: float = 3.0

    @classmethod
    def from_env(cls, service: str, environ: Environ) -> "DatabaseSettings":
        """POSTGRES_ADDR, the secret ``database``, and LAB_DB_*; role and database are called like the service."""
        max_size = env_int(environ, "LAB_DB_POOL_MAX", 8, minimum=1, maximum=50)
        return cls(
            address=env_address(environ, "POSTGRES_ADDR"),
            database=service,
            user=service,
            password=read_secret(environ, "database"),
            min_size=env_int(environ, "LAB_DB_POOL_MIN", 1, minimum=0, maximum=max_size),
            max_size=max_size,
            acquire_timeout_s=env_float_s(environ, "LAB_DB_ACQUIRE_TIMEOUT_S", 2.0),
            statement_timeout_s=env_float_s(environ, "LAB_DB_STATEMENT_TIMEOUT_S", 3.0),
        )


class Pool:
    """Connections to one database. Makes none until the first use, so a service starts while the database is down."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pool: ConnectionPool[Connection] | None = None
        self._closed = False
        self._in_use = 0
        pool_metrics.watch(self)

    @contextmanager
    def connection(self, *, statement_timeout_s: float | None = None) -> Iterator[Connection]:
        """One transaction: commits at the end, rolls back on an error. Rows are dicts.

        Waiting for a connection and every statement are capped by the request's deadline. Raises
        ``DatabaseUnavailable``, ``PoolExhausted``, ``StatementTimeout`` or ``DeadlineExceeded``; other errors of
        psycopg (a violated constraint, a deadlock) pass as they are.
        """
        limit_s = self._settings.statement_timeout_s if statement_timeout_s is None else statement_timeout_s
        with self._mapped_errors(), self._acquired() as connection, connection:
            capped_s = deadline.cap_s(limit_s, doing="the database was asked")
            if capped_s < self._settings.statement_timeout_s or statement_timeout_s is not None:
                _limit_transaction(connection, capped_s)
            yield connection

    def check(self) -> None:
        """Raise unless the database answers; for readiness."""
        with self.connection(statement_timeout_s=1.0) as connection, suppress_instrumentation():
            connection.execute("SELECT 1")

    def counts(self) -> Mapping[str, int]:
        """Connections by state, ``used`` and ``idle``."""
        pool = self._pool
        idle = 0 if pool is None else pool.get_stats().get("pool_available", 0)
        return {"used": self._in_use, "idle": idle}

    @property
    def max_size(self) -> int:
        """The most connections there may be."""
        return self._settings.max_size

    @property
    def name(self) -> str:
        """The name of the database; the label of this pool's metrics."""
        return self._settings.database

    def close(self, timeout_s: float = 2.0) -> None:
        """Close the connections; waits for the pool's threads at most ``timeout_s``."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        pool_metrics.forget(self)
        if pool is not None:
            pool.close(timeout=timeout_s)

    @contextmanager
    def _acquired(self) -> Iterator[Connection]:
        pool = self._opened()
        waiting_s = deadline.cap_s(self._settings.acquire_timeout_s, doing="a connection was free")
        started = time.monotonic()
        try:
            connection = pool.getconn(timeout=waiting_s)
        except PoolTimeout as error:
            raise self._not_acquired(time.monotonic() - started) from error
        finally:
            _WAIT_TIME.record(time.monotonic() - started, {"db.client.connection.pool.name": self.name})
        self._count(+1)
        try:
            yield connection
        finally:
            self._count(-1)
            pool.putconn(connection)

    def _not_acquired(self, waited_s: float) -> ApiError:
        if self._in_use >= self._settings.max_size:
            return PoolExhausted(self.name, self._settings.max_size, waited_s)
        return DatabaseUnavailable(self.name, f"no connection within {waited_s:.2f} s")

    def _count(self, change: int) -> None:
        with self._lock:
            self._in_use += change

    def _opened(self) -> "ConnectionPool[Connection]":
        with self._lock:
            if self._closed:
                raise DatabaseUnavailable(self.name, "the pool is closed")
            if self._pool is None:
                self._pool = _new_pool(self._settings)
                self._pool.open(wait=False)
            return self._pool

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except postgres_errors.QueryCanceled as error:
            raise StatementTimeout(self.name) from error
        except PoolClosed as error:
            raise DatabaseUnavailable(self.name, "the pool is closed") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if _is_connection_loss(error):
                raise DatabaseUnavailable(self.name, type(error).__name__) from error
            raise


def _new_pool(settings: DatabaseSettings) -> "ConnectionPool[Connection]":
    return ConnectionPool(
        "",
        connection_class=psycopg.Connection[DictRow],
        kwargs={
            "host": settings.address.host,
            "port": settings.address.port,
            "dbname": settings.database,
            "user": settings.user,
            "password": settings.password,
            "application_name": settings.database,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={_milliseconds(settings.statement_timeout_s)}",
            "row_factory": dict_row,
        },
        min_size=settings.min_size,
        max_size=settings.max_size,
        open=False,
        check=_check_quietly,
        name=settings.database,
        reconnect_timeout=_RECONNECT_TIMEOUT_S,
        max_idle=60.0,
    )


def _check_quietly(connection: Connection) -> None:
    """Whether a connection from the pool still works; no span, or every request would have one."""
    with suppress_instrumentation():
        ConnectionPool.check_connection(connection)


def _limit_transaction(connection: Connection, limit_s: float) -> None:
    with suppress_instrumentation():
        value = sql.Literal(_milliseconds(limit_s))
        connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(value))


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))  # 0 would mean "no limit"


def _is_connection_loss(error: psycopg.Error) -> bool:
    """Class 08 and 57P01-57P03, 53300 (too many connections), or no SQLSTATE at all: the link itself broke."""
    state = error.sqlstate
    return state is None or state[:2] == "08" or state in ("57P01", "57P02", "57P03", "53300")
