"""Looking for orders: one that is missing anywhere is found missing."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.backends.lines import LogLine
from labctl.backends.spans import Span, Trace
from labctl.prove.control import Control
from labctl.prove.evidence import gather
from labctl.prove.shopper import Placed
from labkit.errors import CannotTell

ORDERS = [Placed(f"ord_{name}", name * 32, "c", 100, "EUR", {}) for name in "abc"]


class Places:
    """PostgreSQL, Loki and Jaeger in one, each with the orders that it was told to have."""

    def __init__(self, **lacks: str) -> None:
        self._lacks = lacks

    def has(self, place: str) -> list[Placed]:
        """The orders that ``place`` knows."""
        return [one for one in ORDERS if one.order_id != self._lacks.get(place)]

    def sql(self, _: str, __: str) -> list[str]:
        """As a control."""
        return [one.order_id for one in self.has("postgresql")]

    def pages(self, *_: object) -> Iterator[list[LogLine]]:
        """As Loki, one line a page."""
        for one in self.has("loki"):
            yield [LogLine(1, "order.placed", metadata={"order_id": one.order_id})]

    def trace(self, trace_id: str) -> Trace:
        """As Jaeger."""
        for one in self.has("jaeger"):
            if one.trace_id == trace_id:
                span = Span(
                    trace_id, "1", "", "POST /orders", "server", "orders", 1, 2, attributes={"order.id": one.order_id}
                )
                return Trace(trace_id, (span,))
        raise NotFound("no trace")


def look(places: Any) -> Any:
    """Gather once, without patience."""
    backends = cast(Backends, type("Fake", (), {"loki": places, "jaeger": places})())
    return gather(backends, cast(Control, places), ORDERS, 0.0, timeout_s=0)


def test_orders_that_are_everywhere_are_complete() -> None:
    """The good case, so that the others mean something."""
    assert look(Places()).is_complete


@pytest.mark.parametrize("place", ["postgresql", "loki", "jaeger"])
def test_order_that_one_place_lacks_is_named_there(place: str) -> None:
    """One lost order in one place is enough."""
    found = look(Places(**{place: "ord_b"}))
    assert not found.is_complete
    assert {name: ids for name, ids in found.missing.items() if ids} == {place: ("ord_b",)}


def test_trace_of_another_order_is_no_evidence() -> None:
    """The trace must name the very order."""

    class Mixed(Places):
        def trace(self, _: str) -> Trace:
            return super().trace(ORDERS[0].trace_id)

    assert look(Mixed()).missing["jaeger"] == ("ord_b", "ord_c")


def test_place_that_cannot_be_asked_is_missing_everything() -> None:
    """Not being able to look is never evidence."""

    class Silent(Places):
        def pages(self, *_: object) -> Iterator[list[LogLine]]:
            raise CannotTell("Loki is away")

    assert not look(Silent()).is_complete


def test_no_orders_prove_nothing() -> None:
    """Nothing was bought, so nothing was shown."""
    places: Any = Places()
    backends = cast(Backends, type("Fake", (), {"loki": places, "jaeger": places})())
    assert not gather(backends, cast(Control, places), [], 0.0, timeout_s=0).is_complete
