"""Payments and the payment provider, each by itself."""

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient

import payments
import thirdparty
from labkit.errors import ApiError
from labkit.settings import AppSettings
from labkit.testing import Recorded
from payments.domain import Payment, PaymentRequest
from tests.integration.services.card_data import card_data_in
from thirdparty.store import ChargeStore

CARD = {"card": {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "737"}}


def card(**changes: str) -> dict[str, Any]:
    """The card with something else in it."""
    return {"card": {**CARD["card"], **changes}}


ORDER = {"order_id": "ord_abc", "amount_minor": 1999, "currency": "EUR"}


class FakeProvider:
    """Remembers what it was asked; answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[PaymentRequest, str]] = []
        self.decline_reason = ""
        self.failure: ApiError | None = None

    def charge(self, asked: PaymentRequest, token: str) -> Payment:
        self.asked.append((asked, token))
        if self.failure is not None:
            raise self.failure
        return Payment("ch_x", asked, self.decline_reason)

    def find(self, transaction_id: str) -> Payment:
        return Payment(transaction_id, PaymentRequest("ord_abc", 1999, "EUR", "card"))


@pytest.fixture
def provider() -> FakeProvider:
    """The provider of the service under test."""
    return FakeProvider()


@pytest.fixture
def client(provider: FakeProvider, telemetry: Recorded) -> FlaskClient:
    """Payments with a fake provider, on a fixed day."""
    settings = payments.Settings(app=AppSettings(service="payments"), provider_url="http://nowhere.invalid")
    deps = payments.Deps(provider, lambda: date(2026, 11, 24), b"k" * 32)
    return payments.create_app(settings, deps).test_client()


def pay(client: FlaskClient, method: str = "card", instrument: object = None, **changes: object) -> Any:
    """Ask for a payment that is fine unless told otherwise."""
    body = {**ORDER, "method": method, "instrument": CARD if instrument is None else instrument, **changes}
    return client.post("/payments", json=body)


@pytest.mark.parametrize(
    ("method", "instrument", "prefix"),
    [
        pytest.param("card", CARD, "tok_ok_", id="card"),
        pytest.param("bank", {"iban": "DE89 3704 0044 0532 0130 00"}, "iban_ok_", id="bank"),
        pytest.param("crypto", {"wallet": "0x52908400098527886E0F7030069857D2E4169EE7"}, "wal_ok_", id="crypto"),
    ],
)
def test_a_payment_is_authorised_with_a_token(
    client: FlaskClient, provider: FakeProvider, method: str, instrument: object, prefix: str
) -> None:
    """The provider gets a token and never the instrument."""
    answer = pay(client, method, instrument)
    assert answer.status_code == 201
    assert answer.json["transaction_id"] == "ch_x"
    assert answer.json["amount"] == {"amount_minor": 1999, "currency": "EUR"}
    ((_, token),) = provider.asked
    assert token.startswith(prefix)


def test_a_declined_payment_is_402_with_its_reason(client: FlaskClient, provider: FakeProvider) -> None:
    """Payment required: the one status that says it."""
    provider.decline_reason = "insufficient_funds"
    answer = pay(client)
    assert (answer.status_code, answer.json["error"]["code"]) == (402, "payment.declined")
    assert answer.json["error"]["context"]["reason"] == "insufficient_funds"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"instrument": card(number="4242424242424241")}, "card.number_invalid", id="luhn"),
        pytest.param({"instrument": card(expiry="10/26")}, "card.expired", id="expired"),
        pytest.param({"instrument": {"iban": "DE89370400440532013000"}}, "field.missing", id="other instrument"),
        pytest.param({"method": "cheque"}, "field.invalid", id="method"),
        pytest.param({"currency": "XXX"}, "field.invalid", id="currency"),
        pytest.param({"amount_minor": 0}, "field.invalid", id="nothing to pay"),
        pytest.param({"amount_minor": "19.99"}, "field.invalid", id="amount as text"),
    ],
)
def test_a_malformed_payment_never_reaches_the_provider(
    client: FlaskClient, provider: FakeProvider, changes: dict[str, Any], code: str
) -> None:
    """422 with the reason, before any money could move."""
    answer = pay(client, **changes)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, code)
    assert provider.asked == []


def test_an_unreachable_provider_is_passed_on_and_told_once(
    client: FlaskClient, provider: FakeProvider, telemetry: Recorded
) -> None:
    """The caller learns that it may try again; the log has one error with its cause."""
    provider.failure = ApiError(503, "peer.unavailable", "thirdparty cannot be reached")
    assert pay(client).status_code == 503
    record = telemetry.log("payment.failed")
    assert record.severity_text == "ERROR"
    assert record.attributes["exception.type"].endswith("ApiError")


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "4242424242424241"], ids=["valid", "mistyped"])
def test_nothing_of_the_card_is_told(client: FlaskClient, telemetry: Recorded, number: str) -> None:
    """Not in spans, not in log records, not in the answer, whether the card is good or not."""
    answer = pay(client, instrument={"card": {"number": number, "expiry": "12/30", "cvc": "737"}})
    told = "".join(span.to_json() for span in telemetry.spans())
    told += "".join(f"{record.body} {dict(record.attributes)}" for record in telemetry.logs()) + answer.text
    assert telemetry.spans()
    assert telemetry.logs()
    told = told.replace("4242 4242 4242 4242.", "")  # the hint names the test card
    assert card_data_in(told, number, "737") == []


def test_a_payment_is_counted_by_method_currency_and_outcome(client: FlaskClient, telemetry: Recorded) -> None:
    """Labels come from closed sets."""
    pay(client)
    points = [dict(point.attributes) for point in telemetry.metric_points("shop.payments")]
    assert {"payment.method": "card", "currency": "EUR", "outcome": "authorised"} in points


@pytest.fixture
def provider_client(telemetry: Recorded) -> FlaskClient:
    """The provider itself, which thinks no time at all."""
    settings = thirdparty.Settings(app=AppSettings(service="thirdparty"))
    return thirdparty.create_app(settings, thirdparty.Deps(ChargeStore(100), lambda: None)).test_client()


def charge(client: FlaskClient, **changes: object) -> Any:
    """Ask for a charge that is fine unless told otherwise."""
    body = {"reference": "ord_a", "amount_minor": 100, "currency": "EUR", "method": "card", "card_token": "tok_ok_a"}
    return client.post("/payment-provider/v1/charges", json={**body, **changes})


def test_a_repeated_reference_is_one_charge(provider_client: FlaskClient, telemetry: Recorded) -> None:
    """The same answer, one accepted charge, and a count that says it was repeated."""
    first, second = charge(provider_client), charge(provider_client, card_token="tok_ok_b")
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    telemetry.log("charge.accepted")
    telemetry.log("charge.repeated")


def test_a_charge_can_be_read_by_its_id(provider_client: FlaskClient) -> None:
    """And an unknown one is 404."""
    made = charge(provider_client).json
    assert provider_client.get(f"/payment-provider/v1/charges/{made['charge_id']}").json == made
    assert provider_client.get("/payment-provider/v1/charges/ch_nope").json["error"]["code"] == "charge.unknown"


def test_a_declining_instrument_makes_a_declined_charge(provider_client: FlaskClient) -> None:
    """A decline is an answer, not an error of the provider."""
    answer = charge(provider_client, card_token="tok_insufficient_funds_a")
    assert answer.status_code == 201
    assert (answer.json["status"], answer.json["decline_reason"]) == ("declined", "insufficient_funds")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        pytest.param({"card_token": "4242424242424242"}, 422, "instrument.unknown", id="a raw number"),
        pytest.param({"amount_minor": 101}, 409, "charge.reference_reused", id="another amount"),
        pytest.param({"currency": "XXX"}, 422, "field.invalid", id="currency"),
    ],
)
def test_a_charge_that_makes_no_sense_is_refused(
    provider_client: FlaskClient, changes: dict[str, Any], status: int, code: str
) -> None:
    """The provider trusts nobody."""
    charge(provider_client)
    answer = charge(provider_client, **changes)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
