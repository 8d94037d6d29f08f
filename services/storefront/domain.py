"""The shop's front: carts, what a basket costs, and what came of a checkout."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

MAX_LINES = 50
MAX_QUANTITY = 99
USER_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"
METHODS = ("card", "bank", "crypto")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a cart cannot be changed that way; ``code`` is one of a closed set."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Cart:
    """Quantities by product id, in the order of adding: at most 50 lines of at most 99."""

    quantities: Mapping[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to buy."""
        return not self.quantities

    @property
    def pieces(self) -> int:
        """All quantities together."""
        return sum(self.quantities.values())

    def adding(self, product_id: str, quantity: int) -> "Cart | Refusal":
        """The cart with so many more of a product."""
        return self.setting(product_id, self.quantities.get(product_id, 0) + quantity)

    def setting(self, product_id: str, quantity: int) -> "Cart | Refusal":
        """The cart with exactly so many of a product; 0 takes it out."""
        if quantity > MAX_QUANTITY:
            return Refusal("quantity.too_large", f"A cart holds at most {MAX_QUANTITY} of a product.", "Take fewer.")
        changed = {**self.quantities, product_id: quantity}
        kept = {key: value for key, value in changed.items() if value > 0}
        if len(kept) > MAX_LINES:
            return Refusal(
                "cart.full",
                f"A cart holds at most {MAX_LINES} different products.",
                "Check out, or take something out.",
            )
        return replace(self, quantities=kept)


EMPTY_CART = Cart({})


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of the cart with the price of one, in minor units of the basket's currency."""

    product_id: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True)
class Basket:
    """A cart as the catalogue prices it."""

    currency: str
    lines: tuple[PricedLine, ...]
    total_minor: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is sent to orders. ``payment`` goes on as it came and is never shown, logged or kept."""

    key: str
    user_id: str
    basket: Basket
    method: str
    payment: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Checkout(user_id={self.user_id!r}, basket={self.basket!r}, method={self.method!r})"


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """What came of it; ``is_replay`` when the same key was answered before."""

    order_id: str
    status: str
    total_minor: int
    currency: str
    transaction_id: str
    method: str
    is_replay: bool


def empty_basket(currency: str) -> Basket:
    """The price of nothing."""
    return Basket(currency, (), 0)
