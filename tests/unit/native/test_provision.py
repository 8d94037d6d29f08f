"""Building, keeping and finding the native servers, with a Go command that behaves as each case needs."""

import multiprocessing
import os
import shutil
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest

from labctl import native
from labctl.native import cache, provision, servers
from labctl.native.go import NoCompiler
from labctl.native.trouble import BuildFailed, DiskFull
from labkit.errors import ConfigurationError
from tests.unit.native.conftest import BUILDS_WELL, FakeGo

REFUSED = 'echo "go: example.org/dep@v9.9.9: reading https://proxy/x.mod: 403 Forbidden" >&2; exit 1'
UNREACHABLE = (
    'echo "go: example.org/dep@v9.9.9: Get \\"https://proxy\\": dial tcp: lookup proxy: no such host" >&2; exit 1'
)
DOES_NOT_COMPILE = 'echo "main.go:3:1: undefined: nothing" >&2; exit 1'
DISK_FULL = 'echo "write /x: no space left on device" >&2; exit 1'


def await_end(pid: int) -> None:
    """Wait until no process ``pid`` runs; fails after 10 s. A zombie that waits for its new parent has ended."""
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def toy() -> servers.Server:
    """The one server of the test's catalogue."""
    return provision.catalogue().server("toy")


def test_missing_server_is_built_and_found(fake_go: FakeGo) -> None:
    """Every binary of the server is there afterwards, executable."""
    programs = native.ensure(["toy"])
    assert set(programs) == {"toy", "toytool"}
    assert all(os.access(path, os.X_OK) for path in programs.values())


def test_second_run_builds_nothing(fake_go: FakeGo) -> None:
    """What is in the cache under the same digest is used as it is."""
    native.ensure(["toy"])
    built = fake_go.builds
    native.ensure(["toy"])
    assert fake_go.builds == built == 2


def test_private_caches_are_removed_after_a_build(fake_go: FakeGo) -> None:
    """Go's caches grow to gigabytes; nothing of them may stay, even where the module cache is read-only."""
    fake_go.behaves(BUILDS_WELL + '; mkdir -p "$GOMODCACHE/m"; touch "$GOMODCACHE/m/f"; chmod 500 "$GOMODCACHE/m"')
    native.ensure(["toy"])
    assert list((cache.native_root() / "scratch").iterdir()) == []


def test_changed_checksum_file_asks_for_a_new_build(fake_go: FakeGo, sources: Path) -> None:
    """The digest covers the sources, so another go.sum is another binary."""
    before = cache.digest(toy())
    (sources / "toy" / "go.sum").write_text("two\n")
    assert cache.digest(toy()) != before


@pytest.mark.parametrize(
    ("behaviour", "error", "says"),
    [
        pytest.param(REFUSED, BuildFailed, "example.org/dep@v9.9.9", id="refused module"),
        pytest.param(UNREACHABLE, BuildFailed, "example.org/dep@v9.9.9", id="unreachable proxy"),
        pytest.param(DOES_NOT_COMPILE, BuildFailed, "main.go:3:1", id="compile error"),
        pytest.param(DISK_FULL, DiskFull, "disk is full", id="disk full in the middle"),
    ],
)
def test_failed_build_says_what_to_do(fake_go: FakeGo, behaviour: str, error: type[Exception], says: str) -> None:
    """Each way to fail has its own message, and none leaves something that looks built."""
    fake_go.behaves(behaviour)
    with pytest.raises(error, match=says) as caught:
        native.ensure(["toy"])
    assert getattr(caught.value, "hint", "")
    assert not cache.finished_dir(toy()).exists()


