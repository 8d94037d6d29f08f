"""``lab version``: what exactly this is."""

import platform
import subprocess
import tomllib

from rich.table import Table

from labctl.cli.output import AsJson, emit
from labctl.native.servers import catalogue
from labctl.settings import CHECKOUT


def version(as_json: AsJson = False) -> None:
    """The lab's version and commit, Python, and the servers it pins."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    servers = {server.name: server.version for server in catalogue().servers if not server.test_only}
    result: dict[str, object] = {"version": project["version"], "commit": _commit()}
    result |= {"python": platform.python_version(), "servers": servers}
    emit(result, lambda: _table(result, servers), as_json=as_json)


def _commit() -> str:
    """Short commit id, with ``+`` when files differ from it; "" outside a git checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _table(result: dict[str, object], servers: dict[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("opslab", f"{result['version']} {result['commit']}")
    table.add_row("python", str(result["python"]))
    for name, number in servers.items():
        table.add_row(name, number)
    return table
