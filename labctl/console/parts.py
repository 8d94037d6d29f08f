"""What the console's pages and API share, one of each per application."""

import time
from dataclasses import dataclass

from flask import Flask

from labctl.backends import Jaeger, Loki, Session
from labctl.backends.lab import Component
from labctl.console.board import Board
from labctl.console.management import Management
from labctl.console.settings import ConsoleSettings
from labkit.settings import Address

KEY = "opslab.parts"
# A page that waits longer than this is better told that the backend does not answer.
BACKEND_TIMEOUT_S = 8.0
NOWHERE = Address("127.0.0.1", 9)


@dataclass(frozen=True)
class Parts:
    """Settings, state board, backends and management ports."""

    settings: ConsoleSettings
    board: Board
    loki: Loki
    jaeger: Jaeger
    management: Management

    @classmethod
    def of(cls, settings: ConsoleSettings, board: Board) -> "Parts":
        """Backends are asked at their own addresses, not through the gateway: it may be what is broken."""
        loki, jaeger = (
            Session(f"http://{settings.peers.get(name, NOWHERE)}", timeout_s=BACKEND_TIMEOUT_S)
            for name in ("loki", "jaeger")
        )
        return cls(settings, board, Loki(loki), Jaeger(jaeger), Management(settings))

    def lab_state(self) -> dict[str, object]:
        """The answer of ``GET /api/lab``."""
        taken_s = self.board.look().taken_s
        age_s = None if taken_s is None else max(0.0, time.monotonic() - taken_s)
        return {
            "name": "opslab",
            "version": self.settings.version,
            "runtime": self.settings.runtime,
            "age_ms": None if age_s is None else round(age_s * 1000),
            "components": [component_json(part) for part in self.components()],
        }

    def components(self) -> tuple[Component, ...]:
        """Every part's latest state, and the console itself, which is ready since it answers."""
        parts = self.board.look().parts
        return (*parts[:1], Component("console", "console", "ready", "", 0.0, self.settings.version), *parts[1:])


def parts_of(app: Flask) -> Parts:
    """The parts of ``app``."""
    found: Parts = app.extensions[KEY]
    return found


def component_json(part: Component) -> dict[str, object]:
    """A component as the API shows it."""
    latency = None if part.latency_ms is None else round(part.latency_ms, 1)
    return {
        "name": part.name,
        "kind": part.kind,
        "state": part.state,
        "detail": part.detail,
        "latency_ms": latency,
        "version": part.version,
    }
