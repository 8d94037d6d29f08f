"""The storefront with a fake catalogue and fake orders."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from labkit.errors import ApiError
from labkit.settings import AppSettings
from labkit.testing import Recorded
from storefront import Deps, Settings, create_app
from storefront.clients import SearchResult
from storefront.domain import MAX_LINES, Basket, Cart, Checkout, PlacedOrder, PricedLine
from tests.integration.services.card_data import card_data_in

PRICE_MINOR = 500
CARD = {"method": "card", "card": {"number": "4242 4242 4242 4242", "expiry": "12/30", "cvc": "737"}}
LAMP: dict[str, Any] = {"id": "prd-000001", "name": "Oak Lamp", "category": "Lighting", "description": "A lamp."}


class FakeCatalog:
    """Everything that begins with ``prd-`` exists and costs the same."""

    def search(self, _text: str, _limit: int, _currency: str) -> SearchResult:
        return SearchResult([LAMP], 1)

    def product(self, _product_id: str, _currency: str) -> dict[str, Any]:
        return LAMP

    def price(self, cart: Cart, currency: str) -> Basket:
        if not all(product_id.startswith("prd-") for product_id in cart.quantities):
            raise ApiError(404, "product.unknown", "There is no such product.")
        lines = [PricedLine(key, "Lamp", n, PRICE_MINOR, n * PRICE_MINOR) for key, n in cart.quantities.items()]
        return Basket(currency, tuple(lines), sum(line.total_minor for line in lines))


class FakeOrders:
    """Places an order per key, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Checkout] = []
        self.failure: ApiError | None = None

    def place(self, checkout: Checkout) -> PlacedOrder:
        is_replay = any(former.key == checkout.key for former in self.asked)
        self.asked.append(checkout)
        if self.failure is not None:
            raise self.failure
        basket = checkout.basket
        order_id = f"ord_{checkout.key}"
        return PlacedOrder(order_id, "placed", basket.total_minor, basket.currency, "ch_x", checkout.method, is_replay)


@pytest.fixture
def orders() -> FakeOrders:
    """The orders of the storefront under test."""
    return FakeOrders()


@pytest.fixture
def client(orders: FakeOrders, telemetry: Recorded) -> FlaskClient:
    """A browser that nobody has logged in with."""
    settings = Settings(
        app=AppSettings(service="storefront"),
        catalog_url="http://nowhere.invalid",
        orders_url="http://nowhere.invalid",
        session_key="a key for tests",
    )
    return create_app(settings, Deps(FakeCatalog(), orders)).test_client()


@pytest.fixture
def visitor(client: FlaskClient) -> FlaskClient:
    """A browser after login."""
    assert client.post("/shop/api/login", json={"user": "ada"}).status_code == 200
    return client


def add(visitor: FlaskClient, product_id: str = "prd-000001", quantity: int = 1) -> Any:
    """Put something into the cart."""
    return visitor.post("/shop/api/cart", json={"product_id": product_id, "quantity": quantity})


