"""Is this machine fit to hold a lab: Python, memory, disk, the lab's own folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from labctl.doctor.finding import Finding, check, failed, passed, warned
from labctl.doctor.patient import Patient

OLDEST_PYTHON = (3, 11)
GIB = 2**30
# The lab idles at most at 900 MB and holds 1,200 MB under load (docs/benchmarks.md); 2 GiB leave room for a browser.
WANTED_MEMORY_BYTES = 2 * GIB
LEAST_MEMORY_BYTES = GIB
# Prometheus may keep 1 GB, Jaeger and Loki likewise over an afternoon of load.
WANTED_DISK_BYTES = 5 * GIB
LEAST_DISK_BYTES = GIB
# Loki refuses writes above this share (its WAL's disk-full threshold), whatever is free in bytes.
LOKI_FULL_RATIO = 0.90
NEARLY_FULL_RATIO = 0.85
# sun_path holds 108 bytes with its closing NUL.
LONGEST_SOCKET_BYTES = 107


@check("python", "machine")
def python(patient: Patient) -> Finding:
    """New enough for every lock."""
    version = patient.machine.python_version()
    text = ".".join(map(str, version))
    if version[:2] >= OLDEST_PYTHON:
        return passed(f"Python {text}", version=text)
    return failed(
        f"Python {text} is too old; the lab needs 3.11 or newer.", "apt install python3.11, or set LAB_PYTHON"
    )


@check("memory", "machine")
def memory(patient: Patient) -> Finding:
    """Enough for everything without swapping."""
    if _lab_is_up(patient):
        return passed("the lab has its memory: it runs")
    free = patient.machine.available_memory_bytes()
    text = f"{free / GIB:.1f} GiB of memory available"
    if free >= WANTED_MEMORY_BYTES:
        return passed(text, available_bytes=free)
    mend = "Close other programs; the lab wants 2 GiB."
    if free >= LEAST_MEMORY_BYTES:
        return warned(text, mend, available_bytes=free)
    return failed(text, mend, available_bytes=free)


@check("disk", "machine")
def disk(patient: Patient) -> Iterator[Finding]:
    """Room for data, and not so full that Loki stops taking lines."""
    free, total = patient.machine.disk(patient.lab.data_dir)
    used_ratio = 1 - free / total
    text = f"{free / GIB:.1f} GiB free where LAB_HOME is ({used_ratio:.0%} used)"
    facts = {"free_bytes": free, "used_ratio": round(used_ratio, 3)}
    mend = "Free some space, or set LAB_HOME to a folder on another disk; `lab down --volumes` empties this lab's data."
    if used_ratio >= LOKI_FULL_RATIO:
        yield failed(f"{text}: Loki refuses writes from 90 % on", mend, **facts)
    elif free < LEAST_DISK_BYTES:
        yield failed(text, mend, **facts)
    elif used_ratio >= NEARLY_FULL_RATIO or free < WANTED_DISK_BYTES:
        yield warned(f"{text}: Loki refuses writes from 90 % on", mend, **facts)
    else:
        yield passed(text, **facts)
    if patient.machine.free_inodes(patient.lab.home) < 10_000:
        yield failed("The file system of LAB_HOME has no inodes left for new files.", mend)


@check("lab home", "machine")
def lab_home(patient: Patient) -> Finding:
    """The one folder that holds all state can be written."""
    home = patient.lab.home
    if patient.machine.is_writable(home):
        return passed(f"{home} is writable")
    return failed(f"{home} cannot be written.", "Set LAB_HOME to a folder that you may write: LAB_HOME=$HOME/opslab")


@check("socket paths", "machine")
def socket_paths(patient: Patient) -> Finding:
    """A Unix socket's path has 107 bytes at most."""
    longest = len(os.fsencode(patient.lab.socket_dir / f"{patient.lab.instance}.sock"))
    if longest <= LONGEST_SOCKET_BYTES:
        return passed(f"the path of the lab's socket is short enough ({longest} of {LONGEST_SOCKET_BYTES} bytes)")
    return failed(
        f"The path of the lab's socket is too long: {longest} bytes of {LONGEST_SOCKET_BYTES}.",
        "Set XDG_RUNTIME_DIR to a shorter path, or unset it: the lab then uses /tmp.",
        longest_bytes=longest,
    )


@check("secrets", "machine")
def secrets(patient: Patient) -> Finding:
    """Only their owner can read them."""
    root = patient.lab.secrets_dir
    if not root.is_dir():
        return passed("no secrets yet; `lab up` makes them")
    open_ones = [path for path in root.rglob("*") if is_open(path)]
    if not open_ones:
        return passed("secrets are readable by their owner only")
    return failed(
        f"Others can read {len(open_ones)} of the lab's secrets, first {open_ones[0]}.",
        f"chmod -R go= {root}",
        paths=[str(path) for path in open_ones],
    )


def is_open(path: Path) -> bool:
    """Whether group or others may do anything with ``path``."""
    return bool(stat.S_IMODE(path.lstat().st_mode) & 0o077) and not path.is_symlink()


def _lab_is_up(patient: Patient) -> bool:
    return any(patient.holds(process.environ) for process in patient.machine.lab_processes())
