"""A service's process is killed with SIGKILL under load: how many spans go with it, and how soon is it back?"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.prove.load import Done, Journey, Load, journey
from labctl.prove.polling import NeverHappened, poll
from labctl.prove.world import World

SERVICES = ("storefront", "catalog", "orders", "payments", "thirdparty")
MOST_LOST_SPANS = 10
# A new customer's login, search, cart and checkout.
REQUESTS_PER_JOURNEY = 4
LEAD_S = 3.0
ASK_THREADS = 4


@dataclass(frozen=True)
class Kill:
    """One kill of ``service``.

    ``lost_spans``: spans of the service that are missing from the traces of all journeys (login, search, cart,
    checkout) that ended with a purchase, before and after the signal; one that failed has a span that never ended.
    ``spans_each``: of one whole journey. ``back_after_s``: from the signal to the end of the first journey that began
    after it, and after every failed one.
    """

    service: str
    whole_group: bool
    answered_before: int
    spans_each: int
    lost_spans: int
    failed_journeys: int
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
    with Load(lambda: journey(world.lab.url), requests_per_s / REQUESTS_PER_JOURNEY) as load:
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
        failed_journeys=len(load.errors),
        back_after_s=back_after_s(load.done, killed_s),
    )


def back_after_s(done: Sequence[Done[Journey]], killed_s: float) -> float:
    """From the signal to the answer of the first journey that began after it, and after every failed one."""
    begin_s = max([killed_s, *(one.began_s for one in done if one.error)])
    answered = [one.ended_s for one in done if one.result and one.began_s > begin_s]
    return min(answered, default=float("inf")) - killed_s


def count_lost(
    backends: Backends, service: str, journeys: Sequence[Journey], last: Sequence[Journey], *, timeout_s: float = 15.0
) -> tuple[int, int]:
    """How many spans the service has in a whole journey, and how many are missing in all ``journeys`` together.

    Every journey takes the same way, so the commonest number among the ``last`` ones is the whole one, request by
    request.
    """
    whole = poll(
        f"whole traces of {service} after its restart",
        lambda: commonest(spans_of(backends, service, last)),
        lambda numbers: sum(numbers) > 0,
        timeout_s=timeout_s,
    )
    seen: list[tuple[int, ...]] = []

    def look() -> int:
        seen[:] = spans_of(backends, service, journeys)
        return missing(seen, whole)

    with suppress(NeverHappened):  # what is missing is the result
        poll(f"all spans of {service}", look, lambda number: number == 0, timeout_s=5.0)
    return sum(whole), missing(seen, whole)


def spans_of(backends: Backends, service: str, journeys: Sequence[Journey]) -> list[tuple[int, ...]]:
    """For each journey how many spans the service has in each of its traces."""

    def counted(one: Journey) -> tuple[int, ...]:
        return tuple(_spans_in(backends, service, trace_id) for trace_id in one.trace_ids)

    with ThreadPoolExecutor(ASK_THREADS) as pool:
        return list(pool.map(counted, journeys))


def commonest(found: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The number that occurs most often at each place."""
    return tuple(Counter(place).most_common(1)[0][0] for place in zip(*found, strict=True))


def missing(found: Sequence[tuple[int, ...]], whole: tuple[int, ...]) -> int:
    """How many spans are missing in all traces together; one that has more does not make up for another."""
    return sum(max(0, wanted - seen) for one in found for wanted, seen in zip(whole, one, strict=True))


def _spans_in(backends: Backends, service: str, trace_id: str) -> int:
    try:
        return sum(span.service == service for span in backends.jaeger.trace(trace_id).spans)
    except NotFound:
        return 0