def check_out(visitor: FlaskClient, key: str | None = "key-00000001", **changes: object) -> Any:
    """Buy the cart."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return visitor.post("/shop/api/checkout", json={"payment": CARD, "currency": "EUR", **changes}, headers=headers)


def test_a_visitor_logs_in_shops_and_pays(client: FlaskClient) -> None:
    """The whole journey, as the README tells it."""
    assert client.post("/shop/api/login", json={"user": "ada"}).json["user"] == "ada"
    assert client.get("/shop/api/products?q=lamp").json == {"products": [LAMP], "total": 1}
    assert client.get("/shop/api/products/prd-000001").json == LAMP
    cart = add(client, quantity=2).json
    assert cart["items"][0]["line_total"] == {"amount_minor": 1000, "currency": "EUR"}
    assert (cart["pieces"], cart["total"]) == (2, {"amount_minor": 1000, "currency": "EUR"})
    answer = check_out(client)
    assert answer.status_code == 201
    assert answer.json == {
        "order_id": "ord_key-00000001",
        "status": "placed",
        "total": {"amount_minor": 1000, "currency": "EUR"},
        "payment": {"transaction_id": "ch_x", "method": "card"},
    }
    assert client.get("/shop/api/cart").json["items"] == []


def test_a_journey_keeps_its_correlation_id(client: FlaskClient) -> None:
    """Made at login, it names everything that follows, and the next login makes another."""
    journey = client.post("/shop/api/login", json={"user": "ada"}).json["correlation_id"]
    assert client.get("/shop/api/products").headers["X-Correlation-ID"] == journey
    assert add(client).headers["X-Correlation-ID"] == journey
    assert check_out(client).headers["X-Correlation-ID"] == journey
    assert client.post("/shop/api/login", json={"user": "ada"}).json["correlation_id"] != journey


def test_a_correlation_id_of_the_caller_comes_first(visitor: FlaskClient) -> None:
    """Valid ones only; otherwise the journey's own id stays."""
    journey = visitor.get("/shop/api/cart").headers["X-Correlation-ID"]
    sent = {"X-Correlation-ID": "my-own-id-42"}
    assert visitor.get("/shop/api/cart", headers=sent).headers["X-Correlation-ID"] == "my-own-id-42"
    bad = {"X-Correlation-ID": "not <valid>"}
    assert visitor.get("/shop/api/cart", headers=bad).headers["X-Correlation-ID"] == journey


def test_a_login_takes_the_correlation_id_that_it_brings(client: FlaskClient) -> None:
    """A test or a load generator can choose the name of its journey."""
    sent = {"X-Correlation-ID": "journey-0001"}
    assert client.post("/shop/api/login", json={"user": "ada"}, headers=sent).json["correlation_id"] == "journey-0001"
    assert client.get("/shop/api/cart").headers["X-Correlation-ID"] == "journey-0001"


def test_two_visitors_do_not_share_anything(client: FlaskClient) -> None:
    """Carts and correlation ids belong to a browser."""
    other = client.application.test_client()
    client.post("/shop/api/login", json={"user": "ada"})
    other.post("/shop/api/login", json={"user": "bob"})
    add(client)
    assert other.get("/shop/api/cart").json["items"] == []
    first, second = (c.get("/shop/api/cart").headers["X-Correlation-ID"] for c in (client, other))
    assert first != second


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/shop/api/cart", id="read cart"),
        pytest.param("POST", "/shop/api/cart", id="add"),
        pytest.param("PUT", "/shop/api/cart/prd-000001", id="change"),
        pytest.param("DELETE", "/shop/api/cart", id="empty"),
        pytest.param("POST", "/shop/api/checkout", id="check out"),
    ],
)
def test_shopping_needs_a_login(client: FlaskClient, method: str, path: str) -> None:
    """401 that says how."""
    answer = client.open(path, method=method, json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "session.missing")
    assert "/shop/api/login" in answer.json["error"]["hint"]


def test_a_forged_cookie_is_nobody(visitor: FlaskClient) -> None:
    """The signature is checked; a changed cookie is no login and no correlation id."""
    cookie = visitor.get_cookie("opslab_shop", path="/shop")
    assert cookie is not None
    visitor.set_cookie("opslab_shop", "x" + cookie.value, path="/shop")
    assert visitor.get("/shop/api/cart").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: FlaskClient) -> None:
    """HttpOnly, SameSite and only for the shop."""
    header = client.post("/shop/api/login", json={"user": "ada"}).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/shop"} <= set(header.split("; "))


def test_reading_does_not_set_the_cookie(visitor: FlaskClient) -> None:
    """A slow search that ends after a click on "add" must not bring the old cart back."""
    assert "Set-Cookie" not in visitor.get("/shop/api/products?q=lamp").headers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "http://evil.example"}, id="origin"),
        pytest.param({"Origin": "null"}, id="opaque origin"),
        pytest.param({"Origin": "http://localhost:8080"}, id="other port"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="fetch metadata"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="neighbour"),
    ],
)
def test_pages_of_other_sites_cannot_change_anything(visitor: FlaskClient, headers: Mapping[str, str]) -> None:
    """Whatever cookie the browser would send along."""
    answer = visitor.delete("/shop/api/cart", headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "origin.foreign")


