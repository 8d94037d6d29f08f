"""Removing built servers: exactly those, and never from under somebody who uses them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from labctl import native
from labctl.native import cache
from labkit.errors import ConfigurationError, LabError
from tests.unit.native.conftest import FakeGo

OLD = "toy-1.0.0-0123456789ab"


@pytest.fixture
def built(fake_go: FakeGo) -> Path:
    """The cache's native folder with the toy built, an older one and a file of somebody else's."""
    native.ensure(["toy"])
    root = cache.native_root()
    (root / OLD).mkdir()
    (root / OLD / "toy").write_bytes(b"x" * 1000)
    (root / "mine").mkdir()
    return root


@contextmanager
def running(program: Path) -> Iterator[None]:
    """``program`` is a copy of ``sleep`` that runs meanwhile."""
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_everything_built_goes_and_nothing_else(built: Path) -> None:
    """Servers of all versions and the logs go; a folder that the lab did not make stays."""
    freed = native.clean()
    assert freed >= 1000
    assert {path.name for path in built.iterdir()} == {"locks", "scratch", "mine"}


def test_old_servers_alone_can_go(built: Path) -> None:
    """After an update the servers of the earlier version are what is not needed."""
    assert native.clean(old_only=True) == 1000
    assert native.locate("toy")
    assert not (built / OLD).exists()


def test_running_program_keeps_its_folder(built: Path) -> None:
    """A lab whose server disappears cannot restart it, so the removal is refused with the process named."""
    with running(built / OLD / "toy"), pytest.raises(LabError, match=r"In use by toy \(process \d+\)") as caught:
        native.clean()
    assert "lab down" in caught.value.hint
    assert native.locate("toy")


def test_build_at_work_keeps_the_cache(built: Path) -> None:
    """Cleaning under a build would end it with a puzzling error."""
    with cache.scratch_dir(), pytest.raises(LabError, match=f"process {os.getpid()}"):
        native.clean()


def test_leftovers_of_a_killed_build_go_too(built: Path) -> None:
    """They are the largest part of what a broken run leaves."""
    leftover = built / "scratch" / "1-dead"
    leftover.mkdir()
    (leftover / "big").write_bytes(b"x" * 5000)
    assert native.clean(old_only=True) >= 5000
    assert not leftover.exists()


def test_nothing_to_clean_makes_no_folder(fake_go: FakeGo) -> None:
    """Asking a machine that never built anything changes nothing."""
    assert native.clean() == 0
    assert not cache.cache_root().exists()


def test_checkout_is_not_a_cache(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With LAB_CACHE set to the checkout, built servers and their sources would share one folder."""
    monkeypatch.setattr("labctl.native.cache.SOURCES", tmp_path / "checkout" / "native")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "checkout"))
    with pytest.raises(ConfigurationError, match="checkout's own"):
        native.ensure(["toy"])
