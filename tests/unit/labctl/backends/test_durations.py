"""Lengths of time as people type and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.backends.durations import parse_duration_s, show_ns
from labkit.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("7d", 604800), (" 2H ", 7200), ("1.5s", 1.5)]
)
def test_a_duration_with_a_unit_is_understood(text: str, seconds: float) -> None:
    """The forms that the help shows."""
    assert parse_duration_s(text, "--since") == seconds


@pytest.mark.parametrize("text", ["", "5", "-1h", "1y", "h", "1h x", "0s", "99999d", "nan", "1e9s"])
def test_anything_else_names_the_option(text: str) -> None:
    """A length that makes no sense is usage, exit code 2."""
    with pytest.raises(ConfigurationError, match="--since"):
        parse_duration_s(text, "--since")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0"),
        (900, "900 ns"),
        (1500, "1.50 µs"),
        (999_960, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (2_500_000_000, "2.50 s"),
    ],
)
def test_a_duration_is_shown_with_three_digits(nanoseconds: int, text: str) -> None:
    """Never `1000 µs`, never eleven digits."""
    assert show_ns(nanoseconds) == text


@given(st.integers(0, 10**15))
def test_a_shown_duration_is_short(nanoseconds: int) -> None:
    """It fits a column of nine, up to hours."""
    assert len(show_ns(nanoseconds)) <= 9 or nanoseconds > 10**13
