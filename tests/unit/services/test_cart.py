"""The cart of the storefront."""

from hypothesis import given
from hypothesis import strategies as st

from storefront.domain import EMPTY_CART, MAX_LINES, MAX_QUANTITY, Cart, Checkout, Refusal, empty_basket

product_ids = st.sampled_from([f"prd-{number:06d}" for number in range(60)])
changes = st.lists(st.tuples(product_ids, st.integers(0, 120), st.booleans()), max_size=120)


@given(changes)
def test_no_sequence_of_changes_makes_a_cart_too_large(sequence: list[tuple[str, int, bool]]) -> None:
    """The cart travels in a cookie: its bounds must hold whatever is asked."""
    cart = EMPTY_CART
    for product_id, quantity, is_adding in sequence:
        changed = cart.adding(product_id, quantity) if is_adding else cart.setting(product_id, quantity)
        cart = cart if isinstance(changed, Refusal) else changed
        assert len(cart.quantities) <= MAX_LINES
        assert all(1 <= pieces <= MAX_QUANTITY for pieces in cart.quantities.values())


def test_adding_twice_adds_up() -> None:
    """Two clicks are two pieces."""
    once = EMPTY_CART.adding("prd-000001", 1)
    assert isinstance(once, Cart)
    assert once.adding("prd-000001", 2) == Cart({"prd-000001": 3})


def test_setting_to_zero_takes_a_product_out() -> None:
    """There are no lines of nothing."""
    assert Cart({"prd-000001": 3}).setting("prd-000001", 0) == EMPTY_CART


def test_the_51st_product_is_refused_with_a_hint() -> None:
    """And the cart stays as it was."""
    full = Cart({str(number): 1 for number in range(MAX_LINES)})
    refusal = full.adding("one more", 1)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, bool(refusal.hint)) == ("cart.full", True)


def test_the_100th_piece_is_refused() -> None:
    """99 of a product at most, however they came together."""
    refusal = Cart({"prd-000001": 99}).adding("prd-000001", 1)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "quantity.too_large"


def test_the_representation_of_a_checkout_hides_the_payment() -> None:
    """It passes through code that may one day log it."""
    checkout = Checkout("key", "ada", empty_basket("EUR"), "card", {"card": {"number": "4242424242424242"}})
    assert "4242" not in repr(checkout)
