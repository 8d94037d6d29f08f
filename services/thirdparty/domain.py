"""How the payment provider decides, and how long it takes. It never sees an instrument, only a token of one."""

import hashlib
import math
from dataclasses import dataclass
from random import Random

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
# What each method is sent as, and what the token of it begins with.
TOKEN_FIELDS = {"card": "card_token", "bank": "iban_hash", "crypto": "wallet_hash"}
TOKEN_PREFIXES = {"card": "tok", "bank": "iban", "crypto": "wal"}
# The kind inside a token (`tok_<kind>_<digest>`) says how the instrument behaves; every other kind is unknown.
DECLINING_KINDS = ("insufficient_funds", "expired", "stolen")
KINDS = ("ok", *DECLINING_KINDS)
ID_LETTERS = "abcdefghjkmnpqrstuvwxyz"  # no digits: an id must never look like a card number to a redaction filter


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """One charge as a shop asks for it. ``reference`` is the shop's own id: the same reference is the same charge."""

    reference: str
    amount_minor: int
    currency: str
    method: str
    token: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What became of a request; ``decline_reason`` is empty when the charge was accepted."""

    charge_id: str
    request: ChargeRequest
    decline_reason: str = ""

    @property
    def status(self) -> str:
        """``accepted`` or ``declined``."""
        return "declined" if self.decline_reason else "accepted"


@dataclass(frozen=True, slots=True)
class Latency:
    """A lognormal latency: ``median_s`` in the middle, a long tail to the right, never more than ``ceiling_s``."""

    median_s: float = 0.015
    sigma: float = 0.35
    ceiling_s: float = 1.0

    def sample_s(self, random: Random) -> float:
        """One draw, in seconds."""
        return min(self.ceiling_s, random.lognormvariate(math.log(self.median_s), self.sigma))


def token_kind(method: str, token: str) -> str | None:
    """The kind of an instrument's token, or None when the token does not belong to ``method`` or has no known kind."""
    prefix, _, rest = token.partition("_")
    kind, _, digest = rest.rpartition("_")
    known = prefix == TOKEN_PREFIXES.get(method) and kind in KINDS and digest.isalnum()
    return kind if known else None


def decide(request: ChargeRequest, kind: str) -> Charge:
    """Accept or decline. Deterministic, so that asking again after this service forgot gives the same charge."""
    return Charge(charge_id(request.reference), request, kind if kind in DECLINING_KINDS else "")


def charge_id(reference: str) -> str:
    """The id of the charge with this reference: 20 letters of its SHA-256 (90 bits)."""
    number = int.from_bytes(hashlib.sha256(reference.encode()).digest())
    letters = []
    for _ in range(20):
        number, index = divmod(number, len(ID_LETTERS))
        letters.append(ID_LETTERS[index])
    return "ch_" + "".join(letters)


def is_same_charge(known: ChargeRequest, asked: ChargeRequest) -> bool:
    """Whether a repeated reference asks for the same thing. Tokens may differ: they are made anew for each call."""
    return (known.amount_minor, known.currency, known.method) == (asked.amount_minor, asked.currency, asked.method)
