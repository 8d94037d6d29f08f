"""Grouping messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.backends.lines import LogLine
from labctl.logs.patterns import find_patterns, masked


def line(body: str, service: str = "orders", level: str = "INFO", timestamp_ns: int = 0) -> LogLine:
    """A line of a service."""
    return LogLine(timestamp_ns, body, {"service_name": service}, {"severity_text": level})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("took 12.5 ms", "took <num>"),
        ("order 123e4567-e89b-12d3-a456-426614174000 placed", "order <uuid> placed"),
        ("from 10.0.0.1:8080", "from <address>"),
        ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace <hex>"),
        ("user 'alice' said \"hi\"", "user <text> said <text>"),
        ("order.placed", "order.placed"),
        ("http2 works", "http2 works"),
    ],
)
def test_values_are_masked_and_words_are_not(message: str, expected: str) -> None:
    """What looks like a value is named by its kind."""
    assert masked(message) == expected


def test_messages_that_differ_in_a_word_are_one_pattern() -> None:
    """The differing word is open; count, services, errors and the newest sample are kept."""
    lines = [
        line("connection to payments was refused by peer", timestamp_ns=1),
        line("connection to thirdparty was refused by peer", "storefront", "ERROR", 2),
    ]
    (only,) = find_patterns(lines)
    assert only.pattern == "connection to <*> was refused by peer"
    assert (only.count, only.errors, only.services) == (2, 1, ("orders", "storefront"))
    assert only.sample == lines[1].body


def test_different_messages_stay_apart() -> None:
    """Event names are not variations of each other."""
    assert len(find_patterns([line("order.placed"), line("order.rejected"), line("order placed late")])) == 3


@given(st.lists(st.text(max_size=40), max_size=40))
def test_every_line_belongs_to_exactly_one_pattern(bodies: list[str]) -> None:
    """Counts add up, and the most frequent comes first."""
    counts = [shape.count for shape in find_patterns(line(body) for body in bodies)]
    assert sum(counts) == len(bodies)
    assert counts == sorted(counts, reverse=True)
