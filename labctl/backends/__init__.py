"""Typed clients of the lab's real servers: Loki, Jaeger, Prometheus and the lab's own API.

One rule for all: "could not ask" is :class:`labkit.errors.CannotTell`, never an empty answer.
"""

from dataclasses import dataclass

from labctl.backends.http import Session
from labctl.backends.jaeger import Jaeger
from labctl.backends.lab import LabApi
from labctl.backends.loki import Loki
from labctl.backends.prometheus import Prometheus


@dataclass(frozen=True)
class Backends:
    """Every backend of one lab, reached through its front door."""

    loki: Loki
    jaeger: Jaeger
    prometheus: Prometheus
    lab: LabApi

    @classmethod
    def at(cls, url: str, token: str | None = None) -> "Backends":
        """The backends behind the gateway at ``url``; ``token`` opens the operator's verbs of ``/api/lab``."""
        session = Session(url, token)
        return cls(Loki(session), Jaeger(session), Prometheus(session), LabApi(session))


__all__ = ["Backends", "Jaeger", "LabApi", "Loki", "Prometheus", "Session"]
