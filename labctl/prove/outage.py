"""The collector is away for a while under load: afterwards every order must be found everywhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from labctl.prove.evidence import Evidence, gather
from labctl.prove.load import Customers, Load
from labctl.prove.polling import poll
from labctl.prove.world import World

COMPONENT = "collector"
# A purchase of a customer who is logged in has two requests: cart and checkout.
REQUESTS_PER_PURCHASE = 2
LEAD_S = 2.0


@dataclass(frozen=True)
class Outage:
    """What happened. ``refused`` counts purchases that the shop did not confirm: telemetry must never cost a sale."""

    outage_s: float
    requests_per_s: float
    evidence: Evidence
    refused: int
    first_refusal: str

    @property
    def passed(self) -> bool:
        """Nothing was lost and nobody was turned away."""
        return self.evidence.is_complete and self.refused == 0

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "outage_s": self.outage_s,
            "requests_per_s": self.requests_per_s,
            "refused": self.refused,
            "first_refusal": self.first_refusal,
            **self.evidence.as_json(),
        }


def run_outage(
    world: World,
    *,
    outage_s: float = 30.0,
    requests_per_s: float = 20.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Outage:
    """Stop the collector for ``outage_s`` while customers buy, start it again, and look for every order.

    The collector is started again whatever happens in between.
    """
    began_unix_s = time.time()
    customers = Customers(world.lab.url)
    with Load(customers.buy, requests_per_s / REQUESTS_PER_PURCHASE) as load:
        world.wait(LEAD_S)
        progress(f"{COMPONENT} stopped for {outage_s:g} s under {requests_per_s:g} requests a second")
        world.control.stop(COMPONENT)
        try:
            world.wait(outage_s)
        finally:
            world.control.start(COMPONENT)
        progress(f"{COMPONENT} started again")
        wait_until_ready(world, COMPONENT)
        world.wait(LEAD_S)
    progress(f"looking for {len(load.results)} orders in PostgreSQL, Loki and Jaeger")
    evidence = gather(world.backends, world.control, load.results, began_unix_s)
    return Outage(outage_s, requests_per_s, evidence, len(load.errors), (load.errors or [""])[0])


def wait_until_ready(world: World, component: str, timeout_s: float = 60.0) -> None:
    """Until the console calls the component ready."""
    poll(
        f"{component} to be ready",
        lambda: world.backends.lab.state().component(component),
        lambda part: part.state == "ready",
        timeout_s=timeout_s,
    )
