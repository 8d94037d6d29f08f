"""Everything a check may look at, so that a test can hand in another machine or another lab."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labctl.backends import Backends
from labctl.doctor.machine import Machine
from labctl.settings import Lab


@dataclass(frozen=True)
class Patient:
    """One lab, the machine it is on, and the environment of the person who asks."""

    lab: Lab
    machine: Machine
    environ: Mapping[str, str]
    backends: Backends
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def is_docker(self) -> bool:
        """Whether the last ``lab up`` used an engine."""
        return self.lab.remembered_runtime() == "docker"

    def holds(self, environ: Mapping[str, str]) -> bool:
        """Whether a process with that environment belongs to this lab."""
        return bool(environ.get("LAB_INSTANCE")) and environ.get("LAB_HOME") == str(self.lab.home)
