"""From a failed build's output to a message that says what to do."""

import os
import re
from pathlib import Path

from labctl.native.servers import Server
from labkit.errors import ConfigurationError, LabError


class BuildFailed(LabError):
    """The compiler or the module download failed."""


class DiskFull(ConfigurationError):
    """There is not enough room to build."""


REFUSED = re.compile(
    r"(?P<module>[\w./~-]+@v[\w.+-]+)[^\n]*?(?:403|404|410|Forbidden|Not Found|not available|unrecognized import path)"
    r"|(?P<unreachable>dial tcp|no such host|connection refused|i/o timeout|proxyconnect|certificate)",
)


def explain(server: Server, output: str, log: Path) -> LabError:
    """The error for a build of ``server`` that ended badly; ``log`` holds its whole output."""
    context = {"server": server.name, "log": str(log)}
    if "no space left on device" in output:
        return disk_full(server, log)
    refused = REFUSED.search(output)
    if refused:
        module = refused.group("module") or _last_module(output) or server.module
        proxy = os.environ.get("GOPROXY") or "the default module proxy"
        return BuildFailed(
            f"Building {server.name} {server.version}: the module {module} could not be had from {proxy}.",
            f"Check the network and GOPROXY; the whole output is in {log}.",
            {**context, "module": module, "goproxy": proxy},
        )
    first = next((line for line in output.splitlines() if ".go:" in line or line.startswith("go: ")), "no message")
    return BuildFailed(
        f"Building {server.name} {server.version} failed: {first.strip()}",
        f"The whole output is in {log}. `lab native clean` and `lab native build {server.name}` start afresh.",
        context,
    )


def disk_full(server: Server, log: Path) -> DiskFull:
    """The disk ran full in the middle of a build."""
    return DiskFull(
        f"Building {server.name} {server.version}: the disk is full.",
        "Free some space or set LAB_CACHE to a folder on a larger disk, then run the same command again; "
        "what is already built is kept.",
        {"server": server.name, "log": str(log)},
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


def _last_module(output: str) -> str | None:
    found = re.findall(r"[\w.-]+\.[a-z]+/[\w./~-]+@v[\w.+-]+", output)
    return found[-1] if found else None
