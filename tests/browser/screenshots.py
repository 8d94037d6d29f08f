"""``python -m tests.browser.screenshots FOLDER``: the pictures of the documentation, taken from the running lab.

One purchase is made first, so that every page has something to show.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from labctl.prove.polling import poll
from labctl.prove.shopper import Placed, Shopper
from labctl.prove.world import World
from labctl.settings import Lab
from labctl.testing.needs import find_browser

SIZE = {"width": 1280, "height": 800}


def main(folder: Path) -> int:
    """Write one PNG for each page into ``folder``; returns the exit code."""
    world = World.of(Lab.from_env())
    placed = Shopper(world.lab.url).buy_something()
    poll(
        "the whole trace", lambda: world.backends.jaeger.trace(placed.trace_id).services, lambda names: len(names) == 5
    )
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_browser()), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")  # type: ignore[arg-type]
        for name, path in pages(placed).items():
            shoot(page, world.lab.url + path, folder / f"{name}.png")
        browser.close()
    return 0


def pages(placed: Placed) -> dict[str, str]:
    """File name and path of each page."""
    return {"shop": "/shop", "trace": f"/traces/{placed.trace_id}"}


def shoot(page: Page, url: str, target: Path) -> None:
    """One page, once nothing more is loading."""
    page.goto(url, wait_until="load")
    page.wait_for_selector("main")
    page.screenshot(path=str(target))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
