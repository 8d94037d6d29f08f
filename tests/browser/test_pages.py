"""Every page of the console: complete, quiet, readable and operable, in both schemes and at both widths."""

import pytest

from tests.browser.conftest import Open
from tests.browser.measures import FOCUSED, LOW_CONTRAST, NAMELESS, OPERABLE, SIDEWAYS

PAGES = ["/", "/traces", "/traces/{trace_id}", "/logs", "/traces?errors=on&since=24h", "/logs?query=nothing-like-this"]
WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]


@pytest.fixture(params=PAGES)
def path(request: pytest.FixtureRequest, trace_id: str) -> str:
    """The path of a page."""
    return str(request.param).format(trace_id=trace_id)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_page_is_complete_quiet_and_readable(view: Open, path: str, width: int, scheme: str) -> None:
    """It answers, says nothing on the console, asks no other host, fits its width, and has AA contrast."""
    watched = view(width=width, scheme=scheme)
    assert watched.open(path) == 200
    assert watched.page.locator("h1").is_visible()
    assert watched.page.evaluate(SIDEWAYS) <= 0
    assert watched.page.evaluate(LOW_CONTRAST) == []
    assert watched.messages == []
    assert watched.foreign_requests() == []


def test_page_works_with_the_keyboard_alone(view: Open, path: str) -> None:
    """Tab reaches all that can be operated, each with a visible focus and a name; first the way to the content."""
    watched = view()
    watched.open(path)
    page = watched.page
    wanted = page.evaluate(OPERABLE)
    assert page.evaluate(NAMELESS) == []
    reached = []
    for _ in wanted:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert "Skip to the content" in reached[0]["html"]
    assert [one["html"] for one in reached if not one["operable"]] == []
    assert [one["html"] for one in reached if not one["seen"]] == []
    assert len({one["html"] for one in reached}) >= len(set(wanted)) - 1


def test_a_page_has_one_heading_a_language_and_landmarks(view: Open, path: str) -> None:
    """What a screen reader navigates by."""
    watched = view()
    watched.open(path)
    page = watched.page
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.locator("nav[aria-label]").count() >= 1
    assert page.title().endswith("OpsLab")
