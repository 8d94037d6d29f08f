"""Orders on a real database, with payments that do what the test says."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from labkit.database import Pool
from labkit.errors import ApiError
from labkit.settings import AppSettings
from labkit.testing import Recorded
from orders import Deps, Settings, create_app
from orders.domain import Failure, Instrument, Order, PaymentResult, Status
from orders.store import PostgresOrders
from tests.integration.services.card_data import card_data_in
from tests.integration.services.test_catalog import NOWHERE

CARD = {"number": "4000 0000 0000 9995", "expiry": "12/30", "cvc": "737"}
ORDER = {
    "user_id": "ada",
    "currency": "EUR",
    "items": [{"product_id": "prd-000001", "name": "Oak Chair", "quantity": 2, "unit_price_minor": 1999}],
    "payment": {"method": "card", "card": CARD},
}
DECLINED = PaymentResult(Status.PAYMENT_DECLINED, failure=Failure("payment.declined", "No.", "Use another."))
REJECTED = PaymentResult(Status.PAYMENT_REJECTED, failure=Failure("card.expired", "Too old.", "Use another."))


class FakePayments:
    """Authorises, unless ``answer`` says otherwise; counts how often each order was paid for."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.answer: Callable[[Order], PaymentResult] = authorise

    def pay(self, order: Order, _instrument: Instrument) -> PaymentResult:
        self.paid.append(order.order_id)
        return self.answer(order)


def authorise(order: Order) -> PaymentResult:
    """What payments does on a good day: the same transaction for the same order."""
    return PaymentResult(Status.PLACED, transaction_id=f"ch_{order.order_id}")


def unavailable(order: Order) -> PaymentResult:
    """What it does when its provider is down."""
    raise ApiError(503, "peer.unavailable", "thirdparty cannot be reached")


@pytest.fixture
def payments() -> FakePayments:
    """The payments of the service under test."""
    return FakePayments()


@pytest.fixture
def store(pool: Pool) -> PostgresOrders:
    """The store, with claims that last longer than any test."""
    store = PostgresOrders(pool, claim_s=60, kept_s=86_400)
    store.migrate()
    return store


@pytest.fixture
def client(store: PostgresOrders, payments: FakePayments, telemetry: Recorded) -> Iterator[FlaskClient]:
    """Orders with a real store and fake payments."""
    settings = Settings(app=AppSettings(service="orders"), database=NOWHERE, payments_url="http://nowhere.invalid")
    return create_app(settings, Deps(store, payments)).test_client()


def place(client: FlaskClient, key: str = "key-00000001", **changes: object) -> Any:
    """Place an order that is fine unless told otherwise."""
    return client.post("/orders", json={**ORDER, **changes}, headers={"Idempotency-Key": key})


def rows(pool: Pool, table: str) -> list[dict[str, Any]]:
    """Everything in a table."""
    with pool.connection() as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - a table of this test


def test_an_order_is_placed_paid_and_readable(client: FlaskClient) -> None:
    """The answer to the order and the later reading are the same thing."""
    answer = place(client)
    assert answer.status_code == 201
    assert answer.json["status"] == "placed"
    assert answer.json["total"] == {"amount_minor": 3998, "currency": "EUR"}
    assert answer.json["payment"] == {"transaction_id": f"ch_{answer.json['order_id']}", "method": "card"}
    assert client.get(f"/orders/{answer.json['order_id']}").json == answer.json


def test_the_same_request_again_gets_the_same_answer(client: FlaskClient, payments: FakePayments, pool: Pool) -> None:
    """One order, one payment, and a header that says it is a replay."""
    first, second = place(client), place(client)
    assert first.json == second.json
    assert second.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(payments.paid) == len(rows(pool, "orders")) == 1


def test_a_key_belongs_to_one_user(client: FlaskClient, pool: Pool) -> None:
    """Another user with the same key gets an order of their own, and learns nothing of the first."""
    place(client)
    assert place(client, user_id="bob").status_code == 201
    assert len(rows(pool, "orders")) == 2


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"currency": "USD"}, id="currency"),
        pytest.param({"items": [{**ORDER["items"][0], "quantity": 3}]}, id="quantity"),
        pytest.param({"payment": {"method": "bank", "iban": "DE89370400440532013000"}}, id="method"),
        pytest.param({"payment": {"method": "card", "card": {**CARD, "number": "4242424242424242"}}}, id="card"),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    client: FlaskClient, payments: FakePayments, changes: dict[str, Any]
) -> None:
    """A key that means two things would lose one of them."""
    place(client)
    answer = place(client, **changes)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "idempotency.mismatch")
    assert len(payments.paid) == 1


