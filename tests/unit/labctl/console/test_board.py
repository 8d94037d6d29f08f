"""Probing the parts, and the board that keeps their states."""

import http.client
import threading
from pathlib import Path
from typing import cast

import pytest

from labctl.backends.lab import Component
from labctl.console import board as board_module
from labctl.console import probes as probes_module
from labctl.console.board import Board
from labctl.console.pipeline import read_counters
from labctl.console.plain_http import Reply
from labctl.console.probes import Probe, probes_of
from labctl.console.settings import ConsoleSettings
from labkit.errors import ConfigurationError
from labkit.settings import Address

FIXTURES = Path(__file__).parent / "fixtures"
ADDRESS = Address("127.0.0.1", 9)


def state_when(
    monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception, *, is_optional: bool = False
) -> tuple[str, str]:
    """State and detail of a part that answers so."""

    def exchange(*_: object, **__: object) -> Reply:
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(probes_module, "exchange", exchange)
    found = Probe("x", "logs", ADDRESS, "/ready", is_optional=is_optional).ask()
    return found.state, found.detail


@pytest.mark.parametrize(
    ("reply", "state", "words"),
    [
        (Reply(200, b"ready"), "ready", ""),
        (Reply(503, b"Ingester not ready: waiting for 15s"), "starting", "Ingester not ready"),
        (
            Reply(503, b'{"checks": {"database": {"ok": false, "detail": "no answer"}, "disk": {"ok": true}}}'),
            "starting",
            "database: no answer",
        ),
        (Reply(503, b'{"error": {"message": "pool is empty"}}'), "starting", "pool is empty"),
        (ConnectionRefusedError(), "down", "nothing listens"),
        (TimeoutError(), "down", "no answer from 127.0.0.1:9 within 1 s"),
        (OSError("Name or service not known"), "down", "Name or service not known"),
        (http.client.BadStatusLine("x"), "down", "x"),
    ],
)
def test_an_answer_becomes_a_state_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception, state: str, words: str
) -> None:
    """Ready, still starting, or down, each in words."""
    found, detail = state_when(monkeypatch, reply)
    assert found == state
    assert words in detail


def test_an_optional_part_that_is_away_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody promised it."""
    assert state_when(monkeypatch, ConnectionRefusedError(), is_optional=True)[0] == "unknown"


class SlowProbe:
    """A probe that hangs until it is let go."""

    name, kind = "slow", "logs"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0

    def ask(self) -> Component:
        """Hangs."""
        self.asked += 1
        self.go.wait(10)
        return Component(self.name, self.kind, "ready")

    def version(self) -> str:
        """None."""
        return ""


def test_a_part_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The board answers, the part is unknown, and it is not asked again while it hangs."""
    monkeypatch.setattr(board_module, "ROUND_S", 0.02)
    probe = SlowProbe()
    board = Board([cast(Probe, probe)])
    try:
        assert board.refresh().parts[0].state == "unknown"
        board.refresh()
        assert probe.asked == 1
    finally:
        probe.go.set()
        board.stop()


def test_a_look_at_an_old_board_waits_for_a_fresh_one() -> None:
    """After an idle time the first page shows the present."""
    probe = SlowProbe()
    probe.go.set()
    board = Board([cast(Probe, probe)])
    assert board.look().taken_s is None
    board.start()
    try:
        assert board.look().parts[0].state == "ready"
    finally:
        board.stop()


def test_settings_list_services_in_the_order_of_a_purchase() -> None:
    """New services appear without a change here, after the known ones."""
    environ = {
        f"{name}_MANAGEMENT_ADDR": f"{name.lower()}:9464" for name in ("ZEBRA", "ORDERS", "STOREFRONT", "BACK_OFFICE")
    }
    settings = ConsoleSettings.from_env({**environ, "LOKI_ADDR": "loki:3100", "JAEGER_QUERY_ADDR": ""})
    assert list(settings.services) == ["storefront", "orders", "back-office", "zebra"]
    assert [probe.name for probe in probes_of(settings)] == ["storefront", "orders", "back-office", "zebra", "loki"]


def test_a_wrong_address_names_its_variable() -> None:
    """Configuration, exit code 2."""
    with pytest.raises(ConfigurationError, match="LOKI_ADDR"):
        ConsoleSettings.from_env({"LOKI_ADDR": "loki"})


def test_the_collectors_counters_are_read() -> None:
    """Recorded from collector 0.158.0: all that came in went out."""
    counters = read_counters((FIXTURES / "collector_metrics.txt").read_text(encoding="utf-8"))
    assert counters["logs"] == {"accepted": 150, "refused": 0, "sent": 150, "send_failed": 0, "queued": 0}
    assert counters["traces"]["accepted"] == 360


def test_counters_are_summed_and_their_suffix_does_not_matter() -> None:
    """Two receivers, and a release that appends _total."""
    text = (
        "# TYPE otelcol_receiver_accepted_log_records_total counter\n"
        'otelcol_receiver_accepted_log_records_total{receiver="a"} 3\n'
        'otelcol_receiver_accepted_log_records_total{receiver="b"} 4\n'
        "# TYPE otelcol_exporter_queue_size gauge\n"
        'otelcol_exporter_queue_size{data_type="logs",exporter="loki"} 5\n'
        'otelcol_exporter_queue_size{data_type="traces",exporter="jaeger"} 7\n'
    )
    logs = read_counters(text)["logs"]
    assert (logs["accepted"], logs["queued"]) == (7, 5)
