"""What customers and programs send wrongly: each a clear error in the one shape, none a fault of the shop."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from labctl.prove.shopper import CARD_PAYMENT, TEST_CARD, Shopper

MB = 1_000_000


@dataclass(frozen=True)
class Bad:
    """A request and the status it must get."""

    method: str
    path: str
    status: int
    options: dict[str, Any] = field(default_factory=dict)


def checkout(body: object, **headers: str) -> dict[str, Any]:
    """A checkout's options with an Idempotency-Key unless told otherwise."""
    return {"json": body, "headers": {"Idempotency-Key": str(uuid.uuid4()), **headers}}


WRONG = {
    "unknown product to look at": Bad("GET", "/products/no-such-product", 404),
    "unknown product into the cart": Bad(
        "POST", "/cart", 404, {"json": {"product_id": "no-such-product", "quantity": 1}}
    ),
    "no such path": Bad("GET", "/no-such-path", 404),
    "wrong method": Bad("PUT", "/checkout", 405, {"json": {}}),
    "bad JSON": Bad("POST", "/cart", 400, {"data": b"{", "headers": {"Content-Type": "application/json"}}),
    "JSON that is no object": Bad("POST", "/cart", 400, {"json": [1, 2]}),
    "no JSON at all": Bad("POST", "/cart", 415, {"data": b"a=1", "headers": {"Content-Type": "text/plain"}}),
    "missing field": Bad("POST", "/cart", 422, {"json": {"quantity": 1}}),
    "quantity as text": Bad("POST", "/cart", 422, {"json": {"product_id": "p", "quantity": "1"}}),
    "limit that is no number": Bad("GET", "/products", 422, {"params": {"limit": "many"}}),
    "empty user": Bad("POST", "/login", 422, {"json": {"user": ""}}),
}
# With a product in the cart, so that nothing else can be what is refused.
WRONG_CHECKOUTS = {
    "currency that is none": Bad("POST", "/checkout", 422, checkout({"payment": CARD_PAYMENT, "currency": "EURO"})),
    "currency that is not taken": Bad("POST", "/checkout", 422, checkout({"payment": CARD_PAYMENT, "currency": "XAU"})),
    "unknown way to pay": Bad("POST", "/checkout", 422, checkout({"payment": {"method": "barter"}, "currency": "EUR"})),
    "card number that is none": Bad(
        "POST",
        "/checkout",
        422,
        checkout(
            {"payment": {"method": "card", "card": {**TEST_CARD, "number": "4242424242424241"}}, "currency": "EUR"}
        ),
    ),
    "no Idempotency-Key": Bad("POST", "/checkout", 400, {"json": {"payment": CARD_PAYMENT, "currency": "EUR"}}),
}


def assert_one_error_shape(body: Any) -> None:
    """The one JSON error shape, with the ids under which an operator finds the request, and no trace of Python."""
    error = body["error"]
    assert {"code", "message", "hint", "context", "trace_id", "correlation_id"} <= error.keys()
    assert error["message"]
    assert len(error["trace_id"]) == 32
    assert "Traceback" not in str(body)


@pytest.mark.parametrize("name", WRONG)
def test_bad_request_is_refused(shopper: Shopper, name: str) -> None:
    """Wrong input gets its own status and the one error shape."""
    bad = WRONG[name]
    answer = shopper.send(bad.method, bad.path, **bad.options)
    assert answer.status_code == bad.status, answer.text[:500]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert_one_error_shape(answer.json())


@pytest.mark.parametrize("path", ["/login", "/cart", "/checkout"])
def test_body_of_10_mb_is_refused(shopper: Shopper, path: str) -> None:
    """The gateway turns it away before a service reads it, in the one error shape; no request, so no trace."""
    answer = shopper.send("POST", path, data=b"x" * (10 * MB), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text[:500]
    assert {"message", "hint", "context"} <= answer.json()["error"].keys()


@pytest.mark.parametrize("quantity", [-1, 0, 1_000_000_000, 1.5, True])
def test_impossible_quantity_is_refused(shopper: Shopper, quantity: object) -> None:
    """A quantity is a small positive whole number."""
    product_id = str(shopper.search()[0]["id"])
    answer = shopper.send("POST", "/cart", json={"product_id": product_id, "quantity": quantity})
    assert answer.status_code == 422, answer.text[:500]
    assert_one_error_shape(answer.json())


@pytest.mark.parametrize("name", WRONG_CHECKOUTS)
def test_bad_checkout_is_refused(shopper: Shopper, name: str) -> None:
    """Nothing is bought with a wrong currency, a wrong instrument or without a key."""
    shopper.put_in_cart(str(shopper.search()[0]["id"]))
    bad = WRONG_CHECKOUTS[name]
    answer = shopper.send(bad.method, bad.path, **bad.options)
    assert answer.status_code == bad.status, answer.text[:500]
    assert_one_error_shape(answer.json())
    assert str(TEST_CARD["number"])[:15] not in answer.text


def test_empty_cart_cannot_be_checked_out(shopper: Shopper) -> None:
    """There is nothing to pay for, and the shop says so."""
    answer = shopper.send("POST", "/checkout", **checkout({"payment": CARD_PAYMENT, "currency": "EUR"}))
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert_one_error_shape(answer.json())


def test_stranger_cannot_check_out(world: Any) -> None:
    """Without a login there is no customer."""
    stranger = Shopper(world.lab.url)
    answer = stranger.send("POST", "/checkout", **checkout({"payment": CARD_PAYMENT, "currency": "EUR"}))
    assert answer.status_code in (401, 403), answer.text[:500]
    assert_one_error_shape(answer.json())
