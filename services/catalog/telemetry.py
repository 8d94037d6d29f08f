"""What the catalogue tells: instruments, attribute names and log events."""

from catalog.domain import CURRENCIES, Quote
from catalog.store import Found
from labkit.logs import get_logger
from labkit.telemetry import ClosedLabels, counter, histogram, set_attributes

log = get_logger("catalog")

SEARCH_RESULTS = histogram(
    "shop.search.results", "{product}", "Products that a search found.", (0, 1, 5, 20, 100, 500, 2_000, 10_000)
)
QUOTES = counter("shop.quotes", "{quote}", "Baskets that were priced.")
LABELS = ClosedLabels({"currency": tuple(CURRENCIES), "search.kind": ("words", "popular")})


def products_searched(words: tuple[str, ...], found: Found) -> None:
    """A search was answered. What was typed goes on the line: it is how one finds out why a search is slow."""
    SEARCH_RESULTS.record(found.total, LABELS.of({"search.kind": "words" if words else "popular"}))
    set_attributes({"search.words": len(words), "search.total": found.total})
    log.event("search.answered", words=" ".join(words), total=found.total, returned=len(found.products))


def basket_quoted(quote: Quote) -> None:
    """A basket was priced."""
    QUOTES.add(1, LABELS.of({"currency": quote.currency}))
    set_attributes(
        {"quote.lines": len(quote.lines), "quote.amount_minor": quote.total_minor, "currency": quote.currency}
    )
    log.event("basket.quoted", lines=len(quote.lines), amount_minor=quote.total_minor, currency=quote.currency)


def assortment_ready(version: str, written: int) -> None:
    """The products are there: written now, or by an earlier start (``written`` 0)."""
    log.event("assortment.loaded" if written else "assortment.kept", version=version, written=written)
