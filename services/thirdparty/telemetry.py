"""What the third parties tell: instruments, attribute names and log events."""

from typing import Any

from labkit.logs import get_logger
from labkit.telemetry import ClosedLabels, counter, set_attributes
from thirdparty.domain import CURRENCIES, TOKEN_FIELDS, Charge

log = get_logger("thirdparty")

CHARGES = counter("payment_provider.charges", "{charge}", "Charges asked for, by what became of them.")
LABELS = ClosedLabels(
    {
        "payment.method": tuple(TOKEN_FIELDS),
        "currency": CURRENCIES,
        "outcome": ("accepted", "declined", "repeated"),
    }
)


def charge_decided(charge: Charge, *, is_new: bool) -> None:
    """A charge was decided now, or was known already (``repeated``: counted, and no second event)."""
    request = charge.request
    outcome = charge.status if is_new else "repeated"
    CHARGES.add(1, LABELS.of({"payment.method": request.method, "currency": request.currency, "outcome": outcome}))
    set_attributes({"charge.id": charge.charge_id, "charge.reference": request.reference, "charge.outcome": outcome})
    fields: dict[str, Any] = {
        "charge_id": charge.charge_id,
        "order_id": request.reference,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "payment_method": request.method,
    }
    if not is_new:
        log.event("charge.repeated", **fields)
    elif charge.decline_reason:
        log.warning_event("charge.declined", reason=charge.decline_reason, **fields)
    else:
        log.event("charge.accepted", **fields)
