"""The API of orders."""

import re
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from labkit.app import ApiError, parse_json, require_choice, require_int, require_list, require_object, require_str
from orders import domain, telemetry
from orders.clients import Payments
from orders.domain import Failure, Instrument, Line, Order, OrderRequest, Status
from orders.store import Claim, OrderStore, held

orders = Blueprint("orders", __name__)

KEY = re.compile(r"[A-Za-z0-9._:-]{8,128}")
REPLAYED = {"Idempotency-Replayed": "true"}
FAILURE_STATUS = {Status.PAYMENT_DECLINED: 402, Status.PAYMENT_REJECTED: 422}


@dataclass(frozen=True, slots=True)
class Deps:
    """What the routes need."""

    store: OrderStore
    payments: Payments


@orders.post("/orders")
def place_order() -> tuple[Response, int, dict[str, str]]:
    """Place and pay an order, once per Idempotency-Key."""
    key = _idempotency_key()
    asked = _order_request(parse_json(request))
    claim = _deps().store.claim(key, asked)
    if claim.until is None:
        telemetry.order_replayed(claim.order)
        return _answer(claim.order, REPLAYED)
    return _answer(_pay(claim, asked.instrument), {})


@orders.get("/orders/<order_id>")
def read_order(order_id: str) -> Response:
    """One order with its lines."""
    return jsonify(_as_json(_deps().store.find(order_id)))


def _pay(claim: Claim, instrument: Instrument) -> Order:
    with telemetry.order_worked_on(claim.order), held(_deps().store, claim):
        result = _deps().payments.pay(claim.order, instrument)
        settlement = _deps().store.settle(claim, result)
    telemetry.order_settled(settlement)
    return settlement.order


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if KEY.fullmatch(key):
        return key
    raise ApiError(
        400,
        "idempotency.key_invalid" if key else "idempotency.key_missing",
        "An order needs an Idempotency-Key header of 8 to 128 letters, digits, dots, colons, hyphens or underscores.",
        "Make a new UUID for each order, and send the same one when you repeat the request.",
    )


def _order_request(body: dict[str, Any]) -> OrderRequest:
    return OrderRequest(
        user_id=require_str(body, "user_id", max_length=64),
        currency=_currency(body),
        lines=tuple(_line(item) for item in require_list(body, "items", max_items=domain.MAX_LINES)),
        instrument=_instrument(require_object(body, "payment")),
    )


def _currency(body: dict[str, Any]) -> str:
    currency = require_str(body, "currency", max_length=16)
    if currency in domain.CURRENCY_EXPONENTS:
        return currency
    raise ApiError(
        422,
        "currency.unknown",
        "The shop does not take this currency.",
        f"Use one of {', '.join(domain.CURRENCY_EXPONENTS)}.",
        {"field": "currency"},
    )


def _line(item: object) -> Line:
    fields = item if isinstance(item, dict) else {}
    return Line(
        product_id=require_str(fields, "product_id", max_length=64),
        name=require_str(fields, "name", max_length=200),
        quantity=require_int(fields, "quantity", minimum=1, maximum=domain.MAX_QUANTITY),
        unit_price_minor=require_int(fields, "unit_price_minor", minimum=1, maximum=10**9),
    )


def _instrument(payment: dict[str, Any]) -> Instrument:
    method = require_choice(payment, "method", domain.METHODS)
    details: dict[str, Any]
    if method == "card":
        card = require_object(payment, "card")
        secret = require_str(card, "number", max_length=40)
        details = {"card": {name: require_str(card, name, max_length=40) for name in ("number", "expiry", "cvc")}}
    else:
        name = "iban" if method == "bank" else "wallet"
        secret = require_str(payment, name, max_length=100)
        details = {name: secret}
    return Instrument(method, details, last_four="".join(secret.split())[-4:])


def _answer(order: Order, headers: dict[str, str]) -> tuple[Response, int, dict[str, str]]:
    if order.failure is not None:
        raise _as_error(order, order.failure, headers)
    return jsonify(_as_json(order)), 201, headers


def _as_error(order: Order, failure: Failure, headers: dict[str, str]) -> ApiError:
    context = {"order_id": order.order_id, "status": order.status.value}
    return ApiError(FAILURE_STATUS[order.status], failure.code, failure.message, failure.hint, context, headers=headers)


def _as_json(order: Order) -> dict[str, object]:
    return {
        "order_id": order.order_id,
        "status": order.status.value,
        "user_id": order.user_id,
        "total": {"amount_minor": order.total.amount_minor, "currency": order.total.currency},
        "payment": {"transaction_id": order.transaction_id, "method": order.method},
        "items": [
            {
                "product_id": line.product_id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price_minor": line.unit_price_minor,
            }
            for line in order.lines
        ],
        "created_at": order.created_at.isoformat(),
    }


def _deps() -> Deps:
    return cast(Deps, current_app.extensions["orders"])
