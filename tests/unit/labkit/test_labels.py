"""Closed label sets."""

import pytest

from labkit.labels import ClosedLabels


def test_a_value_outside_the_set_becomes_other() -> None:
    """No caller can make a new series."""
    labels = ClosedLabels({"payment.method": ("card", "bank")})
    assert labels.of({"payment.method": "card"}) == {"payment.method": "card"}
    for value in ("'; DROP", None, "CARD"):
        assert labels.of({"payment.method": value}) == {"payment.method": "other"}


def test_an_undeclared_label_is_a_programming_error() -> None:
    """A label must be declared with its values."""
    with pytest.raises(KeyError):
        ClosedLabels({}).of({"user.id": "1"})
