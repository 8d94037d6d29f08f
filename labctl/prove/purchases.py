"""Many purchases: the ids in PostgreSQL, in the logs and in the traces are the same set."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from labctl.prove.evidence import Evidence, gather
from labctl.prove.load import Customers, Load
from labctl.prove.world import World

# What two cores serve without queueing, measured with everything else of the lab on them.
PURCHASES_PER_S = 12.0


@dataclass(frozen=True)
class Purchases:
    """One batch of purchases."""

    evidence: Evidence
    refused: int
    first_refusal: str
    purchases_per_s: float

    @property
    def passed(self) -> bool:
        """Every purchase went through and is everywhere."""
        return self.evidence.is_complete and self.refused == 0

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "refused": self.refused,
            "first_refusal": self.first_refusal,
            "purchases_per_s": round(self.purchases_per_s, 1),
            **self.evidence.as_json(),
        }


def run_purchases(world: World, count: int, *, progress: Callable[[str], None] = lambda _: None) -> Purchases:
    """Buy ``count`` times and look for every order everywhere."""
    began_unix_s, began_s = time.time(), time.monotonic()
    customers, enough = Customers(world.lab.url), threading.Event()
    with Load(customers.buy, PURCHASES_PER_S, most=count, exhausted=enough) as load:
        while not enough.wait(5.0):
            progress(f"{len(load.done)} of {count} purchases")
    took_s = time.monotonic() - began_s
    progress(f"looking for {len(load.results)} orders in PostgreSQL, Loki and Jaeger")
    evidence = gather(world.backends, world.control, load.results, began_unix_s)
    return Purchases(evidence, len(load.errors), (load.errors or [""])[0], len(load.done) / took_s)
