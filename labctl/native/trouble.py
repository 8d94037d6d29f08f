"""From a failed build's output to a message that says what to do."""

import errno
import os
import re
from pathlib import Path

from labctl.native.servers import Server
from labkit.errors import ConfigurationError, LabError


class BuildFailed(LabError):
    """The compiler or the module download failed."""


class DiskFull(ConfigurationError):
    """There is not enough room to build."""


MODULE = re.compile(r"(?P<module>[\w.-]+\.[a-z]+(?:/[\w.~-]+)*@v[\w.+-]+)")
NOT_HAD = re.compile(
    r"\b(?:40[0-9]|410|451|5\d\d) [A-Z]|dial tcp|no such host|connection re(?:fused|set)|i/o timeout"
    r"|TLS handshake|x509|tls:|proxyconnect|disabled by GOPROXY|unrecognized import path|unknown revision"
    r"|unexpected EOF"
)
NO_ROOM = ("no space left on device", "disk quota exceeded")
# What Go says while all is well.
PROGRESS = ("go: downloading", "go: finding", "go: extracting", "# ")


def explain(server: Server, output: str, log: Path) -> LabError:
    """The error for a build of ``server`` that ended badly; ``log`` holds its whole output."""
    if any(sign in output.lower() for sign in NO_ROOM):
        return disk_full(server, log)
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith(PROGRESS)]
    if any("checksum mismatch" in line or "SECURITY ERROR" in line for line in lines):
        return _tampered(server, lines, log)
    refused = next((line for line in lines if _is_about_modules(line) and NOT_HAD.search(line)), None)
    return _refused(server, refused, log) if refused else _broken(server, lines, log)


def explain_os(server: Server, error: OSError, log: Path) -> Exception:
    """The error for a build of ``server`` during which a file of ours could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(server, log)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConfigurationError(
            f"Building {server.name} {server.version}: {error.filename} cannot be written: {error.strerror}.",
            "Set LAB_CACHE to a folder that you may write.",
            {"server": server.name, "file": str(error.filename)},
        )
    return error


def _is_about_modules(line: str) -> bool:
    """A compiler's complaint may well contain "x509" or "404"; it names no module@version and asks no address."""
    return line.startswith("go: ") or 'Get "' in line or bool(MODULE.search(line))


def _refused(server: Server, line: str, log: Path) -> BuildFailed:
    named = MODULE.search(line)
    module = named.group("module") if named else f"{server.module}@{server.module_version}"
    proxy = re.sub(r"//[^/@\s,|]*@", "//", os.environ.get("GOPROXY") or "")
    return BuildFailed(
        f"Building {server.name} {server.version}: the module {module} could not be had "
        f"from {proxy or 'the default module proxy'}.",
        f"Check the network and GOPROXY; the whole output is in {log}.",
        {**_context(server, log), "module": module, "goproxy": proxy},
    )


def _tampered(server: Server, lines: list[str], log: Path) -> BuildFailed:
    named = next((found.group("module") for line in lines if (found := MODULE.search(line))), server.module)
    return BuildFailed(
        f"Building {server.name} {server.version}: the content of {named} is not what go.sum pins.",
        f"The module proxy served something else; ask who runs it. The whole output is in {log}.",
        {**_context(server, log), "module": named},
    )


def _broken(server: Server, lines: list[str], log: Path) -> BuildFailed:
    if any("signal: killed" in line for line in lines):
        return BuildFailed(
            f"Building {server.name} {server.version}: the compiler was killed, most likely for want of memory.",
            f"Close other programs (Loki and Prometheus want about 3 GB) and try again; the output is in {log}.",
            _context(server, log),
        )
    telling = (line for line in lines if ".go:" in line or line.startswith("go: "))
    first = next(telling, lines[-1] if lines else "it said nothing")
    return BuildFailed(
        f"Building {server.name} {server.version} failed: {first}",
        f"The whole output is in {log}. `lab native build {server.name}` tries again.",
        _context(server, log),
    )


def _context(server: Server, log: Path) -> dict[str, object]:
    return {"server": server.name, "log": str(log)}


def disk_full(server: Server, log: Path) -> DiskFull:
    """The disk ran full in the middle of a build."""
    return DiskFull(
        f"Building {server.name} {server.version}: the disk is full.",
        "Free some space or set LAB_CACHE to a folder on a larger disk, then run the same command again; "
        "what is already built is kept.",
        _context(server, log),
    )


def too_little_space(folder: Path, free_bytes: int, needed_bytes: int) -> DiskFull:
    """Known before the first second of building."""
    gigabyte = 1e9
    return DiskFull(
        f"Building needs about {needed_bytes / gigabyte:.0f} GB for a while; "
        f"{folder} has {free_bytes / gigabyte:.1f} GB free.",
        "Free some space, or set LAB_CACHE to a folder on a larger disk.",
        {"folder": str(folder), "free_bytes": free_bytes, "needed_bytes": needed_bytes},
    )
