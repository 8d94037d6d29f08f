"""Payment instruments: are they well formed, and what may anybody else know of them (a token)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
METHODS = ("card", "bank", "crypto")

# Instruments for trying things out, and how the provider's sandbox treats them. Every other valid one is accepted.
TEST_CARDS = {
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired",
    "4000000000009979": "stolen",
}
TEST_IBANS = {"DE62370400440532013001": "insufficient_funds"}
TEST_WALLETS = {"0x000000000000000000000000000000000000dead": "insufficient_funds"}

_SEPARATORS = re.compile(r"[ -]")
_CARD_NUMBER = re.compile(r"[0-9]{12,19}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])/([0-9]{2})")
_CVC = re.compile(r"[0-9]{3,4}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
# Ethereum in hexadecimal, Bitcoin in bech32. The checksums inside are the provider's business.
_WALLET = re.compile(r"0x[0-9a-f]{40}|bc1[02-9ac-hj-np-z]{11,71}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an instrument cannot be charged; ``code`` is one of a closed set, ``field`` a path in the request."""

    code: str
    field: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Card:
    """A payment card. Number and cvc never appear in ``repr``, so that no log line or error can show them."""

    number: str = field(repr=False)
    expiry: str
    cvc: str = field(repr=False)

    def problem(self, today: date) -> Problem | None:
        """The first thing wrong with it, or None."""
        if not is_luhn_valid(self.number):
            return Problem(
                "card.number_invalid",
                "instrument.card.number",
                "The card number is not a valid one.",
                "Check the digits; for trying things out use 4242 4242 4242 4242.",
            )
        if not _CVC.fullmatch(self.cvc):
            return Problem(
                "card.cvc_invalid", "instrument.card.cvc", "The security code is not 3 or 4 digits.", "E.g. 123."
            )
        return _expiry_problem(self.expiry, today)

    def token(self, key: bytes) -> str:
        """What the provider gets: ``tok_<kind>_<digest>``."""
        return _token("tok", TEST_CARDS.get(self.number, "ok"), self.number, key)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account by its IBAN."""

    iban: str = field(repr=False)

    def problem(self, today: date) -> Problem | None:  # noqa: ARG002 - the same signature for every instrument
        """The first thing wrong with it, or None."""
        if is_iban_valid(self.iban):
            return None
        return Problem(
            "iban.invalid",
            "instrument.iban",
            "The IBAN is not a valid one.",
            "Check the digits; for trying things out use DE89 3704 0044 0532 0130 00.",
        )

    def token(self, key: bytes) -> str:
        """What the provider gets: ``iban_<kind>_<digest>``."""
        return _token("iban", TEST_IBANS.get(self.iban, "ok"), self.iban, key)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A crypto wallet by its address."""

    address: str = field(repr=False)

    def problem(self, today: date) -> Problem | None:  # noqa: ARG002 - the same signature for every instrument
        """The first thing wrong with it, or None."""
        if _WALLET.fullmatch(self.address):
            return None
        return Problem(
            "wallet.invalid",
            "instrument.wallet",
            "The wallet address is neither an Ethereum nor a Bitcoin (bech32) one.",
            "For trying things out use 0x52908400098527886E0F7030069857D2E4169EE7.",
        )

    def token(self, key: bytes) -> str:
        """What the provider gets: ``wal_<kind>_<digest>``."""
        return _token("wal", TEST_WALLETS.get(self.address, "ok"), self.address, key)


Instrument = Card | BankAccount | Wallet


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What orders asks for. The order's id is the provider's reference: it makes the payment idempotent."""

    order_id: str
    amount_minor: int
    currency: str
    method: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A decided payment. ``decline_reason`` is empty when it was authorised."""

    transaction_id: str
    request: PaymentRequest
    decline_reason: str = ""

    @property
    def is_authorised(self) -> bool:
        """Whether the money was taken."""
        return not self.decline_reason


def instrument_of(method: str, details: Mapping[str, str]) -> Instrument:
    """The instrument of a method from its text fields; separators and case that people type do not matter."""
    if method == "card":
        return Card(_SEPARATORS.sub("", details["number"]), details["expiry"].replace(" ", ""), details["cvc"].strip())
    if method == "bank":
        return BankAccount(_SEPARATORS.sub("", details["iban"]).upper())
    return Wallet(details["wallet"].strip().lower())


def is_luhn_valid(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B, on 12 to 19 digits."""
    if not _CARD_NUMBER.fullmatch(number):
        return False
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def is_iban_valid(iban: str) -> bool:
    """ISO 13616: moved round and read as a number, an IBAN leaves 1 when divided by 97."""
    if not _IBAN.fullmatch(iban):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _expiry_problem(expiry: str, today: date) -> Problem | None:
    where = "instrument.card.expiry"
    parts = _EXPIRY.fullmatch(expiry)
    if parts is None:
        return Problem("card.expiry_invalid", where, "The expiry date is not MM/YY.", "E.g. 12/30.")
    last_month = (2000 + int(parts[2]), int(parts[1]))
    if last_month < (today.year, today.month):
        return Problem("card.expired", where, "The card has expired.", "Use another card.")
    return None


def _token(prefix: str, kind: str, secret: str, key: bytes) -> str:
    return f"{prefix}_{kind}_{hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()[:32]}"
