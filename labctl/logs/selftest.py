"""Does a log line get from every service to where people look for it, and if not, which hop loses it?

One uniquely tagged line is written by each service; then Loki is asked until it returns each. What is missing at the
deadline is explained by probing the hops in order: service, collector, Loki.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum

from labctl.backends import Backends
from labctl.backends.errors import BackendUnavailable, NotFound
from labctl.backends.lab import PipelineCounters
from labctl.backends.lines import LogLine
from labctl.backends.loki import Window
from labctl.logs.query import EVERYTHING, quoted
from labkit.errors import CannotTell

TAG_FIELD = "lab_test_tag"
POLL_S = 0.05
# Clocks of the services' machine and of ours may differ.
LOOK_BACK_S = 300.0


class Hop(Enum):
    """The parts a line passes on its way, and UNKNOWN where probing found nothing wrong."""

    SERVICE = "service"
    COLLECTOR = "collector"
    LOKI = "loki"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Arrival:
    """What became of one service's line. ``delay_s`` runs from the request to write it until Loki returned it."""

    service: str
    delay_s: float | None = None
    trace_id: str = ""
    lost_by: Hop | None = None
    reason: str = ""


@dataclass(frozen=True)
class LogTest:
    """The outcome for every service, in the lab's order."""

    tag: str
    arrivals: tuple[Arrival, ...]

    @property
    def passed(self) -> bool:
        """Every service's line came back, and there was at least one service."""
        return bool(self.arrivals) and all(found.delay_s is not None for found in self.arrivals)


@dataclass(frozen=True)
class Written:
    """The lines that services wrote (with our monotonic time of asking), and those that did not write."""

    tag: str
    counters: PipelineCounters | None
    asked_s: dict[str, float]
    refused: dict[str, str]
    trace_ids: dict[str, str]


@dataclass(frozen=True)
class Clock:
    """Time and waiting, so that tests need neither."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def run_log_test(backends: Backends, *, timeout_s: float = 10.0, clock: Clock | None = None) -> LogTest:
    """Write, wait, explain. Raises CannotTell when the lab itself does not answer."""
    ticking = clock or Clock()
    written = write_tagged_lines(backends, clock=ticking)
    arrived, trouble = _wait(backends, written, timeout_s, ticking)
    return conclude(backends, written, arrived, trouble, timeout_s)


def write_tagged_lines(backends: Backends, *, clock: Clock | None = None) -> Written:
    """Let every service write one line with a new tag."""
    now_s = (clock or Clock()).now_s
    services = backends.lab.state().services
    if not services:
        raise CannotTell("The lab lists no services, so there is nobody to write a line.", "`./lab status`")
    counters, tag = _counters(backends), f"lab-{secrets.token_hex(8)}"
    written = Written(tag, counters, {}, {}, {})

    def write(service: str) -> None:
        asked = now_s()
        try:
            line = backends.lab.test_line(service, tag)
        except (BackendUnavailable, NotFound) as error:
            if isinstance(error, BackendUnavailable) and error.status is None:
                raise
            written.refused[service] = error.message
        else:
            written.asked_s[service], written.trace_ids[service] = asked, line.trace_id

    with ThreadPoolExecutor(len(services)) as pool:
        list(pool.map(write, services))
    return replace(written, refused={name: written.refused[name] for name in services if name in written.refused})


def tag_query(tag: str) -> str:
    """LogQL for the lines that carry ``tag``."""
    return f"{EVERYTHING} | {TAG_FIELD}={quoted(tag)}"


def conclude(
    backends: Backends,
    written: Written,
    arrived: dict[str, float],
    trouble: BackendUnavailable | None,
    timeout_s: float,
) -> LogTest:
    """Explain what did not arrive. ``trouble`` is what Loki last answered instead of lines, if anything."""
    arrivals = {name: _arrival(name, seen_s, written) for name, seen_s in arrived.items()}
    for service, reason in written.refused.items():
        arrivals[service] = Arrival(service, None, "", Hop.SERVICE, f"did not write the line: {reason}")
    missing = [name for name in written.asked_s if name not in arrivals]
    if missing:
        hop, reason = _losing_hop(backends, written, trouble, len(missing), timeout_s)
        for name in missing:
            arrivals[name] = Arrival(name, None, written.trace_ids.get(name, ""), hop, reason)
    return LogTest(written.tag, tuple(arrivals[name] for name in sorted(arrivals)))


def arrivals_in(lines: list[LogLine], written: Written, now_s: float) -> dict[str, float]:
    """When (monotonic) each service's line was first seen, from ``lines`` seen at ``now_s``."""
    return {line.service: now_s for line in lines if line.service in written.asked_s}


def _wait(
    backends: Backends, written: Written, timeout_s: float, clock: Clock
) -> tuple[dict[str, float], BackendUnavailable | None]:
    arrived: dict[str, float] = {}
    trouble: BackendUnavailable | None = None
    for _ in _until(clock, timeout_s):
        try:
            lines = backends.loki.query_range(tag_query(written.tag), Window.last(LOOK_BACK_S))
            trouble = None
        except BackendUnavailable as error:
            lines, trouble = [], error
        arrived = arrivals_in(lines, written, clock.now_s()) | arrived
        if len(arrived) == len(written.asked_s):
            break
    return arrived, trouble


def _until(clock: Clock, timeout_s: float) -> Iterator[None]:
    deadline_s = clock.now_s() + timeout_s
    while True:
        yield
        if clock.now_s() >= deadline_s:
            return
        clock.sleep(POLL_S)


def _arrival(service: str, seen_s: float, written: Written) -> Arrival:
    return Arrival(service, seen_s - written.asked_s[service], written.trace_ids.get(service, ""))


def _losing_hop(
    backends: Backends, written: Written, trouble: BackendUnavailable | None, missing: int, timeout_s: float
) -> tuple[Hop, str]:
    state = backends.lab.state()
    collector, loki = state.component("collector"), state.component("loki")
    if trouble is not None or loki.state != "ready":
        also = " (the collector is down as well)" if collector.state == "down" else ""
        said = trouble.message if trouble else f"it is {loki.state}: {loki.detail or 'no detail'}"
        return Hop.LOKI, f"Loki cannot be asked{also}: {said}"
    if collector.state != "ready":
        return Hop.COLLECTOR, f"the collector is {collector.state}: {collector.detail or 'no detail'}"
    return _by_counters(written, _counters(backends), missing, timeout_s)


def _by_counters(written: Written, after: PipelineCounters | None, missing: int, timeout_s: float) -> tuple[Hop, str]:
    before = written.counters
    if before is None or after is None:
        return Hop.UNKNOWN, f"collector and Loki answer, but the line did not come within {timeout_s:g} s"
    if after.accepted - before.accepted < missing:
        return Hop.SERVICE, "it wrote the line, but the collector has not received it: the service's exporter holds it"
    if after.refused > before.refused:
        return Hop.COLLECTOR, "the collector refuses log records (its memory limiter, most likely)"
    if after.send_failed > before.send_failed or after.queued > 0:
        return Hop.COLLECTOR, f"the collector has it, but cannot hand it to Loki ({after.queued:g} batches wait)"
    return Hop.LOKI, f"Loki has taken the line, but did not return it within {timeout_s:g} s"


def _counters(backends: Backends) -> PipelineCounters | None:
    try:
        return backends.lab.log_pipeline()
    except (CannotTell, NotFound):
        return None
