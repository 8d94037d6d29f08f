"""``python -m labkit.database_setup``: a role and a database for each service that owns one. Safe to run again.

Exit codes: 2 for a wrong setting or a refused password, 3 when the database does not answer in time.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import LiteralString

import psycopg
from psycopg import sql

from labkit.errors import CannotTell, ConfigurationError, LabError
from labkit.settings import Address, Environ, env_address, env_float_s, read_secret

SERVICES = ("catalog", "orders")
_LOCK_KEY = 0x6C61_6273  # any constant: two runs at once must not race for the same role
_PAUSE_S = 0.25


def main() -> int:
    """Set up everything; one line of JSON says what was done."""
    try:
        created = run(os.environ)
    except LabError as error:
        sys.stdout.write(json.dumps(error.as_json()) + "\n")
        return error.exit_code
    sys.stdout.write(json.dumps({"event": "database_setup.completed", "created": created}) + "\n")
    return 0


def run(environ: Environ, sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Roles with their passwords, databases of the same names that belong to them, no access for anybody else.

    Returns the names of the databases that were created.
    """
    address = env_address(environ, "POSTGRES_ADDR")
    passwords = {service: read_secret(environ, service) for service in SERVICES}
    timeout_s = env_float_s(environ, "LAB_DATABASE_SETUP_TIMEOUT_S", 60.0)
    with connect(address, read_secret(environ, "superuser"), timeout_s, sleep) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        connection.execute("SET statement_timeout = '30s'")
        for name in ("postgres", "template1"):
            _close_to_public(connection, name)
        return [service for service in SERVICES if _set_up(connection, service, passwords[service])]


def connect(
    address: Address, password: str, timeout_s: float, sleep: Callable[[float], None]
) -> psycopg.Connection[tuple[object, ...]]:
    """A superuser's connection, as soon as the server takes one.

    Raises ``ConfigurationError`` at once for a refused password, ``CannotTell`` when the time is over.
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            return psycopg.connect(
                host=address.host,
                port=address.port,
                dbname="postgres",
                user="postgres",
                password=password,
                autocommit=True,
                connect_timeout=3,
                application_name="database-setup",
            )
        except psycopg.OperationalError as error:
            _give_up(error, address, timeout_s if time.monotonic() >= until else None)
        sleep(_PAUSE_S)


def _give_up(error: psycopg.OperationalError, address: Address, over_s: float | None) -> None:
    if "authentication failed" in str(error):
        raise ConfigurationError(
            f"postgres at {address} refuses the superuser's password",
            "its data folder is older than the secret: `down --volumes` removes both",
        ) from error
    if over_s is not None:
        raise CannotTell(
            f"postgres at {address} did not take a connection within {over_s:g} s", "look at its log"
        ) from error


def _set_up(connection: psycopg.Connection[tuple[object, ...]], service: str, password: str) -> bool:
    name = sql.Identifier(service)
    if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", service):
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    # Hashed here: neither the statement log nor pg_stat_activity ever holds the password.
    hashed = connection.pgconn.encrypt_password(password.encode(), service.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(name, sql.Literal(hashed))
    )
    created = not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", service)
    if created:
        # Whatever locale the cluster was made with: text must come back as text.
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
        connection.execute(create.format(name, name))
    else:
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, name))
    _close_to_public(connection, service)
    return created


def _close_to_public(connection: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None


if __name__ == "__main__":
    sys.exit(main())
