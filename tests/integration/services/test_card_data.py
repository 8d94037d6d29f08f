"""The detector itself: a test that cannot find a card would let every card through."""

import pytest

from tests.integration.services.card_data import card_data_in

NUMBER, CVC = "4539 1488 0343 6467", "737"


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("number=4539148803436467", id="plain"),
        pytest.param("4539-1488-0343-6467", id="grouped"),
        pytest.param("first digits 4539148803...", id="truncated"),
        pytest.param("{'cvc': '737'}", id="check digits"),
    ],
)
def test_leak_is_found(told: str) -> None:
    """However the number is written, and also in part."""
    assert card_data_in(told, NUMBER, CVC)


@pytest.mark.parametrize("told", ["net.peer.port: 34539", "span_id 737a4539bc", "1795524539737000000"])
def test_chance_is_no_leak(told: str) -> None:
    """Ports, ids and timestamps have such digits too."""
    assert card_data_in(told, NUMBER, CVC) == []
