"""What a build does with the environment, the cache and other builds."""

import fcntl
import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from labctl import native
from labctl.native import cache, provision
from labctl.native.provision import BuildEvent
from tests.unit.native.conftest import BUILDS_WELL, FakeGo

FORK = multiprocessing.get_context("fork")


def toy_dir() -> Path:
    """Where the toy server lies once it is built."""
    return cache.finished_dir(provision.catalogue().server("toy"))


def environment_of(fake_go: FakeGo, tmp_path: Path) -> dict[str, str]:
    """What a build's Go command saw."""
    fake_go.behaves(f'env >"{tmp_path}/seen"; {BUILDS_WELL}')
    native.ensure(["toy"])
    return dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("GOPROXY", "https://proxy.example.org", id="module proxy"),
        pytest.param("GOSUMDB", "off", id="checksum database"),
        pytest.param("HTTPS_PROXY", "http://proxy.example.org:3128", id="HTTP proxy"),
        pytest.param("SSL_CERT_FILE", "/some/authorities.pem", id="certificates"),
    ],
)
def test_way_to_the_modules_is_the_users(
    fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Behind a company's proxy the build works as the user's own Go does."""
    monkeypatch.setenv(name, value)
    assert environment_of(fake_go, tmp_path)[name] == value


def test_users_go_flags_are_kept(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GOFLAGS may say how many jobs run at once; ours is added."""
    monkeypatch.setenv("GOFLAGS", "-p=1")
    assert environment_of(fake_go, tmp_path)["GOFLAGS"] == "-p=1 -modcacherw"


def test_lab_secrets_do_not_reach_the_compiler(
    fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build sees how to reach modules, and nothing of the lab."""
    monkeypatch.setenv("LAB_TOKEN", "secret")
    assert "LAB_TOKEN" not in environment_of(fake_go, tmp_path)


def test_every_cache_of_go_lies_in_the_scratch(fake_go: FakeGo, tmp_path: Path) -> None:
    """The user's own Go caches stay as they were."""
    seen = environment_of(fake_go, tmp_path)
    scratch = str(cache.native_root() / "scratch")
    assert all(seen[name].startswith(scratch) for name in ("GOMODCACHE", "GOCACHE", "GOPATH", "GOTMPDIR", "TMPDIR"))


def test_whole_output_is_kept(fake_go: FakeGo) -> None:
    """The log holds what Go said on both of its outputs."""
    fake_go.behaves(f"echo said; echo complained >&2; {BUILDS_WELL}")
    native.ensure(["toy"])
    log = (cache.native_root() / "logs" / "toy.log").read_text()
    assert {"said", "complained"} <= set(log.split())


def test_lost_binary_is_built_again(fake_go: FakeGo) -> None:
    """A finished folder from which somebody removed a program is replaced as a whole."""
    native.ensure(["toy"])["toytool"].unlink()
    assert native.ensure(["toy"])["toytool"].is_file()
    assert fake_go.builds == 4


def test_progress_names_the_version_and_ends_at_the_whole(fake_go: FakeGo) -> None:
    """First a sentence about the run, then shares of the whole that never go back."""
    events: list[BuildEvent] = []
    native.ensure(["toy"], events.append)
    assert "toy 1.2.3" in events[0].note
    ratios = [event.overall_ratio for event in events]
    assert ratios == sorted(ratios)
    assert (events[-1].phase, events[-1].version, events[-1].overall_ratio) == ("ready", "1.2.3", 1.0)


def _ensure_and_tell(told: "Queue[str]") -> None:
    native.ensure(["toy"], lambda event: told.put(event.phase))


def test_second_run_says_that_it_waits(fake_go: FakeGo) -> None:
    """While another process builds the server, the run says so and then uses the result."""
    told: Queue[str] = FORK.Queue()
    with cache.build_lock(provision.catalogue().server("toy"), lambda: None):
        second = FORK.Process(target=_ensure_and_tell, args=(told,), daemon=True)
        second.start()
        assert [told.get(timeout=10) for _ in range(2)] == ["note", "waiting"]
        assert not toy_dir().exists()
    second.join(30)
    assert second.exitcode == 0
    assert toy_dir().is_dir()


def test_scratch_of_a_living_run_is_left_alone(fake_go: FakeGo) -> None:
    """Two runs at once must not clear each other's folders away."""
    with cache.scratch_dir() as first, cache.scratch_dir() as second:
        assert first.is_dir()
        assert second.is_dir()


def test_scratch_without_an_owner_is_removed(fake_go: FakeGo) -> None:
    """A run may be killed before it could mark its folder as in use."""
    orphan = cache.prepare() / "scratch" / "1-dead"
    (orphan / "mod").mkdir(parents=True)
    with cache.scratch_dir():
        assert not orphan.exists()


def test_clearing_waits_for_a_run_that_is_just_beginning(fake_go: FakeGo) -> None:
    """Between making its folder and locking it a run holds the lock under which others clear away."""
    lock = cache.prepare() / "locks" / "scratch.lock"
    entered = threading.Event()

    def other_run() -> None:
        with cache.scratch_dir():
            entered.set()

    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        beginning = threading.Thread(target=other_run)
        beginning.start()
        assert not entered.wait(0.1)
    beginning.join(10)
    assert entered.is_set()


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(lambda folder: folder.chmod(0o500), id="read-only folders"),
        pytest.param(lambda folder: folder.chmod(0o000), id="closed folders"),
    ],
)
def test_read_only_tree_is_removed(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    """Go makes the folders of its module cache read-only."""
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    prepare(inner)
    prepare(tmp_path / "tree")
    cache.remove_tree(tmp_path / "tree")
    assert not os.path.lexists(tmp_path / "tree")


def test_removing_a_tree_leaves_what_its_links_point_to(tmp_path: Path) -> None:
    """A link in the tree goes; its target keeps content and mode."""
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o500)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(target)
    cache.remove_tree(tmp_path / "tree")
    assert target.stat().st_mode & 0o777 == 0o500
