"""What the storefront tells: instruments, attribute names and log events of a visitor's journey."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labkit import correlation
from labkit.app import ApiError
from labkit.logs import get_logger
from labkit.telemetry import ClosedLabels, counter, histogram, set_attributes
from storefront.clients import SearchResult
from storefront.domain import CURRENCIES, METHODS, Basket, Cart, Checkout, PlacedOrder

log = get_logger("storefront")

LOGINS = counter("shop.logins", "{login}", "Logins.")
CART_ITEMS = counter("shop.cart.items", "{item}", "Pieces put into carts.")
CHECKOUTS = counter("shop.checkouts", "{checkout}", "Checkouts, by what became of them.")
CHECKOUT_LINES = histogram(
    "shop.checkout.lines", "{line}", "Lines of a basket that was bought.", (1, 2, 3, 5, 10, 20, 50)
)
LABELS = ClosedLabels(
    {
        "payment.method": METHODS,
        "currency": CURRENCIES,
        "outcome": ("completed", "replayed", "refused", "failed"),
    }
)


def visitor_known(user_id: str) -> None:
    """The visitor of this request has logged in before: every line and the span say who."""
    correlation.bind(user_id=user_id)
    set_attributes({"user.id": user_id})


def user_logged_in(user_id: str) -> None:
    """A journey begins."""
    LOGINS.add(1)
    visitor_known(user_id)
    log.event("user.logged_in", user_id=user_id)


def products_searched(text: str, found: SearchResult) -> None:
    """Somebody looks around."""
    set_attributes({"search.total": found.total, "search.returned": len(found.products)})
    log.event("products.searched", query=text[:80], total=found.total, returned=len(found.products))


def product_viewed(product_id: str) -> None:
    """Somebody looks at one product."""
    set_attributes({"product.id": product_id})
    log.event("product.viewed", product_id=product_id)


def cart_item_added(product_id: str, quantity: int, cart: Cart) -> None:
    """Something went into the cart."""
    CART_ITEMS.add(quantity)
    _cart_attributes(product_id, cart)
    log.event(
        "cart.item_added", product_id=product_id, quantity=quantity, lines=len(cart.quantities), pieces=cart.pieces
    )


def cart_item_changed(product_id: str, quantity: int, cart: Cart) -> None:
    """There is now another quantity of it in the cart; 0: it was taken out."""
    _cart_attributes(product_id, cart)
    log.event(
        "cart.item_changed", product_id=product_id, quantity=quantity, lines=len(cart.quantities), pieces=cart.pieces
    )


def cart_emptied(cart: Cart) -> None:
    """The cart was thrown away, with so many lines in it."""
    log.event("cart.emptied", lines=len(cart.quantities), pieces=cart.pieces)


@contextmanager
def checkout_attempted(method: str, currency: str) -> Iterator[None]:
    """Around a checkout: counts and tells once that it did not come about (refused: the visitor can mend it)."""
    set_attributes({"payment.method": method, "currency": currency})
    try:
        yield
    except ApiError as error:
        outcome = "refused" if error.status < 500 else "failed"
        _count(method, currency, outcome)
        fields: dict[str, Any] = {"code": error.code, "payment_method": method, "currency": currency}
        if outcome == "refused":
            log.warning_event("checkout.refused", **fields)
        else:
            log.error_event("checkout.failed", exc_info=error, **fields)
        raise


def checkout_completed(checkout: Checkout, order: PlacedOrder) -> None:
    """The order is placed and paid."""
    _count(checkout.method, order.currency, "replayed" if order.is_replay else "completed")
    if not order.is_replay:
        CHECKOUT_LINES.record(len(checkout.basket.lines))
    set_attributes({"order.id": order.order_id, "order.amount_minor": order.total_minor})
    log.event(
        "checkout.replayed" if order.is_replay else "checkout.completed",
        order_id=order.order_id,
        amount_minor=order.total_minor,
        currency=order.currency,
        payment_method=order.method,
        lines=len(checkout.basket.lines),
    )


def basket_priced(basket: Basket) -> None:
    """What the cart costs now."""
    set_attributes({"basket.amount_minor": basket.total_minor, "basket.lines": len(basket.lines)})


def _cart_attributes(product_id: str, cart: Cart) -> None:
    set_attributes({"product.id": product_id, "cart.lines": len(cart.quantities), "cart.pieces": cart.pieces})


def _count(method: str, currency: str, outcome: str) -> None:
    CHECKOUTS.add(1, LABELS.of({"payment.method": method, "currency": currency, "outcome": outcome}))