def test_the_page_of_the_shop_itself_may(visitor: FlaskClient) -> None:
    """The same origin is what the browser says for its own page."""
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert visitor.delete("/shop/api/cart", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"product_id": "nope", "quantity": 1}, 404, "product.unknown", id="unknown product"),
        pytest.param({"product_id": "prd-000001", "quantity": -1}, 422, "field.invalid", id="negative"),
        pytest.param({"product_id": "prd-000001", "quantity": 100}, 422, "field.invalid", id="too many"),
        pytest.param({"product_id": "prd-000001"}, 422, "field.missing", id="no quantity"),
        pytest.param({"product_id": 7, "quantity": 1}, 422, "field.invalid", id="id no text"),
    ],
)
def test_a_wrong_item_does_not_enter_the_cart(
    visitor: FlaskClient, body: dict[str, Any], status: int, code: str
) -> None:
    """The cart stays as it was."""
    answer = visitor.post("/shop/api/cart", json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)
    assert visitor.get("/shop/api/cart").json["items"] == []


def test_quantities_can_be_changed_and_taken_out(visitor: FlaskClient) -> None:
    """What the plus and minus of the page do."""
    add(visitor)
    assert visitor.put("/shop/api/cart/prd-000001", json={"quantity": 7}).json["pieces"] == 7
    assert visitor.put("/shop/api/cart/prd-000001", json={"quantity": 0}).json["items"] == []


def test_the_largest_cart_fits_into_its_cookie(visitor: FlaskClient) -> None:
    """Fifty lines, and the same again as what was bought last; browsers drop cookies over 4 KB."""
    for number in range(MAX_LINES):
        assert add(visitor, f"prd-{number * 467:06d}", 99).status_code == 200
    assert add(visitor, "prd-999999").json["error"]["code"] == "cart.full"
    check_out(visitor)
    for number in range(MAX_LINES):
        answer = add(visitor, f"prd-{number * 311:06d}", 98)
    assert len(answer.headers["Set-Cookie"]) < 4_000


def test_a_checkout_needs_an_idempotency_key(visitor: FlaskClient, orders: FakeOrders) -> None:
    """400 that says what to send; nothing is ordered."""
    add(visitor)
    answer = check_out(visitor, key=None)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "idempotency.key_missing")
    assert "UUID" in answer.json["error"]["hint"]
    assert orders.asked == []


def test_a_checkout_of_nothing_is_refused(visitor: FlaskClient) -> None:
    """Before anything is asked of orders."""
    assert check_out(visitor).json["error"]["code"] == "cart.empty"


def test_a_repeated_checkout_means_the_cart_of_the_first_one(visitor: FlaskClient, orders: FakeOrders) -> None:
    """The cart is empty after the first answer; the same key still stands for what was bought."""
    add(visitor, quantity=3)
    first, second = check_out(visitor), check_out(visitor)
    assert (second.status_code, second.json) == (201, first.json)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert orders.asked[0].basket == orders.asked[1].basket


def test_a_repeated_checkout_leaves_the_new_cart_alone(visitor: FlaskClient) -> None:
    """Who has gone on shopping keeps what is in the cart, even the same things."""
    add(visitor)
    check_out(visitor)
    add(visitor)
    check_out(visitor)
    assert visitor.get("/shop/api/cart").json["pieces"] == 1


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(ApiError(402, "payment.declined", "No."), ("checkout.refused", "WARN"), id="declined"),
        pytest.param(ApiError(504, "peer.timeout", "Late."), ("checkout.failed", "ERROR"), id="timeout"),
    ],
)
def test_a_failed_checkout_keeps_the_cart_and_is_told_once(
    visitor: FlaskClient, orders: FakeOrders, telemetry: Recorded, failure: ApiError, told: tuple[str, str]
) -> None:
    """The visitor can try again; refused is a warning, failed is an error."""
    add(visitor)
    orders.failure = failure
    answer = check_out(visitor)
    assert (answer.status_code, answer.json["error"]["code"]) == (failure.status, failure.code)
    event, level = told
    assert telemetry.log(event).severity_text == level
    assert visitor.get("/shop/api/cart").json["pieces"] == 1


