"""Deadlines on a clock that only the test moves."""

import pytest

from labkit import deadline
from labkit.deadline import DeadlineExceeded
from labkit.testing import FakeClock


def test_without_a_deadline_a_timeout_is_what_it_says() -> None:
    """Background work has no caller who waits."""
    assert deadline.current() is None
    assert deadline.remaining_s() is None
    assert deadline.cap_s(5.0) == 5.0
    assert deadline.to_header() is None


def test_time_runs_out() -> None:
    """The cap falls with the clock, keeps the margin, and ends in an error before it reaches zero."""
    clock = FakeClock()
    with deadline.start(1.0, clock):
        assert deadline.cap_s(5.0, 0.1) == pytest.approx(0.9)
        assert deadline.cap_s(0.2) == 0.2
        assert deadline.to_header() == "1000"
        clock.advance(0.95)
        with pytest.raises(DeadlineExceeded, match="before payments was called") as caught:
            deadline.cap_s(5.0, 0.1, doing="payments was called")
        assert (caught.value.status, caught.value.code) == (504, "deadline.exceeded")
        clock.advance(5)
        assert deadline.to_header() == "0"
    assert deadline.current() is None


def test_an_inner_deadline_only_shortens() -> None:
    """Nobody gives himself more time than his caller has."""
    clock = FakeClock()
    with deadline.start(1.0, clock) as outer:
        with deadline.start(9.0, clock) as longer:
            assert longer is outer
        with deadline.start(0.5, clock) as shorter:
            assert shorter.remaining_s() == pytest.approx(0.5)
        assert deadline.remaining_s() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1500", 1.5),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("99999999", None),
        ("\u0661", None),
    ],
)
def test_the_header_is_whole_milliseconds(value: str | None, seconds: float | None) -> None:
    """Anything else counts as no header."""
    assert deadline.from_header(value) == seconds
