"""The launcher, with a Python and a pip that only say what they were asked: fast, and without a network."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the launcher may use besides Python.
TOOLS = ("sh", "cat", "cksum", "dirname", "mkdir", "readlink", "rm", "sleep", "tail")
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    -c*) exit "${FAKE_TOO_OLD:-0}" ;;
    --version) echo "Python 3.9.2" ;;
    "-m venv "*)
        echo "venv" >>"$FAKE_JOURNAL"
        [ -z "${FAKE_NO_VENV:-}" ] || { echo "ensurepip is not available" >&2; exit 1; }
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip --version") exit 0 ;;
    "-m pip install"*)
        echo "pip $*" >>"$FAKE_JOURNAL"
        [ -z "${FAKE_OFFLINE:-}" ] || { echo "Network is unreachable" >&2; exit 1; } ;;
    "-m labctl"*) shift 2; echo "labctl:$*:$PYTHONPATH:$LAB_HOME:$PYTHONPYCACHEPREFIX" ;;
    *) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""


@dataclass
class Checkout:
    """A checkout with only the launcher and the locks, and a PATH with only fakes and TOOLS."""

    root: Path
    bin: Path
    journal: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str, program: Path | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``./lab <arguments>``."""
        environ = {"PATH": str(self.bin), "FAKE_JOURNAL": str(self.journal), **self.variables}
        return subprocess.run(
            [str(program or self.root / "lab"), *arguments],
            env=environ,
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @property
    def steps(self) -> list[str]:
        """What the fake Python was asked to do, in order."""
        return self.journal.read_text(encoding="utf-8").splitlines() if self.journal.exists() else []


def checkout_in(folder: Path, tools: Path) -> Checkout:
    """Make one."""
    (folder / "locks").mkdir(parents=True)
    shutil.copy2(ROOT / "lab", folder / "lab")
    for name in ("lab", "test"):
        (folder / "locks" / f"{name}.txt").write_text(f"# {name}\n", encoding="utf-8")
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, f"{tool} is needed for this test"
        (tools / tool).symlink_to(found)
    (tools / "python3").write_text(FAKE_PYTHON, encoding="utf-8")
    (tools / "python3").chmod(0o755)
    # pip works in the background and the launcher looks every second: the fake one need not be waited for so long.
    (tools / "sleep").unlink()
    (tools / "sleep").symlink_to(shutil.which("true") or "/bin/true")
    (tools / "cp").symlink_to(shutil.which("cp") or "/bin/cp")
    return Checkout(folder, tools, folder.parent / "journal")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh clone in a path with spaces."""
    return checkout_in(tmp_path / "a clone with spaces", tmp_path / "bin")


def test_first_run_prepares_and_then_runs_the_verb(checkout: Checkout) -> None:
    """One command from a clone: environment from the lock with hashes, then the command line with the arguments."""
    done = checkout.run("status", "--json", "two words")
    assert done.returncode == 0, done.stderr
    home = checkout.root / ".lab"
    path = f"{checkout.root}:{checkout.root}/services"
    assert done.stdout.strip() == f"labctl:status --json two words:{path}:{home}:{home}/pycache"
    assert checkout.steps[0] == "venv"
    assert "--require-hashes" in checkout.steps[1]
    assert checkout.steps[1].endswith(f"{checkout.root}/locks/lab.txt")


def test_second_run_works_offline_and_installs_nothing(checkout: Checkout) -> None:
    """The network is needed once."""
    checkout.run("status")
    before = checkout.steps
    checkout.variables["FAKE_OFFLINE"] = "1"
    done = checkout.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert checkout.steps == before


def test_changed_lock_is_installed_again_and_touched_one_is_not(checkout: Checkout) -> None:
    """The lock's content decides, not its date: a fresh checkout of the same commit changes every date."""
    checkout.run("status")
    lock = checkout.root / "locks" / "lab.txt"
    os.utime(lock, (1, 1))
    checkout.run("status")
    assert len(checkout.steps) == 2
    lock.write_text("# changed\n", encoding="utf-8")
    checkout.run("status")
    assert [step.split()[0] for step in checkout.steps] == ["venv", "pip", "pip"]


@pytest.mark.parametrize("verb", ["test"])
def test_verbs_that_need_more_install_the_larger_lock_once(checkout: Checkout, verb: str) -> None:
    """The test tools come only with the verb that needs them; afterwards both kinds of verb are ready."""
    checkout.run("status")
    checkout.run(verb)
    checkout.run(verb)
    checkout.run("status")
    assert [step.rpartition("/")[2] for step in checkout.steps if step.startswith("pip")] == ["lab.txt", "test.txt"]


@pytest.mark.parametrize("kind", ["absolute", "relative", "chain"])
def test_launcher_is_found_through_symbolic_links(checkout: Checkout, tmp_path: Path, kind: str) -> None:
    """A link in ~/bin is how people install such things; from any directory."""
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    link = elsewhere / "lab"
    target = checkout.root / "lab"
    link.symlink_to(target if kind == "absolute" else os.path.relpath(target, elsewhere))
    if kind == "chain":
        (elsewhere / "second").symlink_to("lab")
        link = elsewhere / "second"
    done = checkout.run("version", program=link, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(checkout.root / ".lab") in done.stdout


def test_old_python_says_what_to_install(checkout: Checkout) -> None:
    """Exit code 2, the version that is there, the one that is needed, and the command."""
    checkout.variables["FAKE_TOO_OLD"] = "1"
    done = checkout.run("up")
    assert done.returncode == 2
    assert "3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert "apt install" in done.stderr
    assert checkout.steps == []


def test_no_python_at_all_says_what_to_install(checkout: Checkout) -> None:
    """The same on a machine without any."""
    (checkout.bin / "python3").unlink()
    done = checkout.run("up")
    assert done.returncode == 2
    assert "no Python at all" in done.stderr


def test_newer_python_under_another_name_is_found(checkout: Checkout) -> None:
    """Distributions keep an old python3 and offer python3.12 beside it."""
    (checkout.bin / "python3").rename(checkout.bin / "python3.12")
    assert checkout.run("version").returncode == 0


def test_python_by_variable_must_be_new_enough(checkout: Checkout) -> None:
    """A wrong choice is refused by name, not silently replaced."""
    checkout.variables |= {"LAB_PYTHON": str(checkout.bin / "python3"), "FAKE_TOO_OLD": "1"}
    done = checkout.run("version")
    assert done.returncode == 2
    assert "LAB_PYTHON" in done.stderr


def test_read_only_checkout_names_the_variable(checkout: Checkout, tmp_path: Path) -> None:
    """Where nothing can be written LAB_HOME helps; a file in the way stands for that, since root may write anywhere."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    checkout.variables["LAB_HOME"] = str(tmp_path / "file" / "home")
    done = checkout.run("up")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "LAB_HOME" in done.stderr


def test_home_elsewhere_leaves_the_checkout_alone(checkout: Checkout, tmp_path: Path) -> None:
    """All state is in LAB_HOME, bytecode included: a read-only checkout works."""
    checkout.variables["LAB_HOME"] = str(tmp_path / "lab home")
    before = sorted(path.name for path in checkout.root.rglob("*"))
    assert checkout.run("status").returncode == 0
    assert sorted(path.name for path in checkout.root.rglob("*")) == before


def test_missing_venv_module_says_what_to_install(checkout: Checkout) -> None:
    """Debian splits it off."""
    checkout.variables["FAKE_NO_VENV"] = "1"
    done = checkout.run("up")
    assert done.returncode == 2
    assert "python3-venv" in done.stderr


def test_first_run_without_network_says_so_and_can_be_repeated(checkout: Checkout) -> None:
    """The output of pip is shown and kept; the next run tries again."""
    checkout.variables["FAKE_OFFLINE"] = "1"
    done = checkout.run("up")
    assert done.returncode == 1
    assert "Network is unreachable" in done.stderr
    assert "venv-install.log" in done.stderr
    assert not (checkout.root / ".lab" / "venv.busy").exists()
    del checkout.variables["FAKE_OFFLINE"]
    assert checkout.run("up").returncode == 0


def test_lock_of_a_dead_setup_is_taken_over(checkout: Checkout) -> None:
    """A set-up that was killed does not block the next one."""
    busy = checkout.root / ".lab" / "venv.busy"
    busy.mkdir(parents=True)
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    (busy / "pid").write_text(gone.stdout, encoding="utf-8")
    assert checkout.run("status").returncode == 0


def test_exit_code_of_the_command_line_is_passed_on(checkout: Checkout) -> None:
    """Scripts rely on it."""
    checkout.run("status")
    python = checkout.root / ".lab" / "venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert checkout.run("status").returncode == 3


def test_launcher_is_plain_sh() -> None:
    """It must run where there is no bash."""
    text = (ROOT / "lab").read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert not [word for word in ("[[", "local ", "function ", "$'", "<<<") if word in text]
