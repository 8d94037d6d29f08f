"""The API of payments."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from labkit.app import ApiError, parse_json, require_choice, require_int, require_object, require_str
from payments import domain, telemetry
from payments.clients import PaymentProvider
from payments.domain import Instrument, Payment, PaymentRequest

payments = Blueprint("payments", __name__)


@dataclass(frozen=True, slots=True)
class Deps:
    """What the routes need. ``token_key`` lives as long as the process: tokens cannot be traced back after it."""

    provider: PaymentProvider
    today: Callable[[], date]
    token_key: bytes


@payments.post("/payments")
def create_payment() -> tuple[Response, int]:
    """Take the money of one order, once. 402 when the provider declines, 422 when the instrument is malformed."""
    body = parse_json(request)
    asked = _payment_request(body)
    instrument = _instrument(asked.method, require_object(body, "instrument"))
    _refuse_malformed(asked, instrument)
    with telemetry.payment_attempted(asked):
        payment = _deps().provider.charge(asked, instrument.token(_deps().token_key))
    telemetry.payment_decided(payment)
    _refuse_declined(payment)
    return jsonify(_as_json(payment)), 201


@payments.get("/payments/<transaction_id>")
def read_payment(transaction_id: str) -> Response:
    """One payment, asked of the provider: this service keeps nothing."""
    return jsonify(_as_json(_deps().provider.find(transaction_id)))


def _payment_request(body: dict[str, Any]) -> PaymentRequest:
    return PaymentRequest(
        order_id=require_str(body, "order_id", max_length=64, pattern=r"[A-Za-z0-9_-]+"),
        amount_minor=require_int(body, "amount_minor", minimum=1, maximum=10**12),
        currency=require_choice(body, "currency", domain.CURRENCIES),
        method=require_choice(body, "method", domain.METHODS),
    )


def _instrument(method: str, details: dict[str, Any]) -> Instrument:
    if method == "card":
        card = require_object(details, "card")
        fields = {name: require_str(card, name, max_length=40) for name in ("number", "expiry", "cvc")}
    else:
        name = "iban" if method == "bank" else "wallet"
        fields = {name: require_str(details, name, max_length=100)}
    return domain.instrument_of(method, fields)


def _refuse_malformed(asked: PaymentRequest, instrument: Instrument) -> None:
    problem = instrument.problem(_deps().today())
    if problem is not None:
        telemetry.payment_refused(asked, problem)
        raise ApiError(422, problem.code, problem.message, problem.hint, {"field": problem.field})


def _refuse_declined(payment: Payment) -> None:
    if not payment.is_authorised:
        raise ApiError(
            402,
            "payment.declined",
            f"The payment was declined: {payment.decline_reason.replace('_', ' ')}.",
            "Use another payment method.",
            {"reason": payment.decline_reason, "transaction_id": payment.transaction_id},
        )


def _as_json(payment: Payment) -> dict[str, object]:
    asked = payment.request
    return {
        "transaction_id": payment.transaction_id,
        "order_id": asked.order_id,
        "status": "authorised" if payment.is_authorised else "declined",
        "decline_reason": payment.decline_reason or None,
        "method": asked.method,
        "amount": {"amount_minor": asked.amount_minor, "currency": asked.currency},
    }


def _deps() -> Deps:
    return cast(Deps, current_app.extensions["payments"])
