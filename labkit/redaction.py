"""What must never be written down is taken out here, before any sink sees it.

Two rules: a value whose key names a secret (``authorization``, ``cvc``, ``password`` ...) and a number that can be a
payment card (13 to 19 digits, first digit 2 to 6 as issued, ISO/IEC 7812 check digit by Luhn's formula), also when
spaces, dashes or dots stand between its groups. Trace ids, UUIDs and digests are left whole.
"""

import itertools
import re
from collections.abc import Mapping

REDACTED = "[redacted]"

_SECRET_WORDS = frozenset(
    {
        *(
            "authorization",
            "cookie",
            "credential",
            "credentials",
            "passphrase",
            "passwd",
            "password",
            "secret",
            "token",
        ),
        *("secret", "token", "apikey", "cardnumber", "cvc", "cvc2", "cvv", "cvv2", "iban", "pan", "wallet"),
    }
)
_SECRET_PAIRS = frozenset({("card", "number"), ("api", "key"), ("session", "key"), ("security", "code")})
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")

# Ids that are made of digits by chance now and then; a number beside one is still looked at.
_PROTECTED = re.compile(
    r"(?<![0-9A-Za-z])"
    r"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?=[0-9]*[a-fA-F])(?:[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32}|[0-9a-fA-F]{16}))"
    r"(?![0-9A-Za-z])"
)
# Between the groups: what people type, and what a URL makes of it.
_DIGIT_RUN = re.compile(r"[0-9](?:(?:[\s.+_-]{1,2}|%20)?[0-9]){12,}")
_GROUP = re.compile(r"(?:%20|[\s.+_-]+)?([0-9]+)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_KEY_VALUE = re.compile(
    r"(?i)(?<![a-z0-9])("
    r"(?:authorization|cookie|cvc2?|cvv2?|iban|passphrase|passw(?:or)?d|secret|token|api[_-]?key|card[_-]?number|pan)"
    r"[\"']?\s*(?:=|:)\s*)(\"[^\"]*\"|'[^']*'|(?:bearer\s+|basic\s+)?[^\s,;&\"'}\])]+)"
)
_URL_USER = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")


def redact_text(text: str) -> str:
    """The text without card numbers, bearer tokens, ``key=value`` secrets and passwords in URLs."""
    if "@" in text:
        text = _URL_USER.sub(REDACTED, text)
    if "=" in text or ":" in text:
        text = _KEY_VALUE.sub(_keep_key, text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    return _redact_cards(text) if _DIGIT_RUN.search(text) else text


def redact_value(key: str, value: object) -> str | int | float | bool | None:
    """The value as it may be written under this key. What is not a primitive becomes its text."""
    if value is None or isinstance(value, bool):
        return value
    if is_secret_key(key):
        return REDACTED
    if isinstance(value, int):
        return REDACTED if len(str(abs(value))) >= 13 and _is_card(str(abs(value))) else int(value)
    if isinstance(value, float):
        return float(value)
    return redact_text(value if isinstance(value, str) else _render(value))


def redact_mapping(fields: Mapping[str, object]) -> dict[str, str | int | float | bool | None]:
    """Each value of the mapping as :func:`redact_value` leaves it."""
    return {key: redact_value(key, value) for key, value in fields.items()}


def is_secret_key(key: str) -> bool:
    """Whether the name of a field says that its value is a secret (``payment.card_number``, ``setCookie``)."""
    words = [word.lower() for word in _WORDS.findall(key)]
    pairs = itertools.pairwise(words)
    return not _SECRET_WORDS.isdisjoint(words) or any(pair in _SECRET_PAIRS for pair in pairs)


def _render(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a broken __str__ must not break the line that mentions it
        return f"<{type(value).__name__}: {type(error).__name__} in str()>"


def _keep_key(match: re.Match[str]) -> str:
    quote = match.group(2)[:1]
    return match.group(1) + (f"{quote}{REDACTED}{quote}" if quote in "\"'" else REDACTED)


def _redact_cards(text: str) -> str:
    pieces = _PROTECTED.split(text)
    pieces[::2] = [_DIGIT_RUN.sub(_without_cards, piece) for piece in pieces[::2]]
    return "".join(pieces)


def _without_cards(run: re.Match[str]) -> str:
    """The run of digit groups without any sequence of whole groups that can be a card, overlapping ones included."""
    text = run.group()
    groups = list(_GROUP.finditer(text))
    cleaned, position, hidden_to = "", 0, -1
    for index, group in enumerate(groups):
        end = _card_end(groups, index)
        if end is not None and end > hidden_to:
            if index > hidden_to:
                cleaned += text[position : group.start(1)] + REDACTED
            hidden_to = end
        if index == hidden_to:
            position = group.end()
    return cleaned + text[position:]


def _card_end(groups: list[re.Match[str]], first: int) -> int | None:
    """The last group of the longest card number that starts with group ``first``."""
    digits, found = "", None
    for index in range(first, len(groups)):
        digits += groups[index].group(1)
        if len(digits) > 19:
            break
        if _is_card(digits):
            found = index
    return found


def _is_card(digits: str) -> bool:
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and _luhn_sum(digits) % 10 == 0


def _luhn_sum(digits: str) -> int:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total
