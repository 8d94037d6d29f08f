"""A container engine for the time of the tests: Debian's dockerd, started by hand in folders of its own.

``python -m tests.compose.engine run -- COMMAND...`` runs a command with it.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from labctl.native import ensure
from labctl.native.cache import cache_root
from labkit.errors import LabError
from tests.compose.standins import build_all

NEEDED = ("docker", "dockerd", "debootstrap", "iptables", "busybox")
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
BRIDGE = "opslab-test0"
# Within 172.16/12, away from the engine's usual 172.17-31 pools and from 192.168.
BRIDGE_ADDRESS, POOL = "172.16.240.1/24", "base=172.16.244.0/22,size=26"


def missing() -> str:
    """Why no engine can be started here; "" when one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "starting an engine for the tests needs root on Linux"
    absent = [name for name in NEEDED if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def running(progress: Callable[[str], None]) -> Iterator[Mapping[str, str]]:
    """The variables with which ``docker`` finds an engine that has every image of compose.yaml but Grafana's."""
    plugin = ensure(["compose"])["docker-compose"]
    with _only_one(progress), _engine() as (daemon, folder):
        variables = _variables(folder, plugin)
        _await(daemon, variables, folder)
        _remove_leftovers({**os.environ, **variables})
        build_all({**os.environ, **variables}, progress)
        yield variables


@contextmanager
def _only_one(progress: Callable[[str], None]) -> Iterator[None]:
    """Two engines cannot share one folder of images; the kernel gives the lock back when its holder dies."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "engine.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another run of the tests uses the engine; waiting")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _engine() -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """A daemon that may not answer yet, and its folder; afterwards nothing is left but the images in the cache."""
    # Short, because a socket lies in it; the images lie in the cache, so that a second run is quick.
    folder = Path(tempfile.mkdtemp(prefix="opslab-engine-"))
    rules = _rules()
    daemon = _start(folder)
    try:
        yield daemon, folder
    finally:
        _stop(daemon)
        _forget_network()
        _put_back(rules)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    data = cache_root() / "engine"
    data.mkdir(parents=True, exist_ok=True)
    _make_bridge()
    (folder / "daemon.json").write_text("{}")
    command = ["dockerd", "--config-file", str(folder / "daemon.json"), "--data-root", str(data)]
    command += ["--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"), "--host", _socket(folder)]
    command += ["--bridge", BRIDGE, "--default-address-pool", POOL]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )


def _end_with_parent() -> None:
    """In the child: a test run that is killed must not leave an engine behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _make_bridge() -> None:
    _forget_network()
    for words in (f"link add {BRIDGE} type bridge", f"addr add {BRIDGE_ADDRESS} dev {BRIDGE}", f"link set {BRIDGE} up"):
        subprocess.run(["ip", *words.split()], check=True, capture_output=True)


def _forget_network() -> None:
    subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)


def _rules() -> str:
    """The packet filter's rules before the engine adds its own."""
    return subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout


def _put_back(rules: str) -> None:
    """Restore them; not where another engine had its chains, whose rules may have changed meanwhile."""
    if ":DOCKER " not in rules:
        for table in ("filter", "nat"):
            flush = f"*{table}\nCOMMIT\n" if f"*{table}\n" not in rules else ""
            subprocess.run(["iptables-restore", "-T", table], input=flush or rules, text=True, check=False)


def _socket(folder: Path) -> str:
    return f"unix://{folder / 'sock'}"


def _variables(folder: Path, plugin: Path) -> Mapping[str, str]:
    plugins = folder / "config" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(plugin)
    # BuildKit through the engine itself; the buildx plugin is not needed.
    return {"DOCKER_HOST": _socket(folder), "DOCKER_CONFIG": str(folder / "config"), "COMPOSE_BAKE": "false"}


def _await(daemon: "subprocess.Popen[bytes]", variables: Mapping[str, str], folder: Path) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not _answers(variables):
        if daemon.poll() is not None or time.monotonic() > deadline_s:
            words = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-6:]
            said = "\n".join(words)
            raise LabError(f"The container engine did not start:\n{said}", "Is this a machine for containers?")
        time.sleep(0.2)


def _remove_leftovers(environ: Mapping[str, str]) -> None:
    """A run that was killed left its lab to the engine, which starts it again. Nobody else's can be in this folder."""
    listed = subprocess.run(["docker", "ps", "-aq"], env=environ, capture_output=True, text=True, check=False)
    containers = listed.stdout.split()
    if containers:
        subprocess.run(["docker", "rm", "-f", "-v", *containers], env=environ, capture_output=True, check=False)
    for kind in ("network", "volume", "image"):
        subprocess.run(["docker", kind, "prune", "--force"], env=environ, capture_output=True, check=False)


def _answers(variables: Mapping[str, str]) -> bool:
    asked = subprocess.run(["docker", "version"], env={**os.environ, **variables}, capture_output=True, check=False)
    return asked.returncode == 0


def _stop(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(arguments: list[str]) -> int:
    """``run -- COMMAND...``; returns the command's exit code."""
    if arguments[:2] != ["run", "--"] or missing():
        sys.stderr.write(f"{missing() or 'usage: python -m tests.compose.engine run -- COMMAND...'}\n")
        return 2
    with running(_say) as variables:
        return subprocess.run(arguments[2:], env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
