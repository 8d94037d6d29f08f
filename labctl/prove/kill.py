"""A service's process is killed with SIGKILL under load: how many spans go with it, and how soon is it back?"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.prove.load import Customers, Done, Load
from labctl.prove.polling import NeverHappened, poll
from labctl.prove.shopper import Placed
from labctl.prove.world import World

SERVICES = ("storefront", "catalog", "orders", "payments", "thirdparty")
MOST_LOST_SPANS = 10
REQUESTS_PER_PURCHASE = 2
LEAD_S = 3.0
ASK_THREADS = 4


@dataclass(frozen=True)
class Kill:
    """One kill of ``service``.

    ``lost_spans``: spans of the service that are missing from the traces of all purchases which the shop confirmed,
    before and after the signal (a purchase that failed had a span that never ended). ``back_after_s``: from the signal
    to the answer of the first purchase that began after it, and after every failed one.
    """

    service: str
    whole_group: bool
    answered_before: int
    spans_each: int
    lost_spans: int
    failed_purchases: int
    back_after_s: float

    @property
    def passed(self) -> bool:
        """Within the promise on spans, with something at stake; the time is the benchmark's business."""
        return self.answered_before > 0 and self.lost_spans <= MOST_LOST_SPANS

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {**self.__dict__, "back_after_s": round(self.back_after_s, 3)}


def run_kill(
    world: World,
    service: str,
    *,
    whole_group: bool = False,
    requests_per_s: float = 20.0,
    after_s: float = 6.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Kill:
    """Kill once under load and count what is missing afterwards."""
    customers = Customers(world.lab.url)
    with Load(customers.buy, requests_per_s / REQUESTS_PER_PURCHASE) as load:
        world.wait(LEAD_S)
        progress(f"SIGKILL to {service}")
        killed_s = (world.control.kill_all if whole_group else world.control.kill_worker)(service)
        world.wait(after_s)
    last = [one.result for one in sorted(load.done, key=lambda one: one.began_s) if one.result][-10:]
    each, lost = count_lost(world.backends, service, load.results, last)
    return Kill(
        service=service,
        whole_group=whole_group,
        answered_before=sum(one.result is not None and one.ended_s < killed_s for one in load.done),
        spans_each=each,
        lost_spans=lost,
        failed_purchases=len(load.errors),
        back_after_s=back_after_s(load.done, killed_s),
    )


def back_after_s(done: Sequence[Done[Placed]], killed_s: float) -> float:
    """From the signal to the answer of the first purchase that began after it, and after every failed one."""
    begin_s = max([killed_s, *(one.began_s for one in done if one.error)])
    answered = [one.ended_s for one in done if one.result and one.began_s > begin_s]
    return min(answered, default=float("inf")) - killed_s


def count_lost(
    backends: Backends, service: str, placed: Sequence[Placed], last: Sequence[Placed], *, timeout_s: float = 15.0
) -> tuple[int, int]:
    """How many spans the service has in a whole trace, and how many are missing in ``placed`` together.

    Every purchase takes the same way, so the commonest number among the ``last`` ones is the whole one.
    """

    def counts(some: Sequence[Placed]) -> dict[str, int]:
        with ThreadPoolExecutor(ASK_THREADS) as pool:
            return dict(pool.map(lambda one: (one.trace_id, spans_of(backends, service, one.trace_id)), some))

    whole = poll(
        f"a whole trace of {service} after its restart",
        lambda: _commonest(counts(last)),
        lambda number: number > 0,
        timeout_s=timeout_s,
    )
    try:
        seen = poll(
            f"all spans of {service}",
            lambda: counts(placed),
            lambda found: missing(found, whole) == 0,
            timeout_s=5.0,
        )
    except NeverHappened:
        seen = counts(placed)
    return whole, missing(seen, whole)


def missing(found: Mapping[str, int], whole: int) -> int:
    """How many spans are missing in all traces together."""
    return sum(max(0, whole - number) for number in found.values())


def spans_of(backends: Backends, service: str, trace_id: str) -> int:
    """How many spans of the service are in the trace; 0 when Jaeger has no such trace."""
    try:
        return sum(span.service == service for span in backends.jaeger.trace(trace_id).spans)
    except NotFound:
        return 0


def _commonest(found: Mapping[str, int]) -> int:
    return Counter(found.values()).most_common(1)[0][0] if found else 0