def test_simultaneous_requests_make_one_order_and_one_payment(
    client: FlaskClient, payments: FakePayments, pool: Pool
) -> None:
    """Eight clicks at once: one is served, the others are told to wait or get the same answer."""
    barrier = threading.Barrier(8)

    def click(_: int) -> Any:
        barrier.wait()
        return place(client.application.test_client())

    with ThreadPoolExecutor(8) as executor:
        answers = list(executor.map(click, range(8)))
    assert len(payments.paid) == len(rows(pool, "orders")) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json["order_id"] for answer in answers if answer.status_code == 201}) == 1


def test_a_request_meets_another_one_at_work(client: FlaskClient, payments: FakePayments) -> None:
    """409 with a time to wait, while the first one still pays."""
    inner: list[Any] = []

    def pay_slowly(order: Order) -> PaymentResult:
        inner.append(place(client.application.test_client()))
        return authorise(order)

    payments.answer = pay_slowly
    assert place(client).status_code == 201
    assert (inner[0].status_code, inner[0].json["error"]["code"]) == (409, "idempotency.in_progress")
    assert inner[0].headers["Retry-After"] == "1"


def test_an_order_that_could_not_be_paid_stays_pending_and_the_key_may_be_retried(
    client: FlaskClient, payments: FakePayments, pool: Pool, telemetry: Recorded
) -> None:
    """The provider was down for a moment: the second try pays the same order."""
    payments.answer = unavailable
    answer = place(client)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "peer.unavailable")
    assert [row["status"] for row in rows(pool, "orders")] == ["pending"]
    assert telemetry.log("order.left_pending").severity_text == "ERROR"
    payments.answer = authorise
    assert place(client).status_code == 201
    assert len(set(payments.paid)) == len(rows(pool, "orders")) == 1


def test_a_crash_between_order_and_payment_is_mended_by_retrying(
    store: PostgresOrders, client: FlaskClient, payments: FakePayments, pool: Pool
) -> None:
    """A process that died holds its claim until it ends; then the same key pays the same order."""

    def die(order: Order) -> PaymentResult:
        raise SystemExit  # no handler of ours sees it: like a kill, nothing is given back

    payments.answer = die
    with pytest.raises(SystemExit):
        place(client)
    payments.answer = authorise
    assert place(client).status_code == 409
    with pool.connection() as connection:
        connection.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 second'")
    assert place(client).status_code == 201
    assert len(set(payments.paid)) == len(rows(pool, "orders")) == 1


def test_whoever_settles_second_gets_what_the_first_one_wrote(
    client: FlaskClient, payments: FakePayments, pool: Pool, telemetry: Recorded
) -> None:
    """A slow request whose claim ran out must not overwrite, nor count the order again."""
    inner: list[Any] = []

    def lose_the_claim(order: Order) -> PaymentResult:
        with pool.connection() as connection:
            connection.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 second'")
        payments.answer = authorise
        inner.append(place(client.application.test_client()))
        return PaymentResult(Status.PLACED, transaction_id="ch_late")

    payments.answer = lose_the_claim
    late = place(client)
    assert late.json == inner[0].json
    telemetry.log("order.placed")


@pytest.mark.parametrize(
    ("result", "answer", "stored"),
    [
        pytest.param(DECLINED, (402, "payment.declined"), "payment_declined", id="declined"),
        pytest.param(REJECTED, (422, "card.expired"), "payment_rejected", id="rejected"),
    ],
)
def test_an_order_that_may_not_be_paid_is_final(
    client: FlaskClient, payments: FakePayments, result: PaymentResult, answer: tuple[int, str], stored: str
) -> None:
    """The reason is told, stored, and told again on a retry without asking payments again."""
    payments.answer = lambda _: result
    first, second = place(client), place(client)
    assert (first.status_code, first.json["error"]["code"]) == answer
    assert (second.status_code, second.json["error"]["code"]) == answer
    assert second.headers["Idempotency-Replayed"] == "true"
    assert client.get(f"/orders/{payments.paid[0]}").json["status"] == stored
    assert len(payments.paid) == 1