def test_payment_data_goes_on_but_is_not_told(visitor: FlaskClient, orders: FakeOrders, telemetry: Recorded) -> None:
    """Orders gets the card; spans, log records, the cookie and the answer do not."""
    add(visitor)
    answer = check_out(visitor)
    assert orders.asked[0].payment == CARD
    told = "".join(span.to_json() for span in telemetry.spans()) + str(answer.headers) + answer.text
    told += "".join(f"{record.body} {dict(record.attributes)}" for record in telemetry.logs())
    assert card_data_in(told, "4242 4242 4242 4242", "737") == []


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        pytest.param({"method": "cheque"}, "field.invalid", id="method"),
        pytest.param({"method": "card"}, "field.missing", id="no card"),
        pytest.param({"method": "bank", "iban": 7}, "field.invalid", id="iban no text"),
        pytest.param("card", "field.invalid", id="no object"),
    ],
)
def test_a_malformed_payment_is_refused(visitor: FlaskClient, payment: object, code: str) -> None:
    """422 before anything is asked of others."""
    add(visitor)
    answer = check_out(visitor, payment=payment)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, code)


@pytest.mark.parametrize("user", ["", "a b", "<script>", "x" * 33, "-dash", "ü", None, 7])
def test_odd_user_names_are_refused(client: FlaskClient, user: object) -> None:
    """Names go into logs and pages: letters, digits, dots, dashes and underscores."""
    assert client.post("/shop/api/login", json={"user": user}).status_code == 422


@pytest.mark.parametrize(
    ("kwargs", "status"),
    [
        pytest.param({"data": b"x" * 10_000_000, "content_type": "application/json"}, 413, id="10 MB"),
        pytest.param({"data": b"{", "content_type": "application/json"}, 400, id="broken JSON"),
        pytest.param({"data": b"user=ada", "content_type": "application/x-www-form-urlencoded"}, 415, id="a form"),
    ],
)
def test_bad_bodies_are_refused(client: FlaskClient, kwargs: dict[str, Any], status: int) -> None:
    """A form of another site could send the last one: it is no JSON."""
    assert client.post("/shop/api/login", **kwargs).status_code == status


@pytest.mark.parametrize("product_id", ["..%2Fhealth", "a%3Fb", "%00", "UPPER"])
def test_an_odd_product_id_never_becomes_a_path_of_the_catalogue(client: FlaskClient, product_id: str) -> None:
    """404, without asking."""
    answer = client.get(f"/shop/api/products/{product_id}")
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/shop", "/shop/"])
def test_the_page_comes_with_a_strict_content_security_policy(client: FlaskClient, path: str) -> None:
    """Nothing inline, nothing from elsewhere, no frames."""
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_everything_that_the_page_refers_to_is_there(client: FlaskClient) -> None:
    """Style, script and icon."""
    paths = set(re.findall(r'(?:href|src)="(/shop/static/[^"]+)"', client.get("/shop").text))
    assert len(paths) == 3
    for path in paths:
        with client.get(path) as answer:
            assert answer.status_code == 200


def test_the_page_knows_who_is_logged_in_and_shows_names_as_text(visitor: FlaskClient) -> None:
    """Rendered by the server, escaped."""
    assert 'data-user="ada"' in visitor.get("/shop").text


def test_logging_out_forgets_everything(visitor: FlaskClient) -> None:
    """Cart and name are gone with the cookie."""
    add(visitor)
    visitor.post("/shop/api/logout", json={})
    assert visitor.get("/shop/api/cart").status_code == 401


def test_every_line_of_a_visitor_names_them(visitor: FlaskClient, telemetry: Recorded) -> None:
    """User and correlation id are on events and access lines alike."""
    telemetry.clear()
    answer = visitor.get("/shop/api/products?q=lamp")
    for event in ("products.searched", "request.completed"):
        attributes = telemetry.log(event).attributes
        assert attributes["user_id"] == "ada"
        assert attributes["correlation_id"] == answer.headers["X-Correlation-ID"]
