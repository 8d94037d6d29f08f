"""The log test names the hop that loses a line."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from labctl.backends import Backends
from labctl.backends.errors import BackendUnavailable, QueryRefused
from labctl.backends.lab import Component, LabState, PipelineCounters, TestLine
from labctl.backends.lines import LogLine
from labctl.logs.selftest import Clock, Hop, LogTest, run_log_test
from labkit.errors import CannotTell

COUNTERS = PipelineCounters(100, 0, 100, 0, 0)
SERVICES = ("orders", "payments")


def away(backend: str, status: int | None = 502) -> BackendUnavailable:
    """A backend that cannot be asked."""
    return BackendUnavailable(backend, "http://lab.test", f"{backend} cannot answer", "", status)


@dataclass
class FakeTime:
    """A clock that waiting moves."""

    now_s: float = 0.0

    def clock(self) -> Clock:
        """As the test wants it."""
        return Clock(lambda: self.now_s, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Time goes by."""
        self.now_s += seconds


@dataclass
class FakeLab:
    """A lab whose parts can be broken."""

    time: FakeTime
    states: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, Exception] = field(default_factory=dict)
    counters: list[PipelineCounters | Exception] = field(default_factory=lambda: [COUNTERS])
    arrives: Callable[[str], bool] = lambda _: True
    loki_error: Exception | None = None
    delay_s: float = 0.2
    written: list[tuple[str, str, float]] = field(default_factory=list)

    def state(self) -> LabState:
        """Every part, ready unless told otherwise."""
        kinds = {**dict.fromkeys(SERVICES, "service"), "collector": "pipeline", "loki": "logs"}
        parts = [Component(name, kind, self.states.get(name, "ready"), "as told") for name, kind in kinds.items()]
        return LabState("opslab", "1", "native", tuple(parts))

    def test_line(self, service: str, tag: str) -> TestLine:
        """The service writes its line."""
        if service in self.refuses:
            raise self.refuses[service]
        self.written.append((service, tag, self.time.now_s))
        return TestLine(service, "ab" * 16, 1)

    def log_pipeline(self) -> PipelineCounters:
        """The next counters; the last ones again and again."""
        found = self.counters.pop(0) if len(self.counters) > 1 else self.counters[0]
        if isinstance(found, Exception):
            raise found
        return found

    def query_range(self, query: str, *_: Any, **__: Any) -> list[LogLine]:
        """What Loki has by now."""
        if self.loki_error:
            raise self.loki_error
        return [
            LogLine(1, "lab.test_line", {"service_name": service}, {"lab_test_tag": tag})
            for service, tag, written_s in self.written
            if tag in query and self.arrives(service) and self.time.now_s >= written_s + self.delay_s
        ]


def run(**broken: Any) -> LogTest:
    """Run the log test against a lab that is broken in the given way."""
    time = FakeTime()
    lab = FakeLab(time, **broken)
    backends = Backends(loki=cast(Any, lab), jaeger=cast(Any, None), prometheus=cast(Any, None), lab=cast(Any, lab))
    return run_log_test(backends, timeout_s=5, clock=time.clock())


def lost(outcome: LogTest) -> set[Hop | None]:
    """The hops that lost lines."""
    return {arrival.lost_by for arrival in outcome.arrivals if arrival.delay_s is None}


def test_a_healthy_lab_passes_with_a_delay_for_each_service() -> None:
    """The delay runs from the request to write until Loki returned the line."""
    outcome = run()
    assert outcome.passed
    assert [arrival.service for arrival in outcome.arrivals] == ["orders", "payments"]
    assert all(arrival.delay_s is not None and 0.2 <= arrival.delay_s < 0.3 for arrival in outcome.arrivals)


def test_a_service_that_does_not_answer_is_named() -> None:
    """Its line was never written; the others' came back."""
    outcome = run(refuses={"orders": away("orders")})
    assert not outcome.passed
    assert lost(outcome) == {Hop.SERVICE}
    assert [arrival.delay_s is None for arrival in outcome.arrivals] == [True, False]


def test_loki_being_stopped_is_named() -> None:
    """Asking Loki fails."""
    assert lost(run(loki_error=away("Loki"), states={"loki": "down"})) == {Hop.LOKI}


def test_loki_not_ready_is_named() -> None:
    """It answers queries, but has not taken the lines."""
    assert lost(run(arrives=lambda _: False, states={"loki": "starting"})) == {Hop.LOKI}


def test_the_collector_being_stopped_is_named() -> None:
    """Loki is there and has nothing; the collector is not there."""
    outcome = run(arrives=lambda _: False, states={"collector": "down"}, counters=[away("collector")])
    assert lost(outcome) == {Hop.COLLECTOR}
    assert "collector" in outcome.arrivals[0].reason


def test_both_being_stopped_is_said() -> None:
    """Mending one would not be enough."""
    outcome = run(loki_error=away("Loki"), states={"loki": "down", "collector": "down"})
    assert "collector is down as well" in outcome.arrivals[0].reason


@pytest.mark.parametrize(
    ("after", "hop"),
    [
        (COUNTERS, Hop.SERVICE),
        (replace(COUNTERS, accepted=102, refused=2), Hop.COLLECTOR),
        (replace(COUNTERS, accepted=102, send_failed=2), Hop.COLLECTOR),
        (replace(COUNTERS, accepted=102, queued=3), Hop.COLLECTOR),
        (replace(COUNTERS, accepted=102, sent=102), Hop.LOKI),
    ],
    ids=["never received", "refused", "sending fails", "waits in the queue", "handed to Loki"],
)
def test_between_healthy_hops_the_counters_decide(after: PipelineCounters, hop: Hop) -> None:
    """How far the line got is read from the collector's own counters."""
    assert lost(run(arrives=lambda _: False, counters=[COUNTERS, after])) == {hop}


def test_without_counters_nothing_is_guessed() -> None:
    """All probes are fine and the counters are not to be had."""
    assert lost(run(arrives=lambda _: False, counters=[away("collector")])) == {Hop.UNKNOWN}


def test_one_lost_line_does_not_hide_the_others() -> None:
    """Each service has its own outcome."""
    outcome = run(arrives=lambda service: service == "orders")
    assert [arrival.delay_s is not None for arrival in outcome.arrivals] == [True, False]


def test_a_lab_that_cannot_be_reached_is_cannot_tell() -> None:
    """Without an answer of the console nobody has failed."""
    with pytest.raises(CannotTell):
        run(refuses={"orders": away("console", None)})


def test_a_wrong_token_is_usage_and_not_a_lost_line() -> None:
    """No hop is blamed for it."""
    with pytest.raises(QueryRefused):
        run(refuses={"orders": QueryRefused("console", "url", "wrong token", "", 403)})