@pytest.mark.parametrize(
    ("result", "event"),
    [pytest.param(DECLINED, "order.declined", id="declined"), pytest.param(REJECTED, "order.rejected", id="rejected")],
)
def test_an_order_that_may_not_be_paid_is_a_warning(
    client: FlaskClient, payments: FakePayments, telemetry: Recorded, result: PaymentResult, event: str
) -> None:
    """Nobody has to get up at night for an empty account."""
    payments.answer = lambda _: result
    place(client)
    assert telemetry.log(event).severity_text == "WARN"


def test_a_key_is_forgotten_after_its_day(client: FlaskClient, pool: Pool) -> None:
    """Then it makes a new order; the old one stays."""
    first = place(client)
    with pool.connection() as connection:
        connection.execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")
    second = place(client)
    assert second.status_code == 201
    assert second.json["order_id"] != first.json["order_id"]
    assert (len(rows(pool, "orders")), len(rows(pool, "idempotency_keys"))) == (2, 1)


def test_no_table_holds_anything_of_the_card(client: FlaskClient, pool: Pool, telemetry: Recorded) -> None:
    """Neither tables nor spans nor log records."""
    place(client)
    told = "".join(str(rows(pool, table)) for table in ("orders", "order_lines", "idempotency_keys"))
    told += "".join(span.to_json() for span in telemetry.spans())
    told += "".join(f"{record.body} {dict(record.attributes)}" for record in telemetry.logs())
    assert card_data_in(told, CARD["number"], "737") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"items": []}, "field.invalid", id="no items"),
        pytest.param({"items": [{"product_id": "p"}]}, "field.missing", id="half an item"),
        pytest.param({"items": [{**ORDER["items"][0], "quantity": -1}]}, "field.invalid", id="negative quantity"),
        pytest.param({"currency": "XXX"}, "currency.unknown", id="currency"),
        pytest.param({"payment": {"method": "card"}}, "field.missing", id="no card"),
        pytest.param({"payment": {"method": "cheque"}}, "field.invalid", id="method"),
    ],
)
def test_a_malformed_order_is_refused_before_anything_is_stored(
    client: FlaskClient, pool: Pool, changes: dict[str, Any], code: str
) -> None:
    """422, and no trace of it in the database."""
    answer = place(client, **changes)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, code)
    assert rows(pool, "orders") == []


@pytest.mark.parametrize(
    ("key", "code"),
    [
        pytest.param(None, "idempotency.key_missing", id="missing"),
        pytest.param("short", "idempotency.key_invalid", id="short"),
        pytest.param("k" * 129, "idempotency.key_invalid", id="long"),
        pytest.param("key with spaces", "idempotency.key_invalid", id="spaces"),
    ],
)
def test_an_order_needs_a_usable_key(client: FlaskClient, key: str | None, code: str) -> None:
    """400 with a hint what to send."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = client.post("/orders", json=ORDER, headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, code)
    assert "UUID" in answer.json["error"]["hint"]


def test_an_unknown_order_is_404(client: FlaskClient) -> None:
    """With a code of its own."""
    answer = client.get("/orders/ord_nope")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "order.unknown")


def test_an_order_is_counted_once_whatever_is_repeated(client: FlaskClient, telemetry: Recorded) -> None:
    """Placed counts orders, replayed counts repetitions."""

    def counted(outcome: str) -> int:
        points = telemetry.metric_points("shop.orders.placed")
        return sum(point.value for point in points if point.attributes["outcome"] == outcome)

    placed, replayed = counted("placed"), counted("replayed")
    for _ in range(3):
        place(client)
    assert (counted("placed") - placed, counted("replayed") - replayed) == (1, 2)


def test_every_line_of_an_order_names_it(client: FlaskClient, telemetry: Recorded) -> None:
    """The id of the order is on the span and on the access line, not only on its own event."""
    order_id = place(client).json["order_id"]
    assert telemetry.log("request.completed").attributes["order_id"] == order_id
    assert telemetry.span("POST /orders").attributes["order.id"] == order_id
