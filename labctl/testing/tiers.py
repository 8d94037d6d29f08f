"""The tiers of tests, fast ones first."""

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.errors import ConfigurationError


@dataclass(frozen=True)
class Tier:
    """A folder of tests and what they need. ``lab``: "" none, "native" or "docker" a running one of its own.

    ``deselect`` is a marker of tests that this runtime cannot have, which is no skip: they run in the other tier.
    """

    name: str
    folder: str
    about: str
    needs_servers: bool = False
    needs_browser: bool = False
    lab: str = ""
    deselect: str = ""


TIERS = (
    Tier("unit", "tests/unit", "no socket, no sleep"),
    Tier("integration", "tests/integration", "one service or one real binary at a time", needs_servers=True),
    Tier("e2e", "tests/e2e", "the live stack as local processes", needs_servers=True, lab="native"),
    Tier(
        "browser",
        "tests/browser",
        "the pages in headless Chromium",
        needs_servers=True,
        needs_browser=True,
        lab="native",
    ),
    Tier("compose", "tests/e2e", "the same live stack under a real engine", lab="docker", deselect="native_only"),
)


def chosen(names: str | None) -> Sequence[Tier]:
    """The tiers in ``names`` (``unit,e2e``), in the order they run; all for None. Raises ConfigurationError."""
    if names is None:
        return TIERS
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in {tier.name for tier in TIERS}]
    if unknown or not wanted:
        raise ConfigurationError(
            f"There is no tier {', '.join(unknown) or names!r}.",
            f"Tiers are: {', '.join(tier.name for tier in TIERS)}.",
        )
    return [tier for tier in TIERS if tier.name in wanted]
