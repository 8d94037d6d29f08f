"""What lies outside the checkout is found and removed; what is not the lab's stays."""

from pathlib import Path

import pytest

from labctl.native.uninstall import outside, remove
from labctl.settings import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose cache, sockets and home lie below the test's folder."""
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return Lab.from_env({"LAB_HOME": str(tmp_path / "home")})


def test_caches_sockets_and_a_home_elsewhere_are_found_and_removed(lab: Lab, tmp_path: Path) -> None:
    """Three folders with their sizes; afterwards none of them is there and nothing is left to find."""
    for folder in ("cache/native", "run/opslab", "home/data"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_bytes(b"x" * 10)
    found = outside(lab)
    assert {one.path for one in found} == {tmp_path / "cache", tmp_path / "run" / "opslab", tmp_path / "home"}
    assert remove(found) == 30
    assert outside(lab) == []


def test_home_inside_the_checkout_is_not_outside() -> None:
    """The checkout is the user's own; only its state folder is named, by the command."""
    lab = Lab.from_env({})
    assert lab.home not in {one.path for one in outside(lab)}


def test_what_a_link_leads_to_stays(lab: Lab, tmp_path: Path) -> None:
    """A link inside a folder of ours goes; the stranger's file behind it does not."""
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "precious").write_text("keep")
    (tmp_path / "cache" / "native").mkdir(parents=True)
    (tmp_path / "cache" / "native" / "link").symlink_to(tmp_path / "stranger")
    remove(outside(lab))
    assert (tmp_path / "stranger" / "precious").read_text() == "keep"
    assert not (tmp_path / "cache").exists()


def test_folder_that_is_itself_a_link_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    """Somebody pointed the cache elsewhere: that place is theirs."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "elsewhere")
    assert outside(lab) == []
