"""A customer of the shop, by the same API that the page in the browser uses."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from labkit.errors import CannotTell, LabError

# The published test number of card networks; it passes Luhn's check and belongs to nobody.
TEST_CARD: Mapping[str, str] = {"number": "4242424242424242", "expiry": "12/39", "cvc": "123"}
CARD_PAYMENT: Mapping[str, object] = {"method": "card", "card": TEST_CARD}
CURRENCY = "EUR"


class ShopRefused(LabError):
    """The shop answered, and not with what a customer wants. ``context`` holds status and answer."""


@dataclass(frozen=True)
class Placed:
    """An order that the shop has confirmed, with the ids under which it can be found."""

    order_id: str
    trace_id: str
    correlation_id: str
    amount_minor: int
    currency: str
    answer: Mapping[str, Any]


class Shopper:
    """One customer with a session of its own. Not for several threads at once.

    ``trace_ids``: of every answer so far, in order.
    """

    def __init__(self, url: str, user: str | None = None, *, timeout_s: float = 15.0) -> None:
        self._base = f"{url}/shop/api"
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self._session.trust_env = False
        self.user = user or f"shopper-{uuid.uuid4().hex[:10]}"
        self.correlation_id = ""
        self.trace_ids: list[str] = []

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any request to the shop, whatever its status. Raises CannotTell when no answer comes."""
        try:
            answer = self._session.request(method, self._base + path, timeout=self._timeout_s, **options)
        except requests.RequestException as error:
            raise CannotTell(f"{method} {self._base}{path}: {error}", "lab status") from error
        self.trace_ids.append(trace_id_in(answer))
        return answer

    def login(self) -> None:
        """Begin a session."""
        self.correlation_id = str(self._wanted("POST", "/login", json={"user": self.user})["correlation_id"])

    def search(self, words: str = "", limit: int = 5) -> list[Mapping[str, Any]]:
        """Products that match."""
        found = self._wanted("GET", "/products", params={"q": words, "limit": limit})["products"]
        return list(found)

    def put_in_cart(self, product_id: str, quantity: int = 1) -> None:
        """Add to the cart."""
        self._wanted("POST", "/cart", json={"product_id": product_id, "quantity": quantity})

    def check_out(self, payment: Mapping[str, object] = CARD_PAYMENT, key: str | None = None) -> Placed:
        """Pay for what is in the cart."""
        answer = self.send(
            "POST",
            "/checkout",
            json={"payment": payment, "currency": CURRENCY},
            headers={"Idempotency-Key": key or str(uuid.uuid4())},
        )
        if answer.status_code != 201:
            raise _refusal("POST", "/checkout", answer)
        body = answer.json()
        return Placed(
            order_id=str(body["order_id"]),
            trace_id=trace_id_in(answer),
            correlation_id=answer.headers.get("X-Correlation-ID", ""),
            amount_minor=int(body["total"]["amount_minor"]),
            currency=str(body["total"]["currency"]),
            answer=body,
        )

    def buy_something(self, payment: Mapping[str, object] = CARD_PAYMENT) -> Placed:
        """The whole way: log in, search, fill the cart, check out."""
        self.login()
        products = self.search()
        if not products:
            raise ShopRefused("The shop has no products.", "lab logs search service=catalog")
        self.put_in_cart(str(products[0]["id"]))
        return self.check_out(payment)

    def _wanted(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        answer = self.send(method, path, **options)
        if answer.status_code >= 300:
            raise _refusal(method, path, answer)
        found = answer.json()
        assert isinstance(found, dict)  # noqa: S101 - the shop answers objects only
        return found


def trace_id_in(answer: requests.Response) -> str:
    """The trace id in the answer's ``traceresponse`` header (``00-<trace>-<span>-01``), or ""."""
    parts = answer.headers.get("traceresponse", "").split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else ""


def _refusal(method: str, path: str, answer: requests.Response) -> ShopRefused:
    text = answer.text[:500]
    context = {"status": answer.status_code, "answer": text}
    return ShopRefused(f"The shop answered {answer.status_code} to {method} {path}: {text}", "", context)
