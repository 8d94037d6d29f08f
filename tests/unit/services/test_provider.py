"""The payment provider: decisions, memory and latency."""

import statistics
import threading
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thirdparty.domain import Charge, ChargeRequest, Latency, charge_id, decide, is_same_charge, token_kind
from thirdparty.store import ChargeStore


def request(reference: str = "ord_a", token: str = "tok_ok_abc", amount_minor: int = 100) -> ChargeRequest:  # noqa: S107
    """A charge that is fine unless told otherwise."""
    return ChargeRequest(reference, amount_minor, "EUR", "card", token)


@pytest.mark.parametrize(
    ("method", "token", "kind"),
    [
        pytest.param("card", "tok_ok_abc", "ok", id="accepted"),
        pytest.param("card", "tok_insufficient_funds_abc", "insufficient_funds", id="kind of two words"),
        pytest.param("bank", "iban_ok_abc", "ok", id="bank"),
        pytest.param("bank", "tok_ok_abc", None, id="token of another method"),
        pytest.param("card", "tok_platinum_abc", None, id="unknown kind"),
        pytest.param("card", "tok_ok_", None, id="no digest"),
        pytest.param("card", "4242424242424242", None, id="a raw number"),
    ],
)
def test_the_kind_of_a_token_says_how_it_behaves(method: str, token: str, kind: str | None) -> None:
    """Everything that is not a token of this method is unknown."""
    assert token_kind(method, token) == kind


@given(st.text(min_size=1), st.sampled_from(["ok", "insufficient_funds", "expired", "stolen"]))
def test_asking_again_after_forgetting_gives_the_same_charge(reference: str, kind: str) -> None:
    """Nobody pays twice because a provider restarted: id and decision follow from the request alone."""
    assert decide(request(reference), kind) == decide(request(reference), kind)


@given(st.text(min_size=1))
def test_a_charge_id_cannot_be_mistaken_for_a_card_number(reference: str) -> None:
    """Ids travel through logs whose redaction looks for digits."""
    assert charge_id(reference).removeprefix("ch_").isalpha()


def test_a_repeated_reference_may_carry_another_token_but_no_other_amount() -> None:
    """Tokens are made anew for each call; an amount is what was agreed."""
    assert is_same_charge(request(), request(token="tok_ok_xyz"))
    assert not is_same_charge(request(), request(amount_minor=101))


def test_the_store_keeps_the_latest_charges_only() -> None:
    """Memory is bounded, and asking for a charge keeps it."""
    store = ChargeStore(capacity=2)
    for reference in ("a", "b", "a", "c"):
        store.get_or_add(reference, lambda reference=reference: decide(request(reference), "ok"))
    assert len(store) == 2
    assert store.find(charge_id("b")) is None
    assert store.find(charge_id("a")) is not None


def test_many_threads_with_one_reference_make_one_charge() -> None:
    """The provider is where a double payment would become real."""
    store, made, results = ChargeStore(capacity=10), [], []
    barrier = threading.Barrier(8)

    def make() -> Charge:
        made.append(1)
        return decide(request(), "ok")

    def ask() -> None:
        barrier.wait()
        results.append(store.get_or_add("ord_a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert sum(is_new for _, is_new in results) == 1


def test_latency_has_its_median_and_stays_below_its_ceiling() -> None:
    """A lognormal curve: the median is where the settings say, the tail is cut."""
    samples = [Latency(0.015, 0.35, 0.05).sample_s(Random(seed)) for seed in range(2_000)]  # noqa: S311
    assert statistics.median(samples) == pytest.approx(0.015, rel=0.1)
    assert max(samples) <= 0.05
