"""What tiers need from this machine: got where it can be got, and named where it cannot."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from labctl.native.provision import BuildEvent, ensure
from labctl.native.servers import catalogue
from labkit.errors import LabError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
TELL_EVERY_S = 20.0
Progress = Callable[[str], None]


class Missing(LabError):
    """This machine does not have what a tier needs: the tier is skipped, for this reason."""


def build_servers(progress: Progress) -> None:
    """Build the native servers that are missing, those only for tests included."""
    ensure([server.name for server in catalogue().servers], _Teller(progress))


class _Teller:
    """Turns the builder's many events into a line at each change and every now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last: tuple[str, str] = ("", "")
        self._told_s = 0.0

    def __call__(self, event: BuildEvent) -> None:
        now = time.monotonic()
        if (event.server, event.phase) == self._last and now - self._told_s < TELL_EVERY_S:
            return
        self._last, self._told_s = (event.server, event.phase), now
        times = f" {event.elapsed_s:.0f} s of about {event.estimate_s:.0f} s" if event.estimate_s else ""
        self._progress(f"{event.server}: {event.phase} {event.note}{times} ({event.overall_ratio:.0%} of all builds)")


def find_browser() -> str:
    """A Chromium on this machine. Raises Missing."""
    found = os.environ.get("LAB_CHROMIUM") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    found = found or next((path for path in MAC_BROWSERS if Path(path).exists()), None)
    if found:
        return found
    raise Missing("there is no Chromium on this machine", "apt install chromium, or set LAB_CHROMIUM to one")
