"""How each part of the lab is asked whether it is ready."""

import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from labctl.backends.lab import SERVICE_KIND, Component
from labctl.console.plain_http import Reply, exchange
from labctl.console.settings import ConsoleSettings
from labkit.settings import Address

TIMEOUT_S = 1.0
# PostgreSQL's SSLRequest message (protocol documentation, "Message Formats"): length 8, code 80877103.
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])
Ask = Callable[[Address], Reply]


@dataclass(frozen=True)
class Probe:
    """One part of the lab and the question that tells its state.

    ``version_path`` answers JSON in which ``version_keys`` lead to the version; "" when the part tells none.
    An ``is_optional`` part that is away is "unknown", not "down".
    """

    name: str
    kind: str
    address: Address
    ready_path: str
    version_path: str = ""
    version_keys: tuple[str, ...] = ()
    is_optional: bool = False

    def ask(self) -> Component:
        """The part's state now; never raises."""
        started = time.perf_counter()
        try:
            state, detail = self._ask()
        except TimeoutError:
            state, detail = self._away(f"no answer from {self.address} within {TIMEOUT_S:g} s")
        except ConnectionRefusedError:
            state, detail = self._away(f"nothing listens on {self.address}")
        except (OSError, http.client.HTTPException) as error:
            state, detail = self._away(f"{self.address}: {error or type(error).__name__}")
        latency_ms = (time.perf_counter() - started) * 1000 if state == "ready" else None
        return Component(self.name, self.kind, state, detail, latency_ms)

    def version(self) -> str:
        """The version the part tells, or ""; never raises."""
        if not self.version_path:
            return ""
        try:
            found: object = exchange(self.address, self.version_path, timeout_s=TIMEOUT_S).json()
        except (OSError, http.client.HTTPException):
            return ""
        for key in self.version_keys:
            found = found.get(key) if isinstance(found, dict) else None
        return str(found).removeprefix("v") if isinstance(found, str) else ""

    def _ask(self) -> tuple[str, str]:
        if self.kind == "database":
            return _ask_postgres(self.address)
        reply = exchange(self.address, self.ready_path, timeout_s=TIMEOUT_S)
        if reply.status < 300:
            return "ready", ""
        return "starting", _why(reply)

    def _away(self, detail: str) -> tuple[str, str]:
        return ("unknown", f"optional, and not there: {detail}") if self.is_optional else ("down", detail)


def probes_of(settings: ConsoleSettings) -> tuple[Probe, ...]:
    """A probe for every part that has an address, in the order of a request's way through the lab."""
    services = [
        Probe(name, SERVICE_KIND, address, "/readyz", "/readyz", ("release",)) for name, address in _items(settings)
    ]
    peers = settings.peers
    build = ("data", "version")
    known = {
        "gateway": ("gateway", "/healthz", "", ()),
        "postgres": ("database", "", "", ()),
        "collector": ("pipeline", "/", "", ()),
        "loki": ("logs", "/ready", "/loki/api/v1/status/buildinfo", ("version",)),
        "jaeger": ("traces", "/status", "", ()),
        "prometheus": ("metrics", "/prometheus/-/ready", "/prometheus/api/v1/status/buildinfo", build),
        "alertmanager": (
            "alerts",
            "/alertmanager/-/ready",
            "/alertmanager/api/v2/status",
            ("versionInfo", "version"),
        ),
        "grafana": ("dashboards", "/api/health", "/api/health", ("version",)),
    }
    ports = {**peers, "jaeger": peers.get("jaeger-health", peers.get("jaeger"))}
    others = {
        name: Probe(name, kind, address, path, version_path, keys, is_optional=name == "grafana")
        for name, (kind, path, version_path, keys) in known.items()
        if (address := ports.get(name))
    }
    gateway = [others.pop("gateway")] if "gateway" in others else []
    return (*gateway, *services, *others.values())


def _items(settings: ConsoleSettings) -> list[tuple[str, Address]]:
    return list(settings.services.items())


def _ask_postgres(address: Address) -> tuple[str, str]:
    with socket.create_connection((address.host, address.port), timeout=TIMEOUT_S) as connection:
        connection.sendall(SSL_REQUEST)
        answer = connection.recv(1)
    return ("ready", "") if answer in (b"S", b"N") else ("starting", "it listens, but does not speak PostgreSQL yet")


def _why(reply: Reply) -> str:
    """The first words of what a part says while it is not ready."""
    found = reply.json()
    checks = found.get("checks")
    if isinstance(checks, dict):
        failing = [(name, check) for name, check in checks.items() if isinstance(check, dict) and not check.get("ok")]
        return "; ".join(f"{name}: {check.get('detail', '')}" for name, check in failing)[:200] or "no check says why"
    error = found.get("error")
    if isinstance(error, dict):
        return str(error.get("message", ""))[:200]
    text = reply.body[:200].decode("utf-8", "replace").strip().splitlines()
    return text[0] if text and not found else f"answers {reply.status}"
