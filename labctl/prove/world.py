"""A running lab as proofs and benchmarks see it."""

import os
import threading
from dataclasses import dataclass, field

from labctl.backends import Backends
from labctl.prove.control import Control, control_of
from labctl.settings import Lab


@dataclass(frozen=True)
class World:
    """A lab, how to ask it, and how to hurt it."""

    lab: Lab
    backends: Backends
    control: Control
    never: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, lab: Lab) -> "World":
        """The lab that the environment names. Raises ConfigurationError when it is not on this machine."""
        return cls(lab, Backends.at(lab.url, lab.operator_token()), control_of(lab))

    def wait(self, seconds: float) -> None:
        """Let time pass: the length of an outage is part of what is being shown, not a guess at readiness."""
        self.never.wait(seconds)


def commit(lab: Lab) -> str:
    """The commit that the checkout is at, with ``-dirty`` when files differ from it; "unknown" outside of git."""
    from labctl.doctor.machine import Machine  # noqa: PLC0415 - psutil is not needed for a dry list

    machine = Machine()
    head = machine.run("git", "-C", str(lab.checkout), "rev-parse", "--short=12", "HEAD")
    if head.code != 0:
        return os.environ.get("LAB_COMMIT", "unknown")
    changed = machine.run("git", "-C", str(lab.checkout), "status", "--porcelain", "--untracked-files=no")
    return head.output + ("-dirty" if changed.output else "")
