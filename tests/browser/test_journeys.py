"""What people do on the pages of the running lab."""

import re

from playwright.sync_api import expect

from labctl.backends import Backends
from tests.browser.conftest import Open


def test_status_shows_every_part_ready(view: Open) -> None:
    """The lab that runs is shown as it is."""
    watched = view()
    watched.open("/")
    expect(watched.page.get_by_role("status")).to_contain_text(re.compile(r"parts are ready"))
    assert watched.page.locator(".part").count() >= 5


def test_status_says_when_it_is_old(view: Open) -> None:
    """When the console stops answering, the page does not pretend."""
    watched = view()
    watched.open("/")
    watched.page.route("**/fragments/status", lambda route: route.abort())
    expect(watched.page.locator("#status-stale")).to_be_visible()
    watched.page.unroute("**/fragments/status")
    expect(watched.page.locator("#status-stale")).to_be_hidden()


def test_a_trace_is_found_and_read(view: Open) -> None:
    """From the search to a span's attributes, with the keyboard."""
    watched = view()
    watched.open("/traces")
    page = watched.page
    page.get_by_label("Since").select_option("24h")
    page.get_by_role("button", name="Search").press("Enter")
    page.locator("table.traces tbody a").first.press("Enter")
    expect(page.locator("h2#spans-title")).to_be_visible()
    first = page.locator("details.span").first
    expect(first.locator(".detail")).to_be_hidden()
    first.locator("summary").press("Enter")
    expect(first.locator(".detail")).to_be_visible()
    assert page.locator("details.span.critical").count() >= 1
    assert watched.messages == []


def test_the_waterfall_can_be_narrowed_to_the_critical_path(view: Open, trace_id: str) -> None:
    """What was not waited for disappears, and comes back."""
    watched = view()
    watched.open(f"/traces/{trace_id}")
    page = watched.page
    spans, critical = page.locator("details.span"), page.locator("details.span.critical")
    page.get_by_label("Critical path only").check()
    assert sum(span.is_visible() for span in spans.all()) == critical.count()
    page.get_by_label("Critical path only").uncheck()
    assert all(span.is_visible() for span in spans.all())


def test_a_new_line_appears_while_following(view: Open, backends: Backends) -> None:
    """Live: a line written now is on the page within seconds, once, and leads to its trace."""
    watched = view()
    watched.open("/logs?query=lab.test_line")
    page = watched.page
    page.get_by_label("Follow live").check()
    tag = "browser-follow"
    service = backends.lab.state().services[-1]
    line = backends.lab.test_line(service, tag)
    row = page.locator("#log-rows tr", has_text=tag).filter(has=page.locator(f'a[href="/traces/{line.trace_id}"]'))
    expect(row).to_have_count(1)
    expect(page.locator("#follow-state")).to_contain_text("new")
    assert watched.messages == []


def test_a_log_line_leads_to_its_trace(view: Open, trace_id: str) -> None:
    """Searching by trace id and following the link ends on the trace's page."""
    watched = view()
    watched.open(f"/traces/{trace_id}")
    watched.page.get_by_role("link", name="Search them").click()
    expect(watched.page.locator("#query")).to_have_value(f"trace={trace_id}")
    assert watched.messages == []


def test_a_wrong_query_is_explained_and_can_be_mended(view: Open) -> None:
    """Loki's own words, and the text still in the field."""
    watched = view()
    assert watched.open("/logs?query=%7Bnonsense") == 400
    expect(watched.page.get_by_role("alert")).to_contain_text("parse error")
    expect(watched.page.locator("#query")).to_have_value("{nonsense")
