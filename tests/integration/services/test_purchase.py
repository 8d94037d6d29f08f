"""One purchase through all five services, over real HTTP and a real database, with telemetry in memory."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import flask
import pytest
import requests
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from werkzeug.serving import make_server

import catalog
import orders
import payments
import storefront
import thirdparty
from catalog.store import PostgresProducts
from labkit.app import operations
from labkit.database import Pool
from labkit.http import Client
from labkit.settings import AppSettings
from labkit.testing import Recorded
from orders.clients import HttpPayments
from orders.store import PostgresOrders
from tests.integration.labkit.running import free_port
from tests.integration.services.card_data import card_data_in
from tests.integration.services.test_catalog import NOWHERE
from thirdparty.store import ChargeStore

CARD = {"method": "card", "card": {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "737"}}
DECLINING = {"method": "card", "card": {"number": "4000 0000 0000 9995", "expiry": "12/30", "cvc": "737"}}
BANK = {"method": "bank", "iban": "DE89 3704 0044 0532 0130 00"}
CRYPTO = {"method": "crypto", "wallet": "0x52908400098527886E0F7030069857D2E4169EE7"}
Stop = Callable[[], None]


@contextmanager
def served(app: flask.Flask, port: int = 0) -> Iterator[str]:
    """The app on a port of 127.0.0.1; yields its URL."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        operations(app).close()


@dataclass
class Shop:
    """The running shop, and a way to take its parts away."""

    url: str
    pool: Pool
    charges: ChargeStore
    stop_provider: Stop
    start_provider: Stop


@pytest.fixture
def shop(pool: Pool, catalog_store: PostgresProducts, telemetry: Recorded) -> Iterator[Shop]:
    """All five services, wired as in the lab."""
    charges = ChargeStore(1_000)
    provider_port = free_port()
    provider_settings = thirdparty.Settings(app=AppSettings(service="thirdparty"))
    with ExitStack() as stack, ExitStack() as provider_stack:

        def start_provider() -> None:
            app = thirdparty.create_app(provider_settings, thirdparty.Deps(charges, lambda: None))
            provider_stack.enter_context(served(app, provider_port))

        start_provider()
        payments_url = stack.enter_context(served(payments_app(f"http://127.0.0.1:{provider_port}")))
        orders_url = stack.enter_context(served(orders_app(stack, pool, payments_url)))
        catalog_settings = catalog.Settings(app=AppSettings(service="catalog"), database=NOWHERE)
        catalog_url = stack.enter_context(served(catalog.create_app(catalog_settings, catalog.Deps(catalog_store))))
        url = stack.enter_context(served(storefront_app(catalog_url, orders_url)))
        yield Shop(url, pool, charges, provider_stack.close, start_provider)


def payments_app(provider_url: str) -> flask.Flask:
    """Payments as it runs in the lab."""
    return payments.create_app(payments.Settings(app=AppSettings(service="payments"), provider_url=provider_url))


def orders_app(stack: ExitStack, pool: Pool, payments_url: str) -> flask.Flask:
    """Orders as it runs in the lab, on the database of this test."""
    store = PostgresOrders(pool, claim_s=6, kept_s=86_400)
    store.migrate()
    client = Client(payments_url, peer="payments", timeout_s=4)
    stack.callback(client.close)
    settings = orders.Settings(app=AppSettings(service="orders"), database=NOWHERE, payments_url=payments_url)
    return orders.create_app(settings, orders.Deps(store, HttpPayments(client)))


def storefront_app(catalog_url: str, orders_url: str) -> flask.Flask:
    """The storefront as it runs in the lab."""
    return storefront.create_app(
        storefront.Settings(
            app=AppSettings(service="storefront"),
            catalog_url=catalog_url,
            orders_url=orders_url,
            session_key="a key for tests",
        )
    )


@pytest.fixture
def browser(shop: Shop) -> Iterator[requests.Session]:
    """A visitor who has put something into the cart."""
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{shop.url}/shop/api/login", json={"user": "ada"}, timeout=5)
        fill_cart(session, shop)
        yield session


def fill_cart(session: requests.Session, shop: Shop) -> None:
    """Two lamps."""
    found = session.get(f"{shop.url}/shop/api/products?q=lamp", timeout=5).json()
    item = {"product_id": found["products"][0]["id"], "quantity": 2}
    assert session.post(f"{shop.url}/shop/api/cart", json=item, timeout=5).status_code == 200


def check_out(session: requests.Session, shop: Shop, payment: dict[str, Any], key: str = "key-00000001") -> Any:
    """Buy the cart."""
    body, headers = {"payment": payment, "currency": "EUR"}, {"Idempotency-Key": key}
    with suppress_instrumentation():  # the browser is outside: its call is no span
        return session.post(f"{shop.url}/shop/api/checkout", json=body, headers=headers, timeout=10)


def trace_of(answer: Any, telemetry: Recorded) -> list[ReadableSpan]:
    """The spans of the trace that an answer names."""
    trace_id = answer.headers["traceresponse"].split("-")[1]
    return [span for span in telemetry.spans() if f"{span.context.trace_id:032x}" == trace_id]


