"""Build one server: sources copied into a scratch folder, compiled there, moved into the cache by one rename."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labctl.native import cache, trouble
from labctl.native.servers import Server

TICK_S = 0.25
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# The part of the environment that a build may see: how to reach the module proxy, and nothing of the lab.
PASSED_ON = ("PATH", "HOME", "XDG_CONFIG_HOME", "NETRC")
GO_SETTINGS = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOENV")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Workshop:
    """What all builds of one run share: the toolchain and one private cache for modules and packages."""

    go: Path
    scratch: Path

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of every Go command of this run."""
        kept = {name: environ[name] for name in (*PASSED_ON, *GO_SETTINGS, *CERTIFICATES, *PROXIES) if name in environ}
        folders = {"GOMODCACHE": "mod", "GOCACHE": "packages", "GOPATH": "path", "GOTMPDIR": "tmp", "TMPDIR": "tmp"}
        (self.scratch / "tmp").mkdir(exist_ok=True)
        return {
            **kept,
            **{name: str(self.scratch / folder) for name, folder in folders.items()},
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            # Flags on our command lines win over those of the user.
            "GOFLAGS": f"{environ.get('GOFLAGS', '')} -modcacherw".strip(),
            "GOWORK": "off",
        }


def build(server: Server, workshop: Workshop, tick: Callable[[], None]) -> Path:
    """Build ``server`` and return its finished folder; ``tick`` is called several times a second.

    Raises BuildFailed or DiskFull; whatever the outcome, no half-built folder takes the finished one's place.
    """
    try:
        return _put_in_place(server, _products(server, workshop, tick), workshop.scratch)
    except OSError as error:
        raise trouble.explain_os(server, error, cache.log_file(server)) from error


def _products(server: Server, workshop: Workshop, tick: Callable[[], None]) -> Path:
    """The folder, in the scratch, with every binary of ``server``."""
    sources = workshop.scratch / "src" / server.name
    shutil.copytree(server.sources, sources)
    products = workshop.scratch / "out" / server.name
    products.mkdir(parents=True)
    log = cache.log_file(server)
    with log.open("w") as output:
        for command, folder in _commands(server, workshop.go, sources, products):
            if _run(command, folder, workshop.environment(os.environ), output.fileno(), tick):
                raise trouble.explain(server, log.read_text(encoding="utf-8", errors="replace"), log)
    return products


def _commands(server: Server, go: Path, sources: Path, products: Path) -> list[tuple[list[str], Path]]:
    """Argument lists and the folder each runs in. The collector's sources are generated first."""
    if not server.manifest:
        return [(_compile(server, go, products, binary), sources) for binary in server.binaries]
    builder = products.parent / "collector-builder"
    generated = sources / "build"
    return [
        ([str(go), "build", *cache.BUILD_FLAGS, "-o", str(builder), server.module], sources / "builder"),
        # The committed go.mod and go.sum replace what the builder would resolve anew.
        ([str(builder), "--config", server.manifest, "--skip-compilation", "--skip-get-modules"], sources),
        (["cp", str(sources / "go.mod"), str(sources / "go.sum"), str(generated)], sources),
        *((_compile(server, go, products, binary), generated) for binary in server.binaries),
    ]


def _compile(server: Server, go: Path, products: Path, binary: str) -> list[str]:
    stamp = f" -X {server.version_variable}={server.version}" if server.version_variable else ""
    flags = [*cache.BUILD_FLAGS, f"-ldflags=-s -w{stamp}"]
    return [str(go), "build", *flags, "-o", str(products / binary), server.binaries[binary]]


def _run(command: list[str], folder: Path, env: dict[str, str], output: int, tick: Callable[[], None]) -> int:
    """Run to the end and return the exit code; on any exception the whole process group ends first."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        # Safe beside threads: the function makes one system call and takes no lock.
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    )
    try:
        while True:
            tick()
            with suppress(subprocess.TimeoutExpired):
                return process.wait(TICK_S)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _end_with_parent() -> None:
    """In the child: ask the kernel to end it when the lab's process is killed without a chance to clean up."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _put_in_place(server: Server, products: Path, scratch: Path) -> Path:
    """One rename, of files that are on the disk: not even a power cut leaves half a server."""
    for file in products.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    target = cache.finished_dir(server)
    if target.exists():  # somebody removed a binary from it, or it would not have been built again
        target.rename(scratch / f"replaced-{target.name}")
    products.rename(target)
    return target
