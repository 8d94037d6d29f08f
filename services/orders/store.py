"""Where orders live: PostgreSQL. No lock is held while a payment is under way; a claim with an end stands for it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from psycopg import Connection
from psycopg.types.json import Jsonb

from labkit import migrations
from labkit.app import ApiError
from labkit.database import Pool
from orders.domain import Failure, KeyState, Line, Money, Order, OrderRequest, PaymentResult, Status, Verdict, judge

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_TIMEOUT_S = 60.0
# Letters only: an order's id must never look like a card number to a redaction filter. 20 of 23 are 90 bits.
ID_LETTERS = "abcdefghjkmnpqrstuvwxyz"

INSERT_KEY = """
INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, claimed_until, expires_at)
VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(order_id)s, clock_timestamp() + %(claim)s, now() + %(kept)s)
ON CONFLICT (user_id, key) DO NOTHING RETURNING claimed_until
"""
# Some of the keys past their day, and this one if it is: each new order pays for the cleaning up.
FORGET_KEYS = """
WITH others AS (
    SELECT user_id, key FROM idempotency_keys WHERE expires_at < now() LIMIT 10 FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_keys WHERE expires_at < now()
AND ((user_id = %(user_id)s AND key = %(key)s) OR (user_id, key) IN (SELECT user_id, key FROM others))
"""
INSERT_ORDER = """
INSERT INTO orders (order_id, user_id, status, currency, amount_minor, payment_method)
VALUES (%(order_id)s, %(user_id)s, 'pending', %(currency)s, %(amount_minor)s, %(payment_method)s) RETURNING created_at
"""
INSERT_LINES = """
INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price_minor)
SELECT %(order_id)s, line.* FROM unnest(%(positions)s::smallint[], %(product_ids)s::text[], %(names)s::text[],
                                        %(quantities)s::smallint[], %(prices)s::bigint[]) AS line
"""
LOCK_KEY = """
SELECT k.fingerprint, k.claimed_until, k.order_id, o.status, clock_timestamp() AS now
FROM idempotency_keys k JOIN orders o USING (order_id)
WHERE k.user_id = %s AND k.key = %s FOR UPDATE OF k
"""
TAKE_OVER = """
UPDATE idempotency_keys SET claimed_until = clock_timestamp() + %s WHERE user_id = %s AND key = %s
RETURNING claimed_until
"""
RELEASE = """
UPDATE idempotency_keys SET claimed_until = NULL WHERE user_id = %s AND key = %s AND claimed_until = %s
"""
SETTLE = """
UPDATE orders SET status = %(status)s, transaction_id = %(transaction_id)s, failure = %(failure)s, settled_at = now()
WHERE order_id = %(order_id)s AND status = 'pending'
"""
SELECT_ORDER = """
SELECT o.*, (SELECT json_agg(json_build_object('product_id', l.product_id, 'name', l.name, 'quantity', l.quantity,
                                               'unit_price_minor', l.unit_price_minor) ORDER BY l.position)
             FROM order_lines l WHERE l.order_id = o.order_id) AS lines
FROM orders o WHERE o.order_id = %s
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to pay for an order, until ``until``; None when the order is settled and there is nothing to pay."""

    key: str
    order: Order
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """An order after its payment; ``is_first`` for the one caller whose result was written."""

    order: Order
    is_first: bool


class OrderStore(Protocol):
    """What orders asks of its persistence."""

    def claim(self, key: str, asked: OrderRequest) -> Claim:
        """Begin an order, take over an unpaid one, or get the settled one.

        ApiError 422 ``idempotency.mismatch`` when the key stands for another request, 409
        ``idempotency.in_progress`` while another request is at work on the same order.
        """

    def release(self, claim: Claim) -> None:
        """Let others try the payment now; the order stays pending."""

    def settle(self, claim: Claim, result: PaymentResult) -> Settlement:
        """Write the payment's result; whoever comes second gets what the first one wrote."""

    def find(self, order_id: str) -> Order:
        """One order. ApiError 404 ``order.unknown``."""


@contextmanager
def held(store: OrderStore, claim: Claim) -> Iterator[None]:
    """Give the claim back if what happens inside fails, so that a retry need not wait for the claim's end."""
    try:
        yield
    except Exception:
        with _quietly():
            store.release(claim)
        raise


@contextmanager
def _quietly() -> Iterator[None]:
    """The failure on the way out matters more than a claim that could not be given back: that one ends by itself."""
    try:
        yield
    except ApiError:
        return


