"""From a request to the moment when its trace, its log line and its count can be queried."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.backends.loki import Window
from labctl.bench.figures import Bench, Figure, percentile
from labctl.prove.polling import NeverHappened, poll
from labctl.prove.proof import Progress
from labctl.prove.shopper import Shopper, trace_id_in
from labctl.prove.world import World

REQUESTS = 50
TIMEOUT_S = 15.0
POLL_S = 0.02
SIGNALS = ("trace", "log", "metric")
# The services' own histogram, not the span metrics; nothing else asks the shop while this runs.
COUNTED = 'sum(http_server_request_duration_seconds_count{service_name="catalog", http_route=~".*products.*"})'


@dataclass(frozen=True)
class Delays:
    """Seconds from sending a request until each signal of it was found; infinity when it was not in time."""

    trace: float
    log: float
    metric: float


def feedback(world: World, count: int | None, progress: Progress) -> Bench:
    """Ask the shop ``count`` times, one request after the other, and wait for all three signals of each."""
    shopper = Shopper(world.lab.url)
    shopper.search()  # connections, caches and the route's first series are not what is measured
    shopper.search()
    measured = []
    for number in range(1, (count or REQUESTS) + 1):
        # Requests of real people do not fall into step with export and scrape intervals of a second.
        world.wait(random.random())  # noqa: S311 - not for security
        measured.append(one_request(world.backends, shopper))
        if number % 10 == 0:
            progress(f"{number} requests")
    values = {signal: [float(getattr(one, signal)) for one in measured] for signal in SIGNALS}
    return Bench(
        "feedback",
        [Figure(f"feedback.{signal}_p95_s", round(percentile(values[signal], 0.95), 3), "s") for signal in SIGNALS],
        columns=("signal", "p50 s", "p95 s", "max s"),
        rows=[
            [signal, *(round(percentile(values[signal], share), 3) for share in (0.5, 0.95, 1.0))] for signal in SIGNALS
        ],
        notes=[
            f"{len(measured)} product searches through gateway, storefront, catalog and PostgreSQL, at random moments; "
            "the clock starts before the request is sent. Trace: the catalog's span in Jaeger by trace id. Log: the "
            "catalog's line in Loki by trace id. Metric: the catalog's own request counter in Prometheus has grown by "
            f"this request. Each is asked every {POLL_S * 1000:.0f} ms through the gateway."
        ],
    )


def one_request(backends: Backends, shopper: Shopper) -> Delays:
    """Send one request and wait for its three signals at once."""
    before = counted(backends)
    sent_s = time.monotonic()
    trace_id = trace_id_in(shopper.send("GET", "/products", params={"q": "lamp", "limit": 1}))
    looks: list[Callable[[], bool]] = [
        lambda: has_trace(backends, trace_id),
        lambda: has_line(backends, trace_id),
        lambda: counted(backends) > before,
    ]
    with ThreadPoolExecutor(len(looks)) as pool:
        return Delays(*pool.map(lambda look: _delay_s(look, sent_s), looks))


def counted(backends: Backends) -> float:
    """How many requests Prometheus knows of."""
    return sum(one.samples[-1].value for one in backends.prometheus.query(COUNTED))


def has_trace(backends: Backends, trace_id: str) -> bool:
    """Whether Jaeger returns the catalog's part of the trace."""
    try:
        return "catalog" in backends.jaeger.trace(trace_id).services
    except NotFound:
        return False


def has_line(backends: Backends, trace_id: str) -> bool:
    """Whether Loki returns the catalog's line of the trace."""
    query = f'{{service_name="catalog"}} | trace_id="{trace_id}"'
    return bool(backends.loki.query_range(query, Window.last(60), limit=1))


def _delay_s(look: Callable[[], bool], sent_s: float) -> float:
    try:
        poll("the signal", look, timeout_s=TIMEOUT_S, every_s=POLL_S)
    except NeverHappened:
        return float("inf")
    return time.monotonic() - sent_s
