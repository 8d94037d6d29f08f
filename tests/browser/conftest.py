"""A headless Chromium that watches each page: its messages, its requests, its layout."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from werkzeug.serving import make_server

from labctl.backends import Backends
from labctl.console import create_app
from labctl.console.board import Board
from labctl.console.probes import probes_of
from labctl.console.settings import ConsoleSettings
from labctl.doctor.examination import front_door_answers
from labctl.prove.polling import poll
from labctl.prove.shopper import Shopper
from labctl.settings import Lab
from labctl.traces.search import TraceFilter, find_traces
from labkit.settings import Address

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The browser must not talk to its maker's servers: every request of the tests is to be one of the page's.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
TIMEOUT_MS = 15_000


@dataclass
class Watched:
    """A page with everything it said and asked for."""

    page: Page
    origin: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: str) -> int:
        """Go to ``path`` and return the status of the answer."""
        answer = self.page.goto(self.origin + path, wait_until="load")
        assert answer is not None
        return answer.status

    def foreign_requests(self) -> list[str]:
        """Requests that left the lab's origin."""
        return [url for url in self.requests if not url.startswith((self.origin + "/", "data:", "blob:"))]

    def hear(self, message: ConsoleMessage) -> None:
        """Called by the browser."""
        if message.type in ("error", "warning"):
            self.messages.append(f"{message.type}: {message.text}")

    def see(self, request: Request) -> None:
        """Called by the browser."""
        self.requests.append(request.url)


Open = Callable[..., Watched]


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The running lab. Without one the tests are skipped; under `lab test`, which brings one up, they fail."""
    found = Lab.from_env()
    if not front_door_answers(found.url):
        message = f"no lab answers at {found.url}: use `lab test --tier browser`, or `lab up` first"
        if os.environ.get("LAB_E2E"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def backends(lab: Lab) -> Backends:
    """The lab's servers through its front door."""
    return Backends.at(lab.url, lab.operator_token())


@pytest.fixture(scope="session")
def trace_id(lab: Lab, backends: Backends) -> str:
    """A trace that Jaeger has; a purchase is made when there is none."""
    found = find_traces(backends.jaeger, TraceFilter(limit=1)).traces
    if found:
        return found[0].trace_id
    placed = Shopper(lab.url).buy_something()
    poll("the trace of a purchase", lambda: backends.jaeger.trace(placed.trace_id))
    return placed.trace_id


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it; playwright's own cannot be downloaded everywhere."""
    program = os.environ.get("LAB_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.fail("no Chromium here: install the package `chromium`, or set LAB_CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Makes a watched page on an origin, of a width, in a colour scheme."""
    contexts = []

    def make(origin: str, width: int = 1280, scheme: str = "light") -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        watched = Watched(context.new_page(), origin)
        watched.page.on("console", watched.hear)
        watched.page.on("pageerror", lambda error: watched.messages.append(f"exception: {error}"))
        watched.page.on("request", watched.see)
        return watched

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def view(lab: Lab, opened: Open) -> Open:
    """Makes a watched page of the running lab."""
    return lambda **options: opened(lab.url, **options)


@pytest.fixture(scope="session")
def broken_console() -> Iterator[str]:
    """The origin of a console all of whose backends are down."""
    nowhere = Address("127.0.0.1", 1)
    peers = dict.fromkeys(("loki", "jaeger", "prometheus", "collector"), nowhere)
    settings = ConsoleSettings(nowhere, "native", "test", None, peers, {"orders": nowhere})
    board = Board(probes_of(settings))
    server = make_server("127.0.0.1", 0, create_app(settings, board), threaded=True)
    board.start()
    thread = threading.Thread(target=server.serve_forever, name="broken-console")
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    board.stop()
