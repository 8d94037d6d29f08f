"""The pages of a console all of whose backends are down: they say so, and stay usable."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.measures import LOW_CONTRAST, SIDEWAYS

TRACE_ID = "ab" * 16


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("path", "words"),
    [("/traces", "Jaeger cannot be asked"), ("/logs", "Loki cannot be asked"), (f"/traces/{TRACE_ID}", "Cannot tell")],
)
def test_a_page_says_that_its_backend_is_down(  # noqa: PLR0917
    opened: Open, broken_console: str, path: str, words: str, width: int, scheme: str
) -> None:
    """An error state in words, readable, with the next step; never an empty result."""
    watched = opened(broken_console, width=width, scheme=scheme)
    assert watched.open(path) == 503
    page = watched.page
    expect(page.locator("main")).to_contain_text(words)
    expect(page.get_by_role("alert")).to_contain_text("./lab up")
    assert page.evaluate(SIDEWAYS) <= 0
    assert page.evaluate(LOW_CONTRAST) == []
    assert watched.foreign_requests() == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_status_page_names_everything_that_is_down(opened: Open, broken_console: str, width: int) -> None:
    """The page that is most needed when nothing works does work."""
    watched = opened(broken_console, width=width)
    assert watched.open("/") == 200
    expect(watched.page.get_by_role("status")).to_contain_text("Down: orders, collector, loki, jaeger, prometheus.")
    assert watched.page.evaluate(SIDEWAYS) <= 0
    assert watched.messages == []


def test_the_search_form_stays_usable_without_its_backend(opened: Open, broken_console: str) -> None:
    """What was typed is kept, to be sent again when the backend is back."""
    watched = opened(broken_console)
    watched.open("/logs?query=order.placed")
    expect(watched.page.locator("#query")).to_have_value("order.placed")
    expect(watched.page.get_by_role("button", name="Search")).to_be_enabled()


def test_an_unknown_page_is_a_page(opened: Open, broken_console: str) -> None:
    """With the way back."""
    watched = opened(broken_console)
    assert watched.open("/no-such-page") == 404
    expect(watched.page.locator("main a").first).to_be_visible()
