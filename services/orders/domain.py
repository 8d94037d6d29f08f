"""Orders: money, what an order is, and what an idempotency key allows."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

# ISO 4217: how many decimal places the minor unit stands for. Amounts are integers of that unit everywhere.
CURRENCY_EXPONENTS = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "JPY": 0}
METHODS = ("card", "bank", "crypto")
MAX_LINES = 50
MAX_QUANTITY = 99


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, or yen) of an ISO 4217 currency."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        exponent = CURRENCY_EXPONENTS[self.currency]
        sign = "-" if self.amount_minor < 0 else ""
        digits = str(abs(self.amount_minor)).rjust(exponent + 1, "0")
        whole, minor = (digits[:-exponent], "." + digits[-exponent:]) if exponent else (digits, "")
        return f"{sign}{whole}{minor} {self.currency}"


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one product at the price that was quoted for one."""

    product_id: str
    name: str
    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is to be charged. ``details`` go to payments as they came; they are never stored and never shown."""

    method: str
    details: Mapping[str, Any] = field(repr=False)
    last_four: str


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a user wants to buy and pay with."""

    user_id: str
    currency: str
    lines: tuple[Line, ...]
    instrument: Instrument

    @property
    def total(self) -> Money:
        """The sum of all lines; exact, because it is integers."""
        return Money(sum(line.quantity * line.unit_price_minor for line in self.lines), self.currency)

    def fingerprint(self) -> str:
        """Equal for requests that mean the same, whatever the prices did meanwhile.

        Of the instrument it holds the last four characters only: a digest of a whole card number could be turned
        back by trying all of them.
        """
        meaning = [
            self.user_id,
            self.currency,
            self.instrument.method,
            self.instrument.last_four,
            sorted((line.product_id, line.quantity) for line in self.lines),
        ]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()


class Status(StrEnum):
    """The life of an order: pending, then one of the others for good."""

    PENDING = "pending"
    PLACED = "placed"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_REJECTED = "payment_rejected"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a payment did not come about, in words for the user; repeated as it is when the order is asked for again."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """What payments decided: a transaction, or a failure that no retry mends."""

    status: Status
    transaction_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is stored. ``transaction_id`` is there when placed, ``failure`` when declined or rejected."""

    order_id: str
    user_id: str
    status: Status
    total: Money
    method: str
    lines: tuple[Line, ...]
    created_at: datetime
    transaction_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class KeyState:
    """An idempotency key that was used before, and the clock of the database that holds it."""

    fingerprint: str
    order_status: Status
    claimed_until: datetime | None
    now: datetime


class Verdict(Enum):
    """What a request with a used key gets."""

    REPLAY = "replay"  # the answer that was given before
    TAKE_OVER = "take over"  # the order is unpaid and nobody is at work on it: pay now
    IN_PROGRESS = "in progress"  # somebody is at work on it
    MISMATCH = "mismatch"  # the key belongs to another request


def judge(key: KeyState, fingerprint: str) -> Verdict:
    """The rules of idempotency; a mismatch outranks everything, so that a wrong key never learns of an order."""
    if key.fingerprint != fingerprint:
        return Verdict.MISMATCH
    if key.order_status is not Status.PENDING:
        return Verdict.REPLAY
    if key.claimed_until is not None and key.claimed_until > key.now:
        return Verdict.IN_PROGRESS
    return Verdict.TAKE_OVER
