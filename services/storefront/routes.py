"""The shop: its page and its API."""

import re
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from labkit import correlation
from labkit.app import ApiError, parse_json, query_int, require_choice, require_int, require_object, require_str
from storefront import domain, guard, store, telemetry
from storefront.clients import Catalog, Orders
from storefront.domain import Basket, Cart, Checkout, PlacedOrder, Refusal

shop = Blueprint("shop", __name__, url_prefix="/shop", static_folder="static", template_folder="templates")
shop.before_request(guard.refuse_other_sites)
shop.after_request(guard.add_security_headers)

KEY = re.compile(r"[A-Za-z0-9._:-]{8,128}")
PRODUCT_ID = re.compile(r"[a-z0-9-]{1,64}")
# What may travel on as payment; whatever else a caller sends along stays here.
PAYMENT_FIELDS = {"card": "card", "bank": "iban", "crypto": "wallet"}


@shop.before_request
def name_visitor() -> None:
    """Let every line of this request say whose it is."""
    user_id = store.user_or_none()
    if user_id is not None:
        telemetry.visitor_known(user_id)


@dataclass(frozen=True, slots=True)
class Deps:
    """What the routes need."""

    catalog: Catalog
    orders: Orders


@shop.get("")
@shop.get("/")
def page() -> str:
    """The shop in the browser."""
    return render_template("shop.html", user=store.user_or_none(), currencies=domain.CURRENCIES)


@shop.post("/api/login")
def log_in() -> Response:
    """Begin a journey under a name; there are no passwords in this shop."""
    user_id = require_str(parse_json(request), "user", max_length=32, pattern=domain.USER_PATTERN)
    correlation_id = correlation.current() or correlation.new_id()
    store.log_in(user_id, correlation_id)
    telemetry.user_logged_in(user_id)
    return jsonify({"user": user_id, "correlation_id": correlation_id})


@shop.post("/api/logout")
def log_out() -> Response:
    """End the journey."""
    store.log_out()
    return jsonify({"user": None})


@shop.get("/api/products")
def search_products() -> Response:
    """Products by words, best first."""
    text = request.args.get("q", "")
    limit = query_int(request, "limit", 20, minimum=1, maximum=100)
    found = _deps().catalog.search(text, limit, _query_currency())
    telemetry.products_searched(text, found)
    return jsonify({"products": found.products, "total": found.total})


@shop.get("/api/products/<product_id>")
def read_product(product_id: str) -> Response:
    """One product."""
    _refuse_odd_id(product_id)
    product = _deps().catalog.product(product_id, _query_currency())
    telemetry.product_viewed(product_id)
    return jsonify(product)


@shop.get("/api/cart")
def read_cart() -> Response:
    """The cart, priced."""
    store.user()
    return _cart_answer(store.cart(), _query_currency())


@shop.post("/api/cart")
def add_to_cart() -> Response:
    """Put so many more of a product into the cart."""
    store.user()
    body = parse_json(request)
    product_id = require_str(body, "product_id", max_length=64)
    quantity = require_int(body, "quantity", minimum=1, maximum=domain.MAX_QUANTITY)
    changed = _accepted(store.cart().adding(product_id, quantity))
    answer = _cart_answer(changed, _query_currency())
    store.keep_cart(changed)
    telemetry.cart_item_added(product_id, quantity, changed)
    return answer


@shop.put("/api/cart/<product_id>")
def change_cart(product_id: str) -> Response:
    """Have exactly so many of a product in the cart; 0 takes it out."""
    store.user()
    quantity = require_int(parse_json(request), "quantity", minimum=0, maximum=domain.MAX_QUANTITY)
    changed = _accepted(store.cart().setting(product_id, quantity))
    answer = _cart_answer(changed, _query_currency())
    store.keep_cart(changed)
    telemetry.cart_item_changed(product_id, quantity, changed)
    return answer


@shop.delete("/api/cart")
def empty_cart() -> Response:
    """Throw the cart away."""
    store.user()
    telemetry.cart_emptied(store.cart())
    store.keep_cart(domain.EMPTY_CART)
    return _cart_answer(domain.EMPTY_CART, _query_currency())


@shop.post("/api/checkout")
def check_out() -> tuple[Response, int, dict[str, str]]:
    """Buy what is in the cart, once per Idempotency-Key."""
    user_id, key, body = store.user(), _idempotency_key(), parse_json(request)
    method, payment = _payment(require_object(body, "payment"))
    currency = require_str(body, "currency", max_length=16)
    with telemetry.checkout_attempted(method, currency):
        cart = _filled(store.cart_for(key))
        basket = _deps().catalog.price(cart, currency)
        telemetry.basket_priced(basket)
        checkout = Checkout(key, user_id, basket, method, payment)
        order = _deps().orders.place(checkout)
    store.checked_out(key, cart)
    telemetry.checkout_completed(checkout, order)
    return jsonify(_order_json(order)), 201, _replay_header(order)


def _cart_answer(cart: Cart, currency: str) -> Response:
    basket = domain.empty_basket(currency) if cart.is_empty else _deps().catalog.price(cart, currency)
    telemetry.basket_priced(basket)
    return jsonify(_basket_json(basket, cart))


def _accepted(changed: Cart | Refusal) -> Cart:
    if isinstance(changed, Refusal):
        raise ApiError(422, changed.code, changed.message, changed.hint)
    return changed


def _filled(cart: Cart) -> Cart:
    if cart.is_empty:
        raise ApiError(422, "cart.empty", "The cart is empty.", "Put something into it with POST /shop/api/cart.")
    return cart


def _idempotency_key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if KEY.fullmatch(key):
        return key
    raise ApiError(
        400,
        "idempotency.key_invalid" if key else "idempotency.key_missing",
        "A checkout needs an Idempotency-Key header of 8 to 128 letters, digits, dots, colons, hyphens or underscores.",
        "Make a new UUID for each purchase, and send the same one when you repeat the request.",
    )


def _payment(asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    method = require_choice(asked, "method", domain.METHODS)
    field = PAYMENT_FIELDS[method]
    detail = require_object(asked, field) if method == "card" else require_str(asked, field, max_length=100)
    return method, {"method": method, field: detail}


def _query_currency() -> str:
    currency = request.args.get("currency", "EUR")
    if currency not in domain.CURRENCIES:
        raise ApiError(
            422,
            "currency.unknown",
            "The shop has no prices in this currency.",
            f"Use one of {', '.join(domain.CURRENCIES)}.",
            {"field": "currency"},
        )
    return currency


def _refuse_odd_id(product_id: str) -> None:
    if not PRODUCT_ID.fullmatch(product_id):
        raise ApiError(404, "product.unknown", "The catalogue has no product with this id.", "Search for one.")


def _basket_json(basket: Basket, cart: Cart) -> dict[str, object]:
    return {
        "items": [
            {
                "product_id": line.product_id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": _money(line.unit_price_minor, basket.currency),
                "line_total": _money(line.total_minor, basket.currency),
            }
            for line in basket.lines
        ],
        "pieces": cart.pieces,
        "total": _money(basket.total_minor, basket.currency),
    }


def _order_json(order: PlacedOrder) -> dict[str, object]:
    return {
        "order_id": order.order_id,
        "status": order.status,
        "total": _money(order.total_minor, order.currency),
        "payment": {"transaction_id": order.transaction_id, "method": order.method},
    }


def _replay_header(order: PlacedOrder) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if order.is_replay else {}


def _money(amount_minor: int, currency: str) -> dict[str, object]:
    return {"amount_minor": amount_minor, "currency": currency}


def _deps() -> Deps:
    return cast(Deps, current_app.extensions["storefront"])
