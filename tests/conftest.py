"""What all tiers share: a test's tier follows from its folder."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TIERS = ("integration", "e2e", "browser", "compose")


def pytest_configure(config: pytest.Config) -> None:
    """Markers of ours beside those in pyproject.toml."""
    config.addinivalue_line("markers", "native_only: about local processes; the compose tier leaves it out")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with the name of its tier."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            tier = item.path.relative_to(TESTS).parts[0]
            if tier in TIERS:
                item.add_marker(tier)
