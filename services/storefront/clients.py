"""The catalogue and orders, as the storefront sees them.

An error that one of them explains (unknown product, declined payment, provider down) is passed on as it is: whoever
reads it wants the cause, not "a peer answered 404".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.app import ApiError
from labkit.http import Client, Response
from storefront.domain import Basket, Cart, Checkout, PlacedOrder, PricedLine

NOT_NOW = frozenset({502, 503, 504})
CATALOG_EXPLAINS = frozenset({404, 422}) | NOT_NOW
ORDERS_EXPLAINS = frozenset({400, 402, 404, 409, 422}) | NOT_NOW
PASSED_HEADERS = ("Retry-After", "Idempotency-Replayed")


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Products as the catalogue describes them (they go to the browser unchanged), and how many there are in all."""

    products: list[dict[str, Any]]
    total: int


class Catalog(Protocol):
    """Products and prices."""

    def search(self, text: str, limit: int, currency: str) -> SearchResult:
        """The best products for a text, the most wanted ones for an empty one."""

    def product(self, product_id: str, currency: str) -> dict[str, Any]:
        """One product; ApiError 404 ``product.unknown``."""

    def price(self, cart: Cart, currency: str) -> Basket:
        """What a cart costs; ApiError 404 ``product.unknown``, 422 ``currency.unknown``."""


class Orders(Protocol):
    """Places orders."""

    def place(self, checkout: Checkout) -> PlacedOrder:
        """Place and pay, once per key; ApiError 402, 409, 422, 502, 503, 504 say what hindered it."""


class HttpCatalog:
    """The catalogue over HTTP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def search(self, text: str, limit: int, currency: str) -> SearchResult:
        """See :class:`Catalog`."""
        params: Mapping[str, str | int] = {"q": text, "limit": limit, "currency": currency}
        found = _explained(self._client.get("/products", params=params, accept=CATALOG_EXPLAINS)).json()
        return SearchResult(found["products"], found["total"])

    def product(self, product_id: str, currency: str) -> dict[str, Any]:
        """See :class:`Catalog`. The route lets only plain ids through, so that an id is always one path segment."""
        response = self._client.get(f"/products/{product_id}", params={"currency": currency}, accept=CATALOG_EXPLAINS)
        product: dict[str, Any] = _explained(response).json()
        return product

    def price(self, cart: Cart, currency: str) -> Basket:
        """See :class:`Catalog`."""
        items = [{"product_id": key, "quantity": quantity} for key, quantity in cart.quantities.items()]
        asked = {"items": items, "currency": currency}
        return _basket(_explained(self._client.post("/quotes", json=asked, accept=CATALOG_EXPLAINS)).json())


class HttpOrders:
    """Orders over HTTP."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def place(self, checkout: Checkout) -> PlacedOrder:
        """See :class:`Orders`."""
        order = {
            "user_id": checkout.user_id,
            "currency": checkout.basket.currency,
            "items": [_order_item(line) for line in checkout.basket.lines],
            "payment": dict(checkout.payment),
        }
        headers = {"Idempotency-Key": checkout.key}
        return _placed(_explained(self._client.post("/orders", json=order, headers=headers, accept=ORDERS_EXPLAINS)))


def _explained(response: Response) -> Response:
    """The response, unless it is an error: then the peer's own explanation as an error of ours."""
    if response.status < 400:
        return response
    error: dict[str, Any] = response.json()["error"]
    headers = {name: response.headers[name] for name in PASSED_HEADERS if name in response.headers}
    raise ApiError(response.status, error["code"], error["message"], error["hint"], error["context"], headers=headers)


def _basket(quote: dict[str, Any]) -> Basket:
    lines = (
        PricedLine(
            item["product_id"],
            item["name"],
            item["quantity"],
            item["unit_price"]["amount_minor"],
            item["line_total"]["amount_minor"],
        )
        for item in quote["items"]
    )
    return Basket(quote["currency"], tuple(lines), quote["total"]["amount_minor"])


def _order_item(line: PricedLine) -> dict[str, object]:
    return {
        "product_id": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "unit_price_minor": line.unit_price_minor,
    }


def _placed(response: Response) -> PlacedOrder:
    order: dict[str, Any] = response.json()
    return PlacedOrder(
        order_id=order["order_id"],
        status=order["status"],
        total_minor=order["total"]["amount_minor"],
        currency=order["total"]["currency"],
        transaction_id=order["payment"]["transaction_id"],
        method=order["payment"]["method"],
        is_replay=response.headers.get("Idempotency-Replayed") == "true",
    )
