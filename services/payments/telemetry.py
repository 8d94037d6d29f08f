"""What payments tells: instruments, attribute names and log events. Never anything of the instrument itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labkit.errors import LabError
from labkit.logs import get_logger
from labkit.telemetry import ClosedLabels, counter, set_attributes
from payments.domain import CURRENCIES, METHODS, Payment, PaymentRequest, Problem

log = get_logger("payments")

PAYMENTS = counter("shop.payments", "{payment}", "Payments asked for, by what became of them.")
LABELS = ClosedLabels(
    {
        "payment.method": METHODS,
        "currency": CURRENCIES,
        "outcome": ("authorised", "declined", "invalid", "failed"),
    }
)


@contextmanager
def payment_attempted(asked: PaymentRequest) -> Iterator[None]:
    """Around the call to the provider: a payment that could not be decided is counted as ``failed`` and told once."""
    set_attributes({"order.id": asked.order_id, "payment.method": asked.method})
    try:
        yield
    except LabError as error:
        _count(asked, "failed")
        log.error_event("payment.failed", exc_info=error, **_fields(asked))
        raise


def payment_decided(payment: Payment) -> None:
    """The provider answered."""
    asked = payment.request
    outcome = "authorised" if payment.is_authorised else "declined"
    _count(asked, outcome)
    set_attributes({"payment.transaction_id": payment.transaction_id, "payment.outcome": outcome})
    fields: dict[str, Any] = {"transaction_id": payment.transaction_id, **_fields(asked)}
    if payment.is_authorised:
        log.event("payment.authorised", **fields)
    else:
        log.warning_event("payment.declined", reason=payment.decline_reason, **fields)


def payment_refused(asked: PaymentRequest, problem: Problem) -> None:
    """The instrument was not even worth asking the provider."""
    _count(asked, "invalid")
    set_attributes({"order.id": asked.order_id, "payment.method": asked.method, "payment.outcome": "invalid"})
    log.warning_event("payment.refused", code=problem.code, **_fields(asked))


def _count(asked: PaymentRequest, outcome: str) -> None:
    PAYMENTS.add(1, LABELS.of({"payment.method": asked.method, "currency": asked.currency, "outcome": outcome}))


def _fields(asked: PaymentRequest) -> dict[str, Any]:
    return {
        "order_id": asked.order_id,
        "amount_minor": asked.amount_minor,
        "currency": asked.currency,
        "payment_method": asked.method,
    }
