"""The payment provider's API, version 1. Each personality of this service has a blueprint of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from labkit.app import ApiError, parse_json, require_choice, require_int, require_str
from thirdparty import domain, telemetry
from thirdparty.domain import Charge, ChargeRequest
from thirdparty.store import ChargeStore

payment_provider = Blueprint("payment_provider", __name__, url_prefix="/payment-provider/v1")


@dataclass(frozen=True, slots=True)
class Deps:
    """What the routes need: the store, and ``think``, which takes as long as a provider takes."""

    charges: ChargeStore
    think: Callable[[], None]


@payment_provider.post("/charges")
def create_charge() -> tuple[Response, int]:
    """Charge an instrument once per reference; a repeated reference answers what the first one answered."""
    asked, kind = _charge_request(parse_json(request))
    _deps().think()
    charge, is_new = _deps().charges.get_or_add(asked.reference, lambda: domain.decide(asked, kind))
    _refuse_other_charge(charge.request, asked)
    telemetry.charge_decided(charge, is_new=is_new)
    return jsonify(_as_json(charge)), 201


@payment_provider.get("/charges/<charge_id>")
def read_charge(charge_id: str) -> Response:
    """One charge by its id, as long as the provider remembers it."""
    charge = _deps().charges.find(charge_id)
    if charge is None:
        raise ApiError(404, "charge.unknown", "There is no charge with this id.", "Only the latest charges are kept.")
    return jsonify(_as_json(charge))


def _charge_request(body: dict[str, Any]) -> tuple[ChargeRequest, str]:
    method = require_choice(body, "method", domain.TOKEN_FIELDS)
    token = require_str(body, domain.TOKEN_FIELDS[method], max_length=100)
    kind = domain.token_kind(method, token)
    if kind is None:
        raise ApiError(
            422,
            "instrument.unknown",
            f"The {method} token is not one of this provider's.",
            "Tokens look like tok_<kind>_<digest>; services/thirdparty/README.md lists the kinds.",
        )
    asked = ChargeRequest(
        reference=require_str(body, "reference", max_length=100),
        amount_minor=require_int(body, "amount_minor", minimum=1, maximum=10**12),
        currency=require_choice(body, "currency", domain.CURRENCIES),
        method=method,
        token=token,
    )
    return asked, kind


def _refuse_other_charge(known: ChargeRequest, asked: ChargeRequest) -> None:
    if not domain.is_same_charge(known, asked):
        raise ApiError(
            409,
            "charge.reference_reused",
            "This reference was used for a charge of another amount, currency or method.",
            "Use one reference for one order.",
            {"reference": asked.reference},
        )


def _as_json(charge: Charge) -> dict[str, object]:
    return {
        "charge_id": charge.charge_id,
        "status": charge.status,
        "decline_reason": charge.decline_reason or None,
        "amount_minor": charge.request.amount_minor,
        "currency": charge.request.currency,
        "method": charge.request.method,
        "reference": charge.request.reference,
    }


def _deps() -> Deps:
    return cast(Deps, current_app.extensions["thirdparty"])
