"""The benchmarks that break something: an outage of the collector, and SIGKILL to services."""

from labctl.bench.figures import Bench, Figure
from labctl.prove.kill import SERVICES, Kill, run_kill
from labctl.prove.outage import run_outage
from labctl.prove.proof import Progress
from labctl.prove.world import World
from labkit.errors import CannotTell


def outage(world: World, count: int | None, progress: Progress) -> Bench:
    """The collector away for 30 s (``count`` seconds) under 20 requests a second."""
    found = run_outage(world, outage_s=float(count or 30), progress=progress)
    missing = {place: len(ids) for place, ids in found.evidence.missing.items()}
    return Bench(
        "outage",
        [
            Figure("outage.lost_orders", sum(missing.values()), "orders", "over PostgreSQL, Loki and Jaeger"),
            Figure("outage.refused_purchases", found.refused, "purchases", found.first_refusal),
            Figure("outage.caught_up_after_s", round(found.evidence.waited_s, 2), "s", "after the load had ended"),
        ],
        columns=("place", "orders placed", "missing"),
        rows=[[place, found.evidence.orders, number] for place, number in missing.items()],
        notes=[f"Collector stopped for {found.outage_s:g} s under {found.requests_per_s:g} requests a second."],
    )


def kill(world: World, count: int | None, progress: Progress) -> Bench:
    """Each service's worker, then each service's whole process group, ``count`` times (once)."""
    kills = [
        one
        for _ in range(count or 1)
        for whole_group in (False, True)
        for service in SERVICES
        if (one := _kill(world, service, whole_group=whole_group, progress=progress))
    ]
    workers, groups = ([one for one in kills if one.whole_group is whole] for whole in (False, True))
    return Bench(
        "kill",
        [
            Figure("kill.worst_lost_spans", max((one.lost_spans for one in kills), default=0), "spans"),
            Figure("kill.worst_back_after_s", _worst_s(workers), "s", "SIGKILL to the process that serves"),
            Figure("kill.group_worst_back_after_s", _worst_s(groups), "s", "SIGKILL to the whole process group"),
        ],
        columns=("service", "killed", "spans lost", "spans a journey", "failed journeys", "back after s"),
        rows=[
            [
                one.service,
                "group" if one.whole_group else "worker",
                one.lost_spans,
                one.spans_each,
                one.failed_journeys,
                round(one.back_after_s, 2),
            ]
            for one in kills
        ],
        notes=[
            "20 requests a second: 5 customers, each with login, search, cart and checkout. Spans lost: of all "
            "journeys that ended with a purchase. Back after: from the signal to the end of the first journey that "
            "began after it and after every failed one."
        ],
    )


def _kill(world: World, service: str, *, whole_group: bool, progress: Progress) -> Kill | None:
    try:
        return run_kill(world, service, whole_group=whole_group, progress=progress)
    except CannotTell as error:
        progress(f"{service}: {error.message}")
        return None


def _worst_s(kills: list[Kill]) -> float:
    return round(max((one.back_after_s for one in kills), default=float("nan")), 2)
