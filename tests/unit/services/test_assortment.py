"""The generated products, and what a search text means."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import assortment
from catalog.domain import MAX_SEARCH_WORDS, Product, search_words
from catalog.settings import Settings

SEED = 20_261


@pytest.fixture(scope="module")
def products() -> list[Product]:
    """The assortment that the service loads by default."""
    return list(assortment.products(Settings.__dataclass_fields__["products"].default, SEED))


def test_there_are_more_than_20_000_products_each_with_a_name_of_its_own(products: list[Product]) -> None:
    """Enough for a search to mean something."""
    assert len(products) >= 20_000
    assert len({product.name for product in products}) == len(products)
    assert len({product.product_id for product in products}) == len(products)


def test_the_same_seed_makes_the_same_products() -> None:
    """A test and a workshop can rely on what is there."""
    assert list(assortment.products(500, SEED)) == list(assortment.products(500, SEED))
    assert list(assortment.products(500, SEED)) != list(assortment.products(500, SEED + 1))


def test_every_category_is_well_filled_and_every_price_plausible(products: list[Product]) -> None:
    """No shelf is empty and nothing is free."""
    by_category = Counter(product.category for product in products)
    assert min(by_category.values()) >= 500
    assert set(by_category) == {department.name for department in assortment.DEPARTMENTS}
    assert all(300 <= product.price_minor <= 150_000 for product in products)


def test_the_version_names_everything_that_changes_the_products() -> None:
    """Otherwise a service would keep an old assortment."""
    assert len({assortment.version(1, 1), assortment.version(2, 1), assortment.version(1, 2)}) == 3


def test_more_products_than_words_can_make_are_refused() -> None:
    """The sampling says so instead of repeating names."""
    with pytest.raises(ValueError, match="larger than population"):
        list(assortment.products(assortment.capacity() + 1, SEED))


@given(st.text())
def test_no_search_text_brings_an_operator_of_the_query_language(text: str) -> None:
    """Words are letters and digits only: quotes, colons, brackets and backslashes never reach the database."""
    words = search_words(text)
    assert len(words) <= MAX_SEARCH_WORDS
    assert all(word.isalnum() or not set(word) & set("&|!():*<>'\"\\ ") for word in words)


def test_a_search_text_is_split_at_everything_else() -> None:
    """People type commas, dashes and capitals."""
    assert search_words("Oak-Desk, LAMP & (brass)!") == ("oak", "desk", "lamp", "brass")
