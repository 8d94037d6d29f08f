"""Hurting a lab on purpose: stop and start a component, SIGKILL its processes, look into its database.

One protocol, two implementations: plain processes under their supervisor, and containers under an engine.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from labctl.settings import Lab
from labkit.errors import ConfigurationError


class Control(Protocol):
    """What proofs may do to a local lab."""

    @property
    def runtime(self) -> str:
        """``native`` or ``docker``."""

    def stop(self, component: str) -> None:
        """End the component and keep it down; returns when it is down."""

    def start(self, component: str) -> None:
        """Start a stopped component again; returns when it has been started, which is before it is ready."""

    def kill_worker(self, service: str) -> float:
        """SIGKILL to the process of a service that answers requests; its parent stays.

        Returns the monotonic time (seconds) of the signal, or a moment earlier where it is not known exactly.
        """

    def kill_all(self, component: str) -> float:
        """SIGKILL to every process of the component at once; what supervises it starts it again. Returns likewise."""

    def sql(self, database: str, statement: str) -> list[str]:
        """The rows of a statement with one column, asked as the database's superuser."""

    def memory_bytes(self) -> Mapping[str, int]:
        """Memory by component; see ``memory_measure`` for what it means."""

    @property
    def memory_measure(self) -> str:
        """How :meth:`memory_bytes` counts."""


def control_of(lab: Lab) -> Control:
    """The control of the lab on this machine. Raises ConfigurationError for a remote one."""
    if lab.is_remote:
        raise ConfigurationError(
            "This hurts the lab's own processes and so needs a lab on this machine.", "Unset LAB_URL.", {"url": lab.url}
        )
    if lab.remembered_runtime() == "docker":
        from labctl.prove.control_docker import DockerControl  # noqa: PLC0415 - only the one that is used

        return DockerControl(lab)
    from labctl.prove.control_native import NativeControl  # noqa: PLC0415

    return NativeControl(lab)


def kill(pids: Sequence[int]) -> float:
    """SIGKILL to each, at once, and the monotonic time just before; those that are gone already are no trouble."""
    began_s = time.monotonic()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return began_s
