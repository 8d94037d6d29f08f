"""A console whose backends and parts are made up, and which needs no network."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient

from labctl.backends.errors import NotFound
from labctl.backends.jaeger import Jaeger, TraceQuery, checked_trace_id
from labctl.backends.lab import Component
from labctl.backends.lines import LogLine
from labctl.backends.loki import Loki
from labctl.backends.spans import Span, SpanEvent, Trace
from labctl.console import create_app
from labctl.console.board import Board, Snapshot
from labctl.console.parts import KEY, parts_of
from labctl.console.settings import ConsoleSettings
from labkit.settings import Address

TRACE_ID = "ab" * 16
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\x1b[31m'
NOWHERE = Address("127.0.0.1", 9)


def hostile_trace() -> Trace:
    """A trace of two spans in which everything that a sender chooses is hostile."""
    root = Span(
        TRACE_ID, "aa" * 8, "", HOSTILE, "server", HOSTILE, 10**18, 10**18 + 5_000_000, True, HOSTILE,
        {HOSTILE: HOSTILE}, {"service.name": HOSTILE}, (SpanEvent(HOSTILE, 10**18 + 1000, {HOSTILE: HOSTILE}),),
    )  # fmt: skip
    child = Span(TRACE_ID, "bb" * 8, "aa" * 8, "child", "client", "orders", 10**18 + 1_000_000, 10**18 + 2_000_000)
    return Trace(TRACE_ID, (root, child))


@dataclass
class FakeJaeger:
    """Jaeger with the traces it is given, or away."""

    traces: list[Trace] = field(default_factory=lambda: [hostile_trace()])
    problem: Exception | None = None

    def services(self) -> list[str]:
        """Names of services."""
        if self.problem:
            raise self.problem
        return ["orders", HOSTILE]

    def operations(self, service: str) -> list[str]:
        """Names of spans."""
        return [f"{service} operation"]

    def find(self, query: TraceQuery) -> list[Trace]:
        """All traces."""
        return self.traces[: query.limit]

    def trace(self, trace_id: str) -> Trace:
        """The trace, as the real client answers."""
        wanted = checked_trace_id(trace_id)
        if self.problem:
            raise self.problem
        for found in self.traces:
            if found.trace_id == wanted:
                return found
        raise NotFound(f"Jaeger has no trace {wanted}.")


@dataclass
class FakeLoki:
    """Loki with the lines it is given, or away."""

    lines: list[LogLine] = field(
        default_factory=lambda: [
            LogLine(10**18, HOSTILE, {"service_name": HOSTILE}, {"trace_id": TRACE_ID, "evil": HOSTILE})
        ]
    )
    problem: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def query_range(self, query: str, *_: Any, **__: Any) -> list[LogLine]:
        """All lines."""
        self.asked.append(query)
        if self.problem:
            raise self.problem
        return self.lines

    def label_values(self, label: str) -> list[str]:
        """Names of services."""
        return [label, "orders"]


class FakeBoard(Board):
    """A board on which the states are written by hand."""

    def __init__(self, parts: tuple[Component, ...]) -> None:
        super().__init__(())
        self.parts = parts

    def look(self, max_age_s: float = 2.0) -> Snapshot:  # noqa: ARG002 - as the real one
        """The states."""
        return Snapshot(self.parts, 0.0)


@dataclass
class Console:
    """The application with its fakes."""

    app: Flask
    client: FlaskClient
    jaeger: FakeJaeger
    loki: FakeLoki
    board: FakeBoard


@pytest.fixture
def settings(tmp_path: Path) -> ConsoleSettings:
    """Two services, and secrets as init writes them."""
    for name in ("operator", "management-orders"):
        (tmp_path / name).write_text(f"{name}-secret\n", encoding="utf-8")
    services = {"orders": NOWHERE, "payments": NOWHERE}
    return ConsoleSettings(
        NOWHERE, "native", "1.2.3", tmp_path, {"grafana": NOWHERE, "alertmanager": NOWHERE}, services
    )


@pytest.fixture
def console(settings: ConsoleSettings) -> Console:
    """A console with a hostile trace, a hostile line and a healthy lab."""
    board = FakeBoard(
        (Component("gateway", "gateway", "ready", "", 1.0), Component("orders", "service", "ready", "", 2.0))
    )
    app, jaeger, loki = create_app(settings, board), FakeJaeger(), FakeLoki()
    fakes = replace(parts_of(app), jaeger=cast(Jaeger, jaeger), loki=cast(Loki, loki))
    app.extensions[KEY] = fakes
    app.testing = False
    return Console(app, app.test_client(), jaeger, loki, board)


@pytest.fixture
def post(console: Console) -> Callable[..., Any]:
    """POST JSON with the operator's token, or with other headers."""

    def send(path: str, json: object = None, **headers: str) -> Any:
        sent = headers or {"Authorization": "Bearer operator-secret"}
        return console.client.post(f"/api/lab/services/{path}", json={} if json is None else json, headers=sent)

    return send
