"""Where an order must have left its id: a row in PostgreSQL, a line in Loki, a span in Jaeger."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.backends.loki import NS_PER_S, Window
from labctl.prove.control import Control
from labctl.prove.polling import NeverHappened, poll
from labctl.prove.shopper import Placed

ORDERS_SQL = "SELECT order_id FROM orders WHERE status = 'placed'"
PLACED_LINES = '{service_name="orders"} |= "order.placed" | order_id!=""'
PLACES = ("postgresql", "loki", "jaeger")
ASK_THREADS = 4


@dataclass(frozen=True)
class Evidence:
    """For each place the ids of orders that it lacks; ``waited_s`` until the last one was there, or the deadline."""

    orders: int
    missing: Mapping[str, tuple[str, ...]]
    waited_s: float

    @property
    def is_complete(self) -> bool:
        """Every order is in every place, and there was at least one."""
        return self.orders > 0 and not any(self.missing.values())

    def as_json(self) -> dict[str, object]:
        """Plain data; of what is missing the number and the first ids."""
        lost = {place: {"count": len(ids), "first": list(ids[:5])} for place, ids in self.missing.items()}
        return {"orders": self.orders, "missing": lost, "waited_s": round(self.waited_s, 2)}


def gather(
    backends: Backends, control: Control, placed: Collection[Placed], since_unix_s: float, *, timeout_s: float = 90.0
) -> Evidence:
    """Look in all three places until each has every order, at most ``timeout_s``."""
    left = {place: {order.order_id: order for order in placed} for place in PLACES}
    looks: dict[str, Callable[[Mapping[str, Placed]], Collection[str]]] = {
        "postgresql": lambda _: control.sql("orders", ORDERS_SQL),
        "loki": lambda _: ids_in_loki(backends, since_unix_s),
        "jaeger": lambda orders: ids_in_jaeger(backends, orders),
    }
    started = time.monotonic()

    def look() -> dict[str, int]:
        for place, orders in left.items():
            found = set(looks[place](orders)) if orders else set()
            left[place] = {order_id: order for order_id, order in orders.items() if order_id not in found}
        return {place: len(orders) for place, orders in left.items()}

    with suppress(NeverHappened):  # what is missing is the result
        poll("every order in every place", look, lambda counts: not any(counts.values()), timeout_s=timeout_s)
    missing = {place: tuple(sorted(orders)) for place, orders in left.items()}
    return Evidence(len(placed), missing, time.monotonic() - started)


def ids_in_loki(backends: Backends, since_unix_s: float) -> set[str]:
    """Ids of orders that orders' log says were placed since then."""
    window = Window(int((since_unix_s - 5) * NS_PER_S), time.time_ns() + 5 * NS_PER_S)
    return {line.get("order_id") for page in backends.loki.pages(PLACED_LINES, window) for line in page}


def ids_in_jaeger(backends: Backends, orders: Mapping[str, Placed]) -> set[str]:
    """Those of ``orders`` of which the trace is there and has a span of orders that names the order."""
    with ThreadPoolExecutor(ASK_THREADS) as pool:
        found = pool.map(lambda order: (order.order_id, _is_in_jaeger(backends, order)), orders.values())
        return {order_id for order_id, there in found if there}


def _is_in_jaeger(backends: Backends, order: Placed) -> bool:
    try:
        trace = backends.jaeger.trace(order.trace_id)
    except NotFound:
        return False
    return any(span.attributes.get("order.id") == order.order_id for span in trace.spans if span.service == "orders")


def dump(control: Control, database: str) -> str:
    """Every row of every table of ``database`` as text."""
    tables = control.sql(database, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    rows = [row for table in tables for row in control.sql(database, f"SELECT t::text FROM {table} t")]  # noqa: S608
    return "\n".join(rows)