def test_too_little_disk_is_said_before_building(fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that cannot fit must not start."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(DiskFull, match="GB free"):
        native.ensure(["toy"])
    assert fake_go.builds == 0


def test_unwritable_cache_names_the_variable(fake_go: FakeGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache below a file cannot be made, whoever asks."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ConfigurationError) as caught:
        native.ensure(["toy"])
    assert "LAB_CACHE" in caught.value.hint


def test_old_go_and_no_wheel_names_the_version_needed(fake_go: FakeGo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a new enough Go and without the wheel the message says which Go to install."""
    fake_go.behaves(version="go1.20.1")
    monkeypatch.setattr("labctl.native.go.sys.executable", "/bin/false")
    with pytest.raises(NoCompiler) as caught:
        native.ensure(["toy"])
    assert "1.26.7" in caught.value.message


@pytest.mark.parametrize(
    ("printed", "used"),
    [
        pytest.param("toy v1.2.3", True, id="pinned version"),
        pytest.param("toy 1.2.30", False, id="longer version with the same beginning"),
        pytest.param("toy 1.2.4", False, id="other version"),
        pytest.param("toy 1.2.3-rc.1", False, id="release candidate"),
        pytest.param("toy 1.2.3+patched", False, id="patched by a distribution"),
        pytest.param("toy, version 1.2.3 (branch: HEAD)", True, id="among other words"),
        pytest.param("segfault", False, id="no version"),
    ],
)
def test_program_on_the_path_counts_only_in_the_pinned_version(fake_go: FakeGo, printed: str, used: bool) -> None:
    """Another version may behave differently, so it is not good enough."""
    program = fake_go.folder / "toy"
    program.write_text(f"#!/bin/sh\necho '{printed}'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert (native.locate("toy") == program) is used


def _ensure_toy(_number: int) -> str:
    return str(native.ensure(["toy"])["toy"])


def test_two_builds_at_once_share_one_result(fake_go: FakeGo) -> None:
    """The second run waits for the first and uses what it built."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = pool.map(_ensure_toy, range(2))
    assert len(set(results)) == 1
    assert fake_go.builds == 2


def _build_and_die(pid_file: str) -> None:
    def die(_event: object) -> None:
        if Path(pid_file).exists() and Path(pid_file).read_text().strip():
            os.kill(os.getpid(), signal.SIGKILL)

    native.ensure(["toy"], die)


def test_killed_build_leaves_nothing_half_and_the_next_cleans_up(fake_go: FakeGo, tmp_path: Path) -> None:
    """After SIGKILL in the middle the next run builds again and removes the dead run's scratch folder."""
    fake_go.behaves(f'echo $$ >"{tmp_path}/pid"; exec tail -f /dev/null')
    victim = multiprocessing.get_context("fork").Process(target=_build_and_die, args=(str(tmp_path / "pid"),))
    victim.start()
    victim.join(30)
    assert victim.exitcode == -signal.SIGKILL
    assert not cache.finished_dir(toy()).exists()
    await_end(int((tmp_path / "pid").read_text()))
    leftover = list((cache.native_root() / "scratch").iterdir())
    fake_go.behaves()
    native.ensure(["toy"])
    assert leftover
    assert not any(folder.exists() for folder in leftover)


def test_interrupt_ends_the_compiler_too(fake_go: FakeGo, tmp_path: Path) -> None:
    """Ctrl-C must not leave a compiler running on its own."""
    fake_go.behaves(f'echo $$ >"{tmp_path}/pid"; exec tail -f /dev/null')

    def interrupt(_event: object) -> None:
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        native.ensure(["toy"], interrupt)
    await_end(int((tmp_path / "pid").read_text()))


def test_unknown_server_lists_the_known(fake_go: FakeGo) -> None:
    """A typing error is answered with what could have been meant."""
    with pytest.raises(ConfigurationError) as caught:
        native.ensure(["tyo"])
    assert "toy" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("colour: red", r"servers\[0\].*unknown key 'colour'", id="unknown key"),
        pytest.param("", r"servers\[0\].*missing key", id="missing keys"),
    ],
)
def test_catalogue_refuses_what_it_does_not_know(tmp_path: Path, text: str, says: str) -> None:
    """A misspelt field is named with file and place instead of being ignored."""
    file = tmp_path / "servers.yaml"
    file.write_text("go: {minimum: '1', wheel: x}\nservers:\n  - name: a\n    " + text + "\n")
    with pytest.raises(ConfigurationError, match=says):
        servers.catalogue.__wrapped__(file)
