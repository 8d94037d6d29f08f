"""Products, prices in several currencies, quotes, and what a search text means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

MAX_ITEMS = 50
MAX_QUANTITY = 99
MAX_SEARCH_WORDS = 8


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: ``exponent`` decimal places in its minor unit, ``rate`` units of it for one euro."""

    exponent: int
    rate: Decimal


# Fixed rates, so that a price today is the price tomorrow and a test can know it.
CURRENCIES: Mapping[str, Currency] = {
    "EUR": Currency(2, Decimal(1)),
    "USD": Currency(2, Decimal("1.0850")),
    "GBP": Currency(2, Decimal("0.8450")),
    "CHF": Currency(2, Decimal("0.9400")),
    "JPY": Currency(0, Decimal("162.50")),
}
BASE_EXPONENT = 2  # prices are stored in euro cents


@dataclass(frozen=True, slots=True)
class Product:
    """Something to buy; ``price_minor`` in euro cents, ``popularity`` the larger the more wanted."""

    product_id: str
    name: str
    brand: str
    category: str
    description: str
    price_minor: int
    popularity: int = 0


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A product, so many of it, and the price of one in the quote's currency."""

    product_id: str
    name: str
    quantity: int
    unit_price_minor: int

    @property
    def total_minor(self) -> int:
        """The price of the line."""
        return self.quantity * self.unit_price_minor


@dataclass(frozen=True, slots=True)
class Quote:
    """What a basket costs. The price of one is rounded, then multiplied: lines and total add up exactly."""

    currency: str
    lines: tuple[QuotedLine, ...]

    @property
    def total_minor(self) -> int:
        """The sum of all lines."""
        return sum(line.total_minor for line in self.lines)


def price_in(price_minor: int, currency: str) -> int:
    """Euro cents in minor units of another currency, at least 1. A half goes to the even neighbour (IEEE 754)."""
    target = CURRENCIES[currency]
    amount = Decimal(price_minor) * target.rate * Decimal(10) ** (target.exponent - BASE_EXPONENT)
    return max(1, int(amount.to_integral_value(ROUND_HALF_EVEN)))


def quote(products: Mapping[str, Product], items: Sequence[tuple[str, int]], currency: str) -> Quote:
    """The price of ``items`` (product id, quantity) in their order; every product must be in ``products``."""
    lines = (_line(products[product_id], quantity, currency) for product_id, quantity in items)
    return Quote(currency, tuple(lines))


def search_words(text: str) -> tuple[str, ...]:
    """The words of a search text: letters and digits only, so that no operator of a query language is left."""
    return tuple(re.findall(r"[^\W_]+", text.lower())[:MAX_SEARCH_WORDS])


def _line(product: Product, quantity: int, currency: str) -> QuotedLine:
    return QuotedLine(product.product_id, product.name, quantity, price_in(product.price_minor, currency))
