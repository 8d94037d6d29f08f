"""What several services must agree on without sharing code."""

import catalog.domain
import orders.domain
import payments.domain
import storefront.domain
import thirdparty.domain
from orders.routes import KEY as ORDERS_KEY
from payments.clients import TOKEN_FIELDS
from storefront.routes import KEY as STOREFRONT_KEY


def test_every_service_knows_the_same_currencies() -> None:
    """A price in a currency that cannot be charged would fail at the very end of a purchase."""
    known = set(catalog.domain.CURRENCIES)
    assert set(orders.domain.CURRENCY_EXPONENTS) == known
    assert set(payments.domain.CURRENCIES) == set(thirdparty.domain.CURRENCIES) == known
    assert set(storefront.domain.CURRENCIES) == known


def test_currencies_have_the_same_minor_units_in_catalogue_and_orders() -> None:
    """A yen has no cents in either."""
    exponents = {code: currency.exponent for code, currency in catalog.domain.CURRENCIES.items()}
    assert exponents == orders.domain.CURRENCY_EXPONENTS


def test_every_service_knows_the_same_payment_methods() -> None:
    """Card, bank and crypto from the page to the provider."""
    known = set(storefront.domain.METHODS)
    assert set(orders.domain.METHODS) == set(payments.domain.METHODS) == set(thirdparty.domain.TOKEN_FIELDS) == known


def test_payments_sends_tokens_in_the_fields_that_the_provider_reads() -> None:
    """The two ends of one call."""
    assert TOKEN_FIELDS == thirdparty.domain.TOKEN_FIELDS


def test_carts_quotes_and_orders_have_the_same_limits() -> None:
    """What fits into a cart can be priced and bought."""
    assert storefront.domain.MAX_LINES == catalog.domain.MAX_ITEMS == orders.domain.MAX_LINES
    assert storefront.domain.MAX_QUANTITY == catalog.domain.MAX_QUANTITY == orders.domain.MAX_QUANTITY


def test_storefront_and_orders_take_the_same_idempotency_keys() -> None:
    """A key that the storefront lets through is one that orders can use."""
    assert STOREFRONT_KEY.pattern == ORDERS_KEY.pattern
