"""A Debian root file system for the stand-ins that need one, made once by debootstrap and kept in the user's cache."""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from labctl.native.cache import cache_root
from labkit.errors import LabError

SUITE = "trixie"
USERS = {"debian-postgres": "postgres:x:999:999::/var/lib/postgresql:/bin/bash\n"}
PACKAGES = {"debian-postgres": (), "debian-python": ("python3", "python3-pip", "python3-venv", "ca-certificates")}
# What an image does not need: package lists, manuals, logs.
LEFT_OUT = ("./var/cache/*", "./var/lib/apt/lists/*", "./usr/share/doc/*", "./usr/share/man/*", "./var/log/*")


def rootfs(kind: str) -> Path:
    """A tar file with the root file system ``kind``; about 30 s the first time. Raises LabError when it fails."""
    packages = PACKAGES[kind]
    key = hashlib.sha256("\0".join((SUITE, kind, *packages, *LEFT_OUT, USERS.get(kind, ""))).encode()).hexdigest()[:12]
    target = cache_root() / "rootfs" / f"{SUITE}-{kind}-{key}.tar"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="new-") as scratch:
            _make(Path(scratch), packages, USERS.get(kind, "")).rename(target)
    return target


def _make(scratch: Path, packages: Sequence[str], user: str) -> Path:
    root, tar = scratch / "root", scratch / "root.tar"
    include = [f"--include={','.join(packages)}"] if packages else []
    _run(["debootstrap", "--variant=minbase", *include, SUITE, str(root)])
    if user:
        with (root / "etc/passwd").open("a") as passwd, (root / "etc/group").open("a") as group:
            passwd.write(user)
            group.write(":".join(user.split(":")[:3]) + ":\n")
    # Upstream's Python images let pip install into the system; Debian's forbids it by this file.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    for name, program in (("python", "python3"), ("python3", "python3"), ("pip", "pip3")):
        if (root / "usr/bin" / program).exists():
            (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{program}")
    _run(["tar", "--numeric-owner", *(f"--exclude={path}" for path in LEFT_OUT), "-C", str(root), "-cf", str(tar), "."])
    shutil.rmtree(root)
    return tar


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{command[0]} failed: {(done.stdout + done.stderr)[-800:]}", "Is the Debian mirror reachable?")
