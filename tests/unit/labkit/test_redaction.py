"""What may not be written is not, and what people need to find a trace is left alone."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.redaction import REDACTED, is_secret_key, redact_mapping, redact_text, redact_value

# Published test numbers of the card networks.
CARDS = (
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "3566002020360505",
    "30569309025904",
)


def _grouped(number: str, separator: str) -> str:
    return separator.join(number[start : start + 4] for start in range(0, len(number), 4))


@pytest.mark.parametrize("number", CARDS)
@pytest.mark.parametrize("separator", ["", " ", "-", ".", "  ", "\n", "+", "%20", "_"], ids=repr)
def test_a_card_number_is_taken_out(number: str, separator: str) -> None:
    """Every network, every way to group the digits; the text around it stays."""
    assert redact_text(f"card {_grouped(number, separator)}, paid") == f"card {REDACTED}, paid"


@pytest.mark.parametrize(
    "text",
    [
        "order 12 4111 1111 1111 1111 99",
        "4111 1111 1111 1111 5555 5555 5555 4444",
        "pan4111111111111111x",
        "4111111111111111",
        "x=4111-1111-1111-1111;",
        "['4111', '1111'] 4111 1111 1111 1111",
    ],
)
def test_a_card_number_is_found_among_other_digits(text: str) -> None:
    """Neighbouring digits, letters and a second card do not hide it."""
    cleaned = redact_text(text)
    assert "1111 1111" not in cleaned
    assert "1111-1111" not in cleaned
    assert "411111111111" not in cleaned


@given(
    st.text("0123456789 -.abcxyz", max_size=30),
    st.sampled_from(CARDS),
    st.sampled_from(["", " ", "-", "."]),
    st.text(" ,;:abc", max_size=30),
)
def test_no_surrounding_hides_a_card_number(before: str, number: str, separator: str, after: str) -> None:
    """Whatever stands before it, a card number set off by a space never survives, nor does the most of it."""
    written = _grouped(number, separator)
    cleaned = redact_text(f"{before} {written} {after}")
    assert written not in cleaned
    assert written[-8:] not in cleaned.removeprefix(before)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # wrong check digit
        "1763980000123",  # milliseconds since 1970
        "1763980000123456789",  # nanoseconds
        "41111111111111111111111",  # longer than any card
        "order 2026-11-24 100 200",
        "amount_minor 4999 of 100000",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    """A number that no card can have is left as it is."""
    assert redact_text(text) == text


@given(st.uuids(), st.integers(min_value=1, max_value=2**128 - 1), st.integers(min_value=1, max_value=2**64 - 1))
def test_ids_stay(uuid_value: uuid.UUID, trace: int, span: int) -> None:
    """UUIDs and hexadecimal ids with a letter in them survive, however many digits they hold."""
    hex_ids = [text for text in (f"{trace:032x}", f"{span:016x}") if not text.isdigit()]
    for text in (str(uuid_value), *hex_ids):
        if not text.replace("-", "").isdigit():
            assert redact_text(f"trace {text} ended") == f"trace {text} ended"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Authorization: Bearer abc.def-123456", f"Authorization: {REDACTED}"),
        ("sent bearer abcdefgh", f"sent bearer {REDACTED}"),
        ("password=hunter2&user=a", f"password={REDACTED}&user=a"),
        ('{"cvc": "123", "name": "A"}', f'{{"cvc": "{REDACTED}", "name": "A"}}'),
        ("{'card_number': 4111}", f"{{'card_number': {REDACTED}}}"),
        ("access_token=xyz next", f"access_token={REDACTED} next"),
        ("postgresql://orders:secret@db/orders", f"postgresql://{REDACTED}@db/orders"),
        ("api-key: k1", f"api-key: {REDACTED}"),
    ],
)
def test_secrets_in_text_are_taken_out(text: str, cleaned: str) -> None:
    """Headers, pairs, JSON and URLs: the key stays, the value goes."""
    assert redact_text(text) == cleaned


@pytest.mark.parametrize(
    "key",
    [
        "authorization",
        "Set-Cookie",
        "cvc",
        "card.cvv2",
        "cardNumber",
        "payment.card_number",
        "db_password",
        "otlpToken",
        "iban",
    ],
)
def test_secret_keys_are_known(key: str) -> None:
    """Snake, kebab, dotted and camel case."""
    assert is_secret_key(key)
    assert redact_value(key, "anything") == REDACTED


@pytest.mark.parametrize("key", ["order_id", "payment_method", "idempotency_key", "company", "number", "http.route"])
def test_other_keys_are_not_secret(key: str) -> None:
    """What people search by is not taken for a secret."""
    assert not is_secret_key(key)


def test_values_keep_their_type_and_others_become_text() -> None:
    """The OTLP handler gets primitives only; even an object that cannot be shown is one."""

    class Broken:
        def __str__(self) -> str:
            raise ValueError

    fields = {"a": 1, "b": 2.5, "c": True, "d": None, "e": [1], "f": Broken(), "g": 4111111111111111, "h": b"x"}
    assert redact_mapping(fields) == {
        "a": 1,
        "b": 2.5,
        "c": True,
        "d": None,
        "e": "[1]",
        "f": "<Broken: ValueError in str()>",
        "g": REDACTED,
        "h": "b'x'",
    }


def test_a_long_text_is_redacted_in_no_time() -> None:
    """No pattern backtracks: a hundred kilobytes of what looks like the beginning of something."""
    for piece in ("1 ", "a-", "token", "a=", "4111 ", "bearer "):
        redact_text(piece * (100_000 // len(piece)))
