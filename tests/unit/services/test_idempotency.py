"""What an idempotency key allows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orders.domain import Instrument, KeyState, Line, OrderRequest, Status, Verdict, judge

NOW = datetime(2026, 11, 24, tzinfo=UTC)
statuses = st.sampled_from(Status)
claims = st.none() | st.integers(-100, 100).map(lambda seconds: NOW + timedelta(seconds=seconds))
REQUEST = OrderRequest(
    "ada", "EUR", (Line("prd-000001", "Oak Chair", 2, 100),), Instrument("card", {"card": "secret"}, "4242")
)


@given(statuses, claims)
def test_another_request_under_a_used_key_is_always_a_mismatch(status: Status, claimed_until: datetime | None) -> None:
    """Whatever became of the first order: it says nothing about itself to another one."""
    assert judge(KeyState("theirs", status, claimed_until, NOW), "ours") is Verdict.MISMATCH


@given(statuses.filter(lambda status: status is not Status.PENDING), claims)
def test_a_settled_order_is_replayed(status: Status, claimed_until: datetime | None) -> None:
    """Placed, declined and rejected are final; a claim left behind by a crash does not matter."""
    assert judge(KeyState("f", status, claimed_until, NOW), "f") is Verdict.REPLAY


@given(claims)
def test_an_unpaid_order_is_worked_on_by_one_at_a_time(claimed_until: datetime | None) -> None:
    """As long as a claim lasts others wait; after it, or without one, the next may pay."""
    verdict = judge(KeyState("f", Status.PENDING, claimed_until, NOW), "f")
    is_held = claimed_until is not None and claimed_until > NOW
    assert verdict is (Verdict.IN_PROGRESS if is_held else Verdict.TAKE_OVER)


def test_a_request_means_the_same_at_another_price_and_in_another_order_of_lines() -> None:
    """A retry must not fail because a price changed or a cart was sorted meanwhile."""
    other_line = Line("prd-000002", "Lamp", 1, 50)
    first = replace(REQUEST, lines=(*REQUEST.lines, other_line))
    dearer = replace(REQUEST, lines=(replace(other_line, unit_price_minor=51), *REQUEST.lines))
    assert first.fingerprint() == dearer.fingerprint()


def test_a_request_means_something_else_with_anything_else_changed() -> None:
    """User, currency, product, quantity, method and card each make another order."""
    line = REQUEST.lines[0]
    others = [
        replace(REQUEST, user_id="bob"),
        replace(REQUEST, currency="USD"),
        replace(REQUEST, lines=(replace(line, quantity=3),)),
        replace(REQUEST, lines=(replace(line, product_id="prd-000002"),)),
        replace(REQUEST, instrument=Instrument("bank", {}, "4242")),
        replace(REQUEST, instrument=Instrument("card", {}, "9995")),
    ]
    assert len({REQUEST.fingerprint(), *(other.fingerprint() for other in others)}) == 7


def test_neither_fingerprint_nor_representation_holds_the_instrument() -> None:
    """A digest of a card number can be turned back by trying; only its last four digits go in."""
    swapped = replace(REQUEST, instrument=Instrument("card", {"card": "other"}, "4242"))
    assert REQUEST.fingerprint() == swapped.fingerprint()
    assert "secret" not in repr(REQUEST)
