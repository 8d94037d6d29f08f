"""The lab's own API: which part is in which state, and what an operator may do with a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from labctl.backends.errors import BackendUnavailable, QueryRefused
from labctl.backends.http import Session

NAME = "The lab's console"
SERVICE_KIND = "service"


@dataclass(frozen=True)
class Component:
    """One part of the lab. ``state`` is ready, starting, down or unknown; ``detail`` says why in words."""

    name: str
    kind: str
    state: str
    detail: str = ""
    latency_ms: float | None = None
    version: str = ""


@dataclass(frozen=True)
class LabState:
    """The answer of ``GET /api/lab``."""

    name: str
    version: str
    runtime: str
    components: tuple[Component, ...]

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the shop's services, in the lab's order."""
        return tuple(part.name for part in self.components if part.kind == SERVICE_KIND)

    def component(self, name: str) -> Component:
        """The component ``name``; one in state unknown when the lab does not list it."""
        absent = Component(name, "", "unknown", "the lab does not list it")
        return next((part for part in self.components if part.name == name), absent)


@dataclass(frozen=True)
class PipelineCounters:
    """The collector's own counters for log records since it started, and what waits in its queue."""

    accepted: float
    refused: float
    sent: float
    send_failed: float
    queued: float


@dataclass(frozen=True)
class TestLine:
    """What a service says about the tagged line it wrote."""

    service: str
    trace_id: str
    timestamp_ns: int

    __test__ = False


class LabApi:
    """``/api/lab`` behind ``session``; verbs that change something need the session's token."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def state(self) -> LabState:
        """Every component with its state. Raises BackendUnavailable when the console cannot be asked."""
        answer = self._get("/api/lab")
        parts = answer.get("components")
        if not isinstance(parts, list):
            raise self._not_ours("/api/lab")
        return LabState(
            name=str(answer.get("name", "")),
            version=str(answer.get("version", "")),
            runtime=str(answer.get("runtime", "")),
            components=tuple(_component(part) for part in parts),
        )

    def log_pipeline(self) -> PipelineCounters:
        """The collector's counters for logs, summed over receivers and exporters."""
        logs = self._get("/api/lab/pipeline").get("logs") or {}
        return PipelineCounters(**{name: float(logs.get(name, 0.0)) for name in PipelineCounters.__annotations__})

    def service(self, name: str) -> Mapping[str, Any]:
        """What the console knows about one service."""
        return self._get(_service(name))

    def log_level(self, name: str) -> str:
        """The service's present log level."""
        return str(self._get(_service(name) + "/loglevel").get("level", ""))

    def set_log_level(self, name: str, level: str) -> str:
        """Set the level and return what the service says it is now."""
        return str(self._post(_service(name) + "/loglevel", {"level": level}).get("level", ""))

    def restart(self, name: str) -> Mapping[str, Any]:
        """End the service's process cleanly; the runtime starts it again."""
        return self._post(_service(name) + "/restart", {})

    def test_line(self, name: str, tag: str) -> TestLine:
        """Let ``name`` write one log line that carries ``tag`` as ``lab_test_tag``."""
        answer = self._post(_service(name) + "/testline", {"tag": tag})
        return TestLine(name, str(answer.get("trace_id", "")), int(answer.get("timestamp_unix_ns", 0)))

    def _get(self, path: str) -> dict[str, Any]:
        return self._object(path, self._session.get_json(path, backend=NAME))

    def _post(self, path: str, body: object) -> dict[str, Any]:
        try:
            return self._object(path, self._session.post_json(path, body, backend=NAME))
        except QueryRefused as error:
            hint = error.hint or "`./lab logs level --help` and `./lab status` show names and values."
            raise QueryRefused(NAME, self._session.url + path, error.message, hint, error.status) from error

    def _object(self, path: str, answer: object) -> dict[str, Any]:
        if isinstance(answer, dict):
            return answer
        raise self._not_ours(path)

    def _not_ours(self, path: str) -> BackendUnavailable:
        url = self._session.url + path
        return BackendUnavailable(NAME, url, f"{url} answered, but it is not a lab's console.", "Check LAB_URL.")


def _service(name: str) -> str:
    return f"/api/lab/services/{quote(name, safe='')}"


def _component(part: Mapping[str, Any]) -> Component:
    latency = part.get("latency_ms")
    return Component(
        name=str(part.get("name", "")),
        kind=str(part.get("kind", "")),
        state=str(part.get("state", "unknown")),
        detail=str(part.get("detail") or ""),
        latency_ms=None if latency is None else float(latency),
        version=str(part.get("version") or ""),
    )
