"""Payment instruments: what is well formed, and what others learn of them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import domain
from payments.domain import BankAccount, Card, Wallet, instrument_of
from thirdparty.domain import token_kind

TODAY = date(2026, 11, 24)
KEY = b"k" * 32
digits = st.text("0123456789", min_size=11, max_size=18)


def with_check_digit(number: str) -> str:
    """The number with the one digit that makes it valid."""
    return next(number + digit for digit in "0123456789" if domain.is_luhn_valid(number + digit))


def card(number: str = "4242424242424242", expiry: str = "12/30", cvc: str = "123") -> Card:
    """A card that is fine unless told otherwise."""
    return Card(number, expiry, cvc)


@given(digits)
def test_every_number_has_exactly_one_valid_check_digit(number: str) -> None:
    """Luhn's formula leaves no choice for the last digit."""
    assert sum(domain.is_luhn_valid(number + digit) for digit in "0123456789") == 1


@given(digits, st.data())
def test_one_mistyped_digit_is_always_noticed(number: str, data: st.DataObject) -> None:
    """What the check digit is for."""
    valid = with_check_digit(number)
    position = data.draw(st.integers(0, len(valid) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != valid[position]]))
    assert not domain.is_luhn_valid(valid[:position] + other + valid[position + 1 :])


@pytest.mark.parametrize("number", ["", "4242", "4242a24242424242", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "4" * 20])
def test_what_is_not_12_to_19_digits_is_no_card_number(number: str) -> None:
    """Letters, digits of other scripts and wrong lengths are refused before any arithmetic."""
    assert not domain.is_luhn_valid(number)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param(card(number="4242424242424241"), "card.number_invalid", id="check digit"),
        pytest.param(card(cvc="12"), "card.cvc_invalid", id="short code"),
        pytest.param(card(expiry="13/30"), "card.expiry_invalid", id="month 13"),
        pytest.param(card(expiry="1230"), "card.expiry_invalid", id="no slash"),
        pytest.param(card(expiry="10/26"), "card.expired", id="last month"),
        pytest.param(BankAccount("DE89370400440532013001"), "iban.invalid", id="iban checksum"),
        pytest.param(BankAccount("89370400440532013000"), "iban.invalid", id="iban without country"),
        pytest.param(Wallet("0x52908400098527886e0f7030069857d2e4169ee"), "wallet.invalid", id="short wallet"),
        pytest.param(Wallet("bc1bbbbbbbbbbbbbbbb"), "wallet.invalid", id="letter that bech32 lacks"),
    ],
)
def test_a_malformed_instrument_is_refused_with_its_reason(wrong: domain.Instrument, code: str) -> None:
    """Each mistake has a code of its own and a hint what to do."""
    problem = wrong.problem(TODAY)
    assert problem is not None
    assert problem.code == code
    assert problem.hint


@pytest.mark.parametrize(
    "fine",
    [
        pytest.param(card(), id="card"),
        pytest.param(card(expiry="11/26"), id="card that ends this month"),
        pytest.param(BankAccount("DE89370400440532013000"), id="iban"),
        pytest.param(Wallet("0x52908400098527886e0f7030069857d2e4169ee7"), id="ethereum"),
        pytest.param(Wallet("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"), id="bitcoin"),
    ],
)
def test_a_well_formed_instrument_has_no_problem(fine: domain.Instrument) -> None:
    """A card is good until the end of its last month."""
    assert fine.problem(TODAY) is None


def test_separators_and_case_that_people_type_do_not_matter() -> None:
    """Cards are printed in groups of four, IBANs too, and wallets in mixed case."""
    assert instrument_of("card", {"number": "4242-4242 42424242", "expiry": "12 / 30", "cvc": " 123 "}) == card()
    assert instrument_of("bank", {"iban": "de89 3704 0044 0532 0130 00"}) == BankAccount("DE89370400440532013000")
    assert instrument_of("crypto", {"wallet": " 0xAB "}) == Wallet("0xab")


@given(digits)
def test_no_representation_of_a_card_shows_its_number(number: str) -> None:
    """A card that ends up in an error message or a log line must not tell anything."""
    valid = with_check_digit(number)
    shown = repr(card(number=valid, cvc="987")) + str(card(number=valid, cvc="987"))
    assert valid not in shown
    assert "987" not in shown


@pytest.mark.parametrize(
    ("method", "instrument", "kind"),
    [
        pytest.param("card", card(), "ok", id="card"),
        pytest.param("card", card(number="4000000000009995"), "insufficient_funds", id="test card"),
        pytest.param("bank", BankAccount("DE62370400440532013001"), "insufficient_funds", id="test account"),
        pytest.param(
            "crypto", Wallet("0x000000000000000000000000000000000000dead"), "insufficient_funds", id="test wallet"
        ),
    ],
)
def test_the_provider_understands_the_tokens_of_payments(method: str, instrument: domain.Instrument, kind: str) -> None:
    """The two services share no code; this holds their idea of a token together."""
    token = instrument.token(KEY)
    assert token_kind(method, token) == kind
    assert "4242" * 4 not in token


def test_test_instruments_are_well_formed() -> None:
    """A test card that fails its own check digit would never reach the provider."""
    assert all(domain.is_luhn_valid(number) for number in domain.TEST_CARDS)
    assert all(domain.is_iban_valid(iban) for iban in domain.TEST_IBANS)
    assert all(Wallet(address).problem(TODAY) is None for address in domain.TEST_WALLETS)


def test_a_token_depends_on_the_key() -> None:
    """Without the key nobody can find the number by trying all of them."""
    assert card().token(KEY) != card().token(b"x" * 32)
