"""What orders tells: instruments, attribute names and log events."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labkit import correlation
from labkit.errors import LabError
from labkit.logs import get_logger
from labkit.telemetry import ClosedLabels, counter, set_attributes
from orders.domain import CURRENCY_EXPONENTS, METHODS, Order, Status
from orders.store import Settlement

log = get_logger("orders")

ORDERS_PLACED = counter("shop.orders.placed", "{order}", "Attempts to place an order, by what became of them.")
LABELS = ClosedLabels(
    {
        "payment.method": METHODS,
        "currency": tuple(CURRENCY_EXPONENTS),
        "outcome": ("placed", "declined", "rejected", "left_pending", "replayed"),
    }
)
OUTCOMES = {Status.PLACED: "placed", Status.PAYMENT_DECLINED: "declined", Status.PAYMENT_REJECTED: "rejected"}


@contextmanager
def order_worked_on(order: Order) -> Iterator[None]:
    """Around a payment: names the order on every span and line, and tells once when it had to be left pending."""
    correlation.bind(order_id=order.order_id)
    set_attributes(
        {
            "order.id": order.order_id,
            "order.amount_minor": order.total.amount_minor,
            "currency": order.total.currency,
            "payment.method": order.method,
        }
    )
    try:
        yield
    except LabError as error:
        _count(order, "left_pending")
        log.error_event("order.left_pending", exc_info=error, **_fields(order))
        raise


def order_settled(settlement: Settlement) -> None:
    """The payment's result is stored. Only the request that wrote it counts it."""
    order = settlement.order
    outcome = OUTCOMES[order.status]
    set_attributes({"order.outcome": outcome})
    if not settlement.is_first:
        return order_replayed(order)
    _count(order, outcome)
    if order.failure is None:
        return log.event("order.placed", transaction_id=order.transaction_id, **_fields(order))
    return log.warning_event(f"order.{outcome}", code=order.failure.code, **_fields(order))


def order_replayed(order: Order) -> None:
    """The answer is the one that was given before."""
    set_attributes({"order.id": order.order_id, "order.outcome": "replayed"})
    _count(order, "replayed")
    log.event("order.replayed", status=order.status.value, **_fields(order))


def _count(order: Order, outcome: str) -> None:
    ORDERS_PLACED.add(
        1, LABELS.of({"payment.method": order.method, "currency": order.total.currency, "outcome": outcome})
    )


def _fields(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "user_id": order.user_id,
        "amount_minor": order.total.amount_minor,
        "currency": order.total.currency,
        "payment_method": order.method,
    }
