"""Numbered SQL files, applied once and in order, by whichever instance comes first.

A service keeps them in its folder as ``migrations/0001_what_it_does.sql``. Several instances may start at the same
moment: an advisory lock lets one of them work and the others find the work done.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from labkit.errors import ConfigurationError

# One lock for every schema change in a database: "opslab" read as a number.
LOCK = int.from_bytes(b"opslab")
_NAME = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; ``digest`` is the SHA-256 of its text, so that an edited file is noticed."""

    name: str
    sql: str
    digest: str


def load(folder: Path) -> tuple[Migration, ...]:
    """The migrations of a folder in order. ConfigurationError unless they are 0001, 0002, ... without a gap."""
    files = sorted(folder.glob("*.sql"))
    for position, file in enumerate(files, start=1):
        name = _NAME.fullmatch(file.stem)
        if name is None or int(name["number"]) != position:
            raise ConfigurationError(
                f"{file.name} does not follow in the order of migrations: expected {position:04d}_<words>.sql.",
                "Number the files of the folder 0001, 0002, ... without a gap.",
                {"folder": str(folder)},
            )
    return tuple(_read(file) for file in files)


def apply(connection: psycopg.Connection[Any], migrations: Sequence[Migration]) -> tuple[str, ...]:
    """Apply what this database lacks, in the caller's transaction; returns the names of what was applied now.

    Commit makes all of it visible at once, a rollback leaves nothing half done. ConfigurationError when a file that
    was applied before has another text now.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied = _applied(connection, migrations)
    missing = [migration for migration in migrations if migration.name not in applied]
    for migration in missing:
        _run(connection, migration)
    return tuple(migration.name for migration in missing)


def _applied(connection: psycopg.Connection[Any], migrations: Iterable[Migration]) -> dict[str, str]:
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        applied: dict[str, str] = dict(cursor.execute("SELECT name, digest FROM schema_migrations").fetchall())
    for migration in migrations:
        if applied.get(migration.name, migration.digest) != migration.digest:
            raise ConfigurationError(
                f"Migration {migration.name} was edited after this database applied it.",
                "Restore the file and write what is to change into a new migration.",
                {"applied": applied[migration.name], "found": migration.digest},
            )
    return applied


def _run(connection: psycopg.Connection[Any], migration: Migration) -> None:
    connection.execute(migration.sql.encode())
    connection.execute(
        "INSERT INTO schema_migrations (name, digest) VALUES (%s, %s)", (migration.name, migration.digest)
    )


def _read(file: Path) -> Migration:
    sql = file.read_text(encoding="utf-8")
    return Migration(file.stem, sql, hashlib.sha256(sql.encode()).hexdigest())
