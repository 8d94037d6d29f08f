"""Is every port free that the lab is about to take, and if not, who has it and what moves it?"""

import socket
from collections.abc import Iterable, Mapping

import psutil

from labctl.runtime.translate import LOOPBACK, Process
from labctl.settings import Lab
from labkit.errors import ConfigurationError


def check_free(processes: Iterable[Process], lab: Lab) -> None:
    """Raises ConfigurationError for the first taken port: its number, its holder, and the variable that moves it."""
    for process in processes:
        for port in process.ports.values():
            if not is_free(port):
                raise taken(port, process.name, lab)


def is_free(port: int) -> bool:
    """Whether a server can listen on ``port`` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def taken(port: int, component: str, lab: Lab) -> ConfigurationError:
    """The error for a port that somebody else holds."""
    variable = variable_of(port, lab)
    who = holder(port)
    return ConfigurationError(
        f"Port {port}, which {component} needs, is taken by {who['text']}.",
        f"End that program, or set {variable} to another port: {variable}={_suggestion(port, lab)} ./lab up",
        {"port": port, "variable": variable, "component": component, "pid": who["pid"], "program": who["program"]},
    )


def variable_of(port: int, lab: Lab) -> str:
    """The environment variable that moves ``port``."""
    return {lab.port: "LAB_PORT", lab.otlp_port: "LAB_OTLP_PORT"}.get(port, "LAB_INNER_PORT")


def holder(port: int) -> Mapping[str, object]:
    """Who listens on ``port``: ``pid`` and ``program`` (None and "" when the system does not tell), and a ``text``."""
    for connection in _listeners():
        if connection.laddr and connection.laddr.port == port and connection.pid:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                name = "?"
            return {"pid": connection.pid, "program": name, "text": f"{name} (process {connection.pid})"}
    return {"pid": None, "program": "", "text": "a program of another user"}


def _listeners() -> list[psutil._ntuples.sconn]:
    try:
        return [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied:  # macOS tells it to root only
        return []


def _suggestion(port: int, lab: Lab) -> int:
    step = 100 if port in (lab.port, lab.otlp_port) else 400
    candidate = port + step if variable_of(port, lab) != "LAB_INNER_PORT" else lab.inner_port + step
    return candidate if candidate < 65500 else candidate - 2 * step
