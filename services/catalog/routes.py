"""The API of the catalogue."""

from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request

from catalog import domain, telemetry
from catalog.domain import Product, Quote
from catalog.store import ProductStore
from labkit.app import ApiError, parse_json, query_int, require_int, require_list, require_str

catalog = Blueprint("catalog", __name__)

MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Deps:
    """What the routes need."""

    products: ProductStore


@catalog.get("/products")
def search_products() -> Response:
    """Products by words, best first; without ``q`` the most wanted ones."""
    text, currency = request.args.get("q", ""), request.args.get("currency", "EUR")
    _refuse_long(text)
    _refuse_unknown_currency(currency)
    words = domain.search_words(text)
    found = _deps().products.search(words, query_int(request, "limit", 20, minimum=1, maximum=100))
    telemetry.products_searched(words, found)
    products = [_product_json(product, currency) for product in found.products]
    return jsonify({"products": products, "total": found.total})


@catalog.get("/products/<product_id>")
def read_product(product_id: str) -> Response:
    """One product."""
    currency = request.args.get("currency", "EUR")
    _refuse_unknown_currency(currency)
    return jsonify(_product_json(_deps().products.find_all([product_id])[product_id], currency))


@catalog.post("/quotes")
def create_quote() -> Response:
    """What a basket costs in a currency."""
    body = parse_json(request)
    currency = require_str(body, "currency", max_length=16)
    _refuse_unknown_currency(currency)
    items = [_item(item) for item in require_list(body, "items", max_items=domain.MAX_ITEMS)]
    products = _deps().products.find_all({product_id for product_id, _ in items})
    quote = domain.quote(products, items, currency)
    telemetry.basket_quoted(quote)
    return jsonify(_quote_json(quote))


def _item(item: object) -> tuple[str, int]:
    fields: dict[str, Any] = item if isinstance(item, dict) else {}
    product_id = require_str(fields, "product_id", max_length=64)
    return product_id, require_int(fields, "quantity", minimum=1, maximum=domain.MAX_QUANTITY)


def _refuse_long(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ApiError(
            422,
            "search.too_long",
            f"The search text is longer than {MAX_TEXT} characters.",
            "Search for a few words.",
            {"field": "q"},
        )


def _refuse_unknown_currency(currency: str) -> None:
    if currency not in domain.CURRENCIES:
        raise ApiError(
            422,
            "currency.unknown",
            "The shop has no prices in this currency.",
            f"Use one of {', '.join(domain.CURRENCIES)}.",
            {"field": "currency"},
        )


def _product_json(product: Product, currency: str) -> dict[str, object]:
    return {
        "id": product.product_id,
        "name": product.name,
        "brand": product.brand,
        "category": product.category,
        "price": _money(domain.price_in(product.price_minor, currency), currency),
        "description": product.description,
    }


def _quote_json(quote: Quote) -> dict[str, object]:
    return {
        "currency": quote.currency,
        "items": [
            {
                "product_id": line.product_id,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": _money(line.unit_price_minor, quote.currency),
                "line_total": _money(line.total_minor, quote.currency),
            }
            for line in quote.lines
        ],
        "total": _money(quote.total_minor, quote.currency),
    }


def _money(amount_minor: int, currency: str) -> dict[str, object]:
    return {"amount_minor": amount_minor, "currency": currency}


def _deps() -> Deps:
    return cast(Deps, current_app.extensions["catalog"])
