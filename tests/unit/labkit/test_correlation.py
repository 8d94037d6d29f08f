"""The correlation id and what is bound to it."""

import pytest
from opentelemetry import baggage, context

from labkit import correlation


def test_outside_there_is_none() -> None:
    """No request, no id, and binding does nothing."""
    correlation.bind(order_id="1")
    assert correlation.current() is None
    assert dict(correlation.fields()) == {}


def test_inside_it_is_what_was_given_and_nests() -> None:
    """Fields add up inwards and are gone afterwards; the id is kept where none is given."""
    with correlation.run_with_context("order-flow-1", shop="a") as outer:
        assert outer == correlation.current() == "order-flow-1"
        with correlation.run_with_context(step=2) as inner:
            assert inner == outer
            correlation.bind(order_id="o-1")
            assert dict(correlation.fields()) == {"shop": "a", "step": 2, "order_id": "o-1"}
        assert dict(correlation.fields()) == {"shop": "a"}
    assert correlation.current() is None


def test_a_new_one_is_made_where_there_is_none() -> None:
    """32 hexadecimal digits, different each time."""
    with correlation.run_with_context() as one, correlation.run_with_context():
        assert correlation.is_valid(one)
        assert len(one) == 32
    assert correlation.new_id() != correlation.new_id()


@pytest.mark.parametrize(
    "value", ["short", "x" * 65, "with space here", "line\nbreak-12", "ümlaut-1234", "", "a=b,c=d;e"]
)
def test_what_is_no_id_is_refused(value: str) -> None:
    """Nothing gets into headers and logs that could break their format."""
    assert not correlation.is_valid(value)
    assert correlation.choose(value) != value
    with pytest.raises(ValueError, match="8 to 64"), correlation.run_with_context(value):
        pass


def test_only_the_id_leaves() -> None:
    """Other baggage, and an id that is none, stay."""
    ctx = baggage.set_baggage("user.email", "a@example.org", context.Context())
    ctx = baggage.set_baggage("correlation.id", "order-flow-1", ctx)
    assert dict(baggage.get_all(correlation.outgoing(ctx))) == {"correlation.id": "order-flow-1"}
    assert dict(baggage.get_all(correlation.outgoing(baggage.set_baggage("correlation.id", "bad", ctx)))) == {}
