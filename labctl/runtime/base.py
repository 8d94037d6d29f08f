"""What a runtime can do, and how it reports. Two implementations: native and docker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ComponentState:
    """One component at one moment.

    ``state``: waiting, starting, ready, done (a one-shot that ended well), failed, stopped.
    ``seconds`` is the time since it was started (or, while ``up`` runs, until it was ready).
    """

    name: str
    state: str
    seconds: float = 0.0
    detail: str = ""
    pid: int = 0
    restarts: int = 0
    memory_bytes: int = 0
    ports: tuple[int, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing is left to wait for."""
        return self.state in ("ready", "done")


@dataclass(frozen=True)
class Step:
    """Progress of ``up``: what is being done, and every component's state once they are starting."""

    note: str = ""
    components: tuple[ComponentState, ...] = ()


Progress = Callable[[Step], None]


class Runtime(Protocol):
    """One way to run the lab."""

    name: str

    def up(self, progress: Progress) -> list[ComponentState]:
        """Bring everything up and return when all of it is ready; running it again changes nothing.

        Raises ConfigurationError (a port is taken, no room) and LabError naming the component that does not come up.
        """

    def down(self, *, volumes: bool) -> None:
        """End everything; with ``volumes`` remove what the stores kept. Succeeds when nothing runs."""

    def status(self) -> list[ComponentState]:
        """Every component now; empty when the lab is not running."""

    def restart(self, component: str) -> None:
        """Restart one component and return when it is ready again."""

    def operator_token(self) -> str | None:
        """The token for changes through the console's API."""