@pytest.mark.parametrize("payment", [CARD, BANK, CRYPTO], ids=lambda payment: payment["method"])
def test_a_purchase_is_one_trace_through_five_services(
    shop: Shop, browser: requests.Session, telemetry: Recorded, payment: dict[str, Any]
) -> None:
    """SERVER and CLIENT spans of every hop, each child of the one before, and the database below orders."""
    answer = check_out(browser, shop, payment)
    assert answer.status_code == 201, answer.text
    spans = trace_of(answer, telemetry)
    servers = {span.name for span in spans if span.kind is SpanKind.SERVER}
    assert servers == {
        "POST /shop/api/checkout",
        "POST /quotes",
        "POST /orders",
        "POST /payments",
        "POST /payment-provider/v1/charges",
    }
    called = [span.attributes.get("server.address") for span in spans if span.kind is SpanKind.CLIENT]
    assert sorted(called) == ["catalog", "orders", "payments", "thirdparty"]
    known = {span.context.span_id for span in spans}
    assert [span.name for span in spans if span.parent is None] == ["POST /shop/api/checkout"]
    assert all(span.parent.span_id in known for span in spans if span.parent is not None)


def test_a_purchase_is_told_by_every_service_under_one_correlation_id(
    shop: Shop, browser: requests.Session, telemetry: Recorded
) -> None:
    """Whoever has the id or the trace finds the whole story in the logs."""
    answer = check_out(browser, shop, CARD)
    trace_id = answer.headers["traceresponse"].split("-")[1]
    records = [record for record in telemetry.logs() if f"{record.trace_id:032x}" == trace_id]
    events = {record.body for record in records}
    assert events >= {"basket.quoted", "charge.accepted", "payment.authorised", "order.placed", "checkout.completed"}
    assert {record.attributes["correlation_id"] for record in records} == {answer.headers["X-Correlation-ID"]}
    assert [record.body for record in records].count("request.completed") == 5


def test_a_purchase_leaves_no_card_data_anywhere(shop: Shop, browser: requests.Session, telemetry: Recorded) -> None:
    """Logs, spans, tables, the provider's memory and the answers: good, declined and mistyped cards alike."""
    mistyped = {"method": "card", "card": {"number": "4242424242424241", "expiry": "12/30", "cvc": "737"}}
    answers = [check_out(browser, shop, card, f"key-0000000{n}") for n, card in enumerate((DECLINING, mistyped, CARD))]
    assert [answer.status_code for answer in answers] == [402, 422, 201]
    told = "".join(span.to_json() for span in telemetry.spans())
    told += "".join(f"{record.body} {dict(record.attributes)}" for record in telemetry.logs())
    told += "".join(f"{answer.text} {answer.headers}" for answer in answers)
    told += repr(vars(shop.charges))
    with shop.pool.connection() as connection:
        for table in ("orders", "order_lines", "idempotency_keys"):
            told += str(connection.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608 - a table of this test
    told = told.replace("4242 4242 4242 4242.", "")  # the hint names the test card
    for number in ("4242 4242 4242 4242", "4242424242424241", "4000 0000 0000 9995"):
        assert card_data_in(told, number, "737") == []


def test_a_declined_purchase_can_be_paid_otherwise(shop: Shop, browser: requests.Session) -> None:
    """402 with a reason, the cart is still there, and another card with another key buys it."""
    declined = check_out(browser, shop, DECLINING, "key-00000001")
    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "payment.declined")
    assert check_out(browser, shop, CARD, "key-00000002").status_code == 201


def test_a_purchase_survives_an_outage_of_the_provider(shop: Shop, browser: requests.Session) -> None:
    """503 while it is down, naming it; the same key later buys the same order once."""
    shop.stop_provider()
    down = check_out(browser, shop, CARD)
    assert (down.status_code, down.json()["error"]["code"]) == (503, "peer.unavailable")
    assert down.json()["error"]["context"]["peer"] == "thirdparty"
    shop.start_provider()
    up = check_out(browser, shop, CARD)
    assert up.status_code == 201
    assert len(shop.charges) == 1
    with shop.pool.connection() as connection:
        stored = connection.execute("SELECT order_id, status FROM orders").fetchall()
    assert stored == [{"order_id": up.json()["order_id"], "status": "placed"}]


def test_ten_clicks_buy_once(shop: Shop, browser: requests.Session) -> None:
    """The same key from ten threads: one order, one charge."""
    cookies = browser.cookies.get_dict()
    barrier = threading.Barrier(10)
    statuses: list[int] = []

    def click() -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.cookies.update(cookies)
            barrier.wait()
            statuses.append(check_out(session, shop, CARD).status_code)

    threads = [threading.Thread(target=click) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(shop.charges) == 1


def test_a_payment_can_be_read_back(shop: Shop, browser: requests.Session, telemetry: Recorded) -> None:
    """Payments keeps nothing; it asks the provider."""
    transaction_id = check_out(browser, shop, CARD).json()["payment"]["transaction_id"]
    app = payments_app("http://127.0.0.1:1")
    provider = thirdparty.create_app(
        thirdparty.Settings(app=AppSettings(service="thirdparty")), thirdparty.Deps(shop.charges, lambda: None)
    )
    with served(provider) as url:
        client = Client(url, peer="thirdparty", timeout_s=3)
        app.extensions["payments"] = payments.Deps(payments.HttpPaymentProvider(client), datetime.now(UTC).date, b"k")
        read = app.test_client().get(f"/payments/{transaction_id}").json
        unknown = app.test_client().get("/payments/ch_nope")
        client.close()
    assert (read["status"], read["transaction_id"]) == ("authorised", transaction_id)
    assert (unknown.status_code, unknown.json["error"]["code"]) == (404, "payment.unknown")
