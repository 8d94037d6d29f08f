"""Money: exact, in minor units, rounded to even."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import domain as catalog
from orders.domain import Instrument, Line, Money, OrderRequest

prices = st.integers(1, 10**9)
currencies = st.sampled_from(sorted(catalog.CURRENCIES))


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        pytest.param(Money(123_456, "EUR"), "1234.56 EUR", id="cents"),
        pytest.param(Money(5, "USD"), "0.05 USD", id="less than one"),
        pytest.param(Money(-5, "GBP"), "-0.05 GBP", id="negative"),
        pytest.param(Money(980, "JPY"), "980 JPY", id="no minor unit"),
    ],
)
def test_money_is_shown_with_the_decimals_of_its_currency(money: Money, shown: str) -> None:
    """A reader must not have to know that yen have no cents."""
    assert str(money) == shown


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "USD", "GBP", "CHF"]))
def test_shown_money_reads_back_as_the_same_amount(amount_minor: int, currency: str) -> None:
    """The text is exact for every amount."""
    number, code = str(Money(amount_minor, currency)).split()
    assert (Decimal(number) * 100, code) == (amount_minor, currency)


@given(prices)
def test_a_price_in_the_base_currency_is_itself(price_minor: int) -> None:
    """Euro to euro changes nothing."""
    assert catalog.price_in(price_minor, "EUR") == price_minor


@given(prices, currencies)
def test_a_converted_price_is_at_most_half_a_unit_off(price_minor: int, currency: str) -> None:
    """Rounding is to the nearest minor unit, and never down to nothing."""
    target = catalog.CURRENCIES[currency]
    exact = Decimal(price_minor) * target.rate * Decimal(10) ** (target.exponent - 2)
    converted = catalog.price_in(price_minor, currency)
    assert converted >= 1
    assert converted == 1 or abs(Decimal(converted) - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("price_minor", "expected"),
    [pytest.param(100, 108, id="108.5 goes down to 108"), pytest.param(300, 326, id="325.5 goes up to 326")],
)
def test_a_half_goes_to_the_even_neighbour(price_minor: int, expected: int) -> None:
    """At 1.085 dollars a euro, whole euros meet halves; half to even does not favour the shop."""
    assert catalog.price_in(price_minor, "USD") == expected


@given(st.lists(st.tuples(st.integers(1, 99), prices), min_size=1, max_size=50), currencies)
def test_a_quote_adds_up_in_every_currency(items: list[tuple[int, int]], currency: str) -> None:
    """The total is the sum of the lines, and each line its quantity times the price of one: no cent appears."""
    products = {str(i): catalog.Product(str(i), "n", "b", "c", "d", price) for i, (_, price) in enumerate(items)}
    quote = catalog.quote(products, [(str(i), quantity) for i, (quantity, _) in enumerate(items)], currency)
    assert quote.total_minor == sum(line.quantity * line.unit_price_minor for line in quote.lines)


@given(st.lists(st.tuples(st.integers(1, 99), prices), min_size=1, max_size=50))
def test_an_order_costs_what_its_lines_cost(items: list[tuple[int, int]]) -> None:
    """The amount that is charged is computed from the lines that are stored."""
    lines = tuple(Line(str(i), "n", quantity, price) for i, (quantity, price) in enumerate(items))
    request = OrderRequest("ada", "EUR", lines, Instrument("card", {}, "4242"))
    assert request.total == Money(sum(quantity * price for quantity, price in items), "EUR")
