"""Mistaken variables, links, mounts and running labs cost nobody a file that is not the lab's."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labctl.native import cache
from labctl.native.uninstall import outside, remove
from labctl.settings import Lab
from labkit.errors import ConfigurationError, LabError


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose checkout, home folder and three folders outside lie below the test's folder."""
    monkeypatch.delenv("LAB_CACHE", raising=False)
    for name, folder in {"XDG_CACHE_HOME": "caches", "XDG_RUNTIME_DIR": "run"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
        (tmp_path / folder / "opslab" / "native").mkdir(parents=True)
        (tmp_path / folder / "opslab" / "native" / "file").write_bytes(b"x" * 100)
        (tmp_path / folder / "neighbour").touch()
    for folder in ("above/checkout/native", "user/native", "home"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "user")
    found = Lab.from_env({"LAB_HOME": str(tmp_path / "home")})
    return replace(found, checkout=tmp_path / "above" / "checkout")


def test_neighbours_stay(lab: Lab, tmp_path: Path) -> None:
    """After the removal the parents hold what they held before the lab."""
    assert remove(outside(lab)) == 200
    assert not list(tmp_path.glob("*/opslab"))
    assert len(list(tmp_path.glob("*/neighbour"))) == 2


def test_folder_named_by_lab_cache_keeps_what_is_not_ours(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAB_CACHE may point at a folder with other things in it."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "disk"))
    (tmp_path / "disk" / "native").mkdir(parents=True)
    (tmp_path / "disk" / "photos").mkdir()
    remove(outside(lab))
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["photos"]


@pytest.mark.parametrize("variable", ["LAB_CACHE", "LAB_HOME"])
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("above", id="a folder above the checkout"),
        pytest.param("user", id="the user's home"),
        pytest.param(".", id="a folder above both"),
    ],
)
def test_mistaken_variable_is_refused(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: str
) -> None:
    """A wrong variable must not cost the checkout or a home, even with --yes."""
    folder = tmp_path / place
    if variable == "LAB_CACHE":
        monkeypatch.setenv("LAB_CACHE", str(folder))
    else:
        lab = replace(lab, home=folder)
    with pytest.raises(ConfigurationError, match="lies in it"):
        outside(lab)


def test_checkout_as_cache_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ``native`` folder holds sources there, not built servers."""
    monkeypatch.setenv("LAB_CACHE", str(lab.checkout))
    with pytest.raises(ConfigurationError, match="lies in it"):
        outside(lab)


def test_folder_of_another_user_is_refused(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may make a folder of that name in /tmp."""
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    with pytest.raises(ConfigurationError, match="another user"):
        outside(lab)


def test_mount_inside_is_refused(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container engine that still runs mounts its file systems in the cache."""

    class Mount:
        mountpoint = str(tmp_path / "caches" / "opslab" / "engine" / "merged")

    monkeypatch.setattr("labctl.native.uninstall.psutil.disk_partitions", lambda **_: [Mount])
    with pytest.raises(ConfigurationError, match="merged is mounted there"):
        remove(outside(lab))
    assert (tmp_path / "run" / "opslab").exists()


def test_running_lab_is_not_uprooted(lab: Lab, tmp_path: Path) -> None:
    """A process that was told a path in one of the folders still needs it: then nothing at all goes."""
    socket = tmp_path / "run" / "opslab" / "native" / "lab.sock"
    with subprocess.Popen(
        ["sh", "-c", 'exec tail -f /dev/null "$1"', "-", str(socket)], stderr=subprocess.DEVNULL
    ) as user:
        try:
            with pytest.raises(LabError, match=rf"process {user.pid}"):
                remove(outside(lab))
        finally:
            user.kill()
    assert (tmp_path / "caches" / "opslab" / "native" / "file").exists()


def test_build_at_work_is_not_uprooted(lab: Lab, tmp_path: Path) -> None:
    """The build would end with a puzzling error of its own."""
    with cache.scratch_dir(), pytest.raises(LabError, match="build is at work"):
        remove(outside(lab))
    assert (tmp_path / "caches" / "opslab" / "native" / "file").exists()


def test_cache_inside_the_labs_home_goes_with_it(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """LAB_CACHE may lie in LAB_HOME; what went with the one is no longer there for the other."""
    monkeypatch.setenv("LAB_CACHE", str(lab.home / "cache"))
    (lab.home / "cache" / "native").mkdir(parents=True)
    remove(outside(lab))
    assert not lab.home.exists()