class PostgresOrders:
    """See :class:`OrderStore`. ``claim_s``: the longest one request works on a key; ``kept_s``: the life of a key."""

    def __init__(self, pool: Pool, *, claim_s: float, kept_s: float) -> None:
        self._pool = pool
        self._claim = timedelta(seconds=claim_s)
        self._kept = timedelta(seconds=kept_s)

    def migrate(self) -> None:
        """Bring the schema up to date."""
        with self._pool.connection(statement_timeout_s=MIGRATION_TIMEOUT_S) as connection:
            migrations.apply(connection, migrations.load(MIGRATIONS))

    def claim(self, key: str, asked: OrderRequest) -> Claim:
        """See :class:`OrderStore`."""
        with self._pool.connection() as connection:
            return self._begin(connection, key, asked) or self._resume(connection, key, asked)

    def release(self, claim: Claim) -> None:
        """See :class:`OrderStore`."""
        with self._pool.connection() as connection:
            connection.execute(RELEASE, (claim.order.user_id, claim.key, claim.until))

    def settle(self, claim: Claim, result: PaymentResult) -> Settlement:
        """See :class:`OrderStore`."""
        values = {
            "order_id": claim.order.order_id,
            "status": result.status.value,
            "transaction_id": result.transaction_id,
            "failure": None if result.failure is None else Jsonb(asdict(result.failure)),
        }
        with self._pool.connection() as connection:
            is_first = connection.execute(SETTLE, values).rowcount == 1
            return Settlement(_select(connection, claim.order.order_id), is_first)

    def find(self, order_id: str) -> Order:
        """See :class:`OrderStore`."""
        with self._pool.connection() as connection:
            return _select(connection, order_id)

    def _begin(self, connection: Connection[dict[str, Any]], key: str, asked: OrderRequest) -> Claim | None:
        order_id = "ord_" + "".join(secrets.choice(ID_LETTERS) for _ in range(20))
        values = {
            "user_id": asked.user_id,
            "key": key,
            "fingerprint": asked.fingerprint(),
            "order_id": order_id,
            "claim": self._claim,
            "kept": self._kept,
        }
        connection.execute(FORGET_KEYS, values)
        claimed = connection.execute(INSERT_KEY, values).fetchone()
        if claimed is None:
            return None
        return Claim(key, _insert(connection, order_id, asked), claimed["claimed_until"])

    def _resume(self, connection: Connection[dict[str, Any]], key: str, asked: OrderRequest) -> Claim:
        row = _one(connection.execute(LOCK_KEY, (asked.user_id, key)).fetchone())
        state = KeyState(row["fingerprint"], Status(row["status"]), row["claimed_until"], row["now"])
        verdict = judge(state, asked.fingerprint())
        _refuse(verdict, key)
        order = _select(connection, row["order_id"])
        if verdict is Verdict.REPLAY:
            return Claim(key, order, None)
        taken = connection.execute(TAKE_OVER, (self._claim, asked.user_id, key)).fetchone()
        return Claim(key, order, _one(taken)["claimed_until"])


def _refuse(verdict: Verdict, key: str) -> None:
    context = {"idempotency_key": key}
    if verdict is Verdict.MISMATCH:
        raise ApiError(
            422,
            "idempotency.mismatch",
            "This Idempotency-Key was used for another order.",
            "Use a new key for a new order, and the same key only to repeat the same one.",
            context,
        )
    if verdict is Verdict.IN_PROGRESS:
        raise ApiError(
            409,
            "idempotency.in_progress",
            "An order with this Idempotency-Key is being placed at this moment.",
            "Ask again with the same key in a second.",
            context,
            headers={"Retry-After": "1"},
        )


def _insert(connection: Connection[dict[str, Any]], order_id: str, asked: OrderRequest) -> Order:
    total, method, lines = asked.total, asked.instrument.method, asked.lines
    values = {
        "order_id": order_id,
        "user_id": asked.user_id,
        "currency": total.currency,
        "amount_minor": total.amount_minor,
        "payment_method": method,
        "positions": list(range(len(lines))),
        "product_ids": [line.product_id for line in lines],
        "names": [line.name for line in lines],
        "quantities": [line.quantity for line in lines],
        "prices": [line.unit_price_minor for line in lines],
    }
    created = _one(connection.execute(INSERT_ORDER, values).fetchone())
    connection.execute(INSERT_LINES, values)
    return Order(order_id, asked.user_id, Status.PENDING, total, method, lines, created["created_at"])


def _select(connection: Connection[dict[str, Any]], order_id: str) -> Order:
    row = connection.execute(SELECT_ORDER, (order_id,)).fetchone()
    if row is None:
        raise ApiError(404, "order.unknown", "There is no order with this id.", "", {"order_id": order_id})
    return Order(
        order_id=row["order_id"],
        user_id=row["user_id"],
        status=Status(row["status"]),
        total=Money(row["amount_minor"], row["currency"]),
        method=row["payment_method"],
        lines=tuple(Line(**line) for line in row["lines"]),
        created_at=row["created_at"],
        transaction_id=row["transaction_id"],
        failure=None if row["failure"] is None else Failure(**row["failure"]),
    )


def _one(row: dict[str, Any] | None) -> dict[str, Any]:
    """A row that the statement always returns."""
    if row is None:
        raise LookupError("the statement returned no row")
    return row
