"""Numbered SQL files on a real database."""

import threading
from pathlib import Path

import pytest

from labkit import migrations
from labkit.database import Pool
from labkit.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations, the second of which needs the first."""
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE things (id int); CREATE TABLE others (id int);")
    (tmp_path / "0002_rows.sql").write_text("INSERT INTO things VALUES (1);")
    return tmp_path


def apply(pool: Pool, folder: Path) -> tuple[str, ...]:
    """One instance's start."""
    with pool.connection() as connection:
        return migrations.apply(connection, migrations.load(folder))


def count(pool: Pool) -> int:
    """Rows that the second migration made."""
    with pool.connection() as connection:
        rows = connection.execute("SELECT id FROM things").fetchall()
    return len(rows)


def test_migrations_are_applied_once_and_in_order(pool: Pool, folder: Path) -> None:
    """The first start does the work, the second finds it done."""
    assert apply(pool, folder) == ("0001_things", "0002_rows")
    assert apply(pool, folder) == ()
    assert count(pool) == 1


def test_a_new_file_is_applied_to_an_existing_database(pool: Pool, folder: Path) -> None:
    """How a schema grows."""
    apply(pool, folder)
    (folder / "0003_more.sql").write_text("INSERT INTO things VALUES (2)")
    assert apply(pool, folder) == ("0003_more",)
    assert count(pool) == 2


def test_instances_that_start_together_do_not_disturb_each_other(pool: Pool, folder: Path) -> None:
    """One works under the lock, the others wait and find nothing to do."""
    barrier = threading.Barrier(4)
    results: list[tuple[str, ...]] = []

    def start() -> None:
        barrier.wait()
        results.append(apply(pool, folder))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(), (), (), ("0001_things", "0002_rows")]
    assert count(pool) == 1


def test_a_failing_migration_leaves_nothing_half_done(pool: Pool, folder: Path) -> None:
    """All of a start is one transaction."""
    (folder / "0003_broken.sql").write_text("INSERT INTO nowhere VALUES (1)")
    with pytest.raises(Exception, match="nowhere"):
        apply(pool, folder)
    (folder / "0003_broken.sql").unlink()
    assert apply(pool, folder) == ("0001_things", "0002_rows")


def test_an_edited_migration_is_refused(pool: Pool, folder: Path) -> None:
    """Two databases that ran different texts under one name could never be told apart."""
    apply(pool, folder)
    (folder / "0002_rows.sql").write_text("INSERT INTO things VALUES (2);")
    with pytest.raises(ConfigurationError, match="0002_rows was edited"):
        apply(pool, folder)


@pytest.mark.parametrize("name", ["0003_gap.sql", "2_short.sql", "0002-dash.sql"])
def test_files_out_of_order_are_refused_before_anything_runs(name: str, tmp_path: Path) -> None:
    """A gap is a file that somebody forgot to add."""
    (tmp_path / "0001_first.sql").write_text("SELECT 1")
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(ConfigurationError, match="0002_<words>"):
        migrations.load(tmp_path)
