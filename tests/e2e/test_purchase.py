"""One purchase, followed through traces, logs, metrics and the database."""

import time
import uuid
from collections.abc import Mapping

import pytest

from labctl.backends import Backends
from labctl.backends.loki import Window
from labctl.backends.samples import Exemplar
from labctl.backends.spans import Trace
from labctl.prove.evidence import dump
from labctl.prove.polling import poll
from labctl.prove.shopper import CARD_PAYMENT, TEST_CARD, Placed, Shopper, ShopRefused
from labctl.prove.world import World
from labctl.traces.tree import TraceTree

SERVICES = ("storefront", "catalog", "orders", "payments", "thirdparty")
CALLERS = ("storefront", "orders", "payments")
WITH_DATABASE = ("catalog", "orders")
EDGES = (("storefront", "catalog"), ("storefront", "orders"), ("orders", "payments"), ("payments", "thirdparty"))
PAYMENTS: Mapping[str, Mapping[str, object]] = {
    "card": CARD_PAYMENT,
    "bank": {"method": "bank", "iban": "DE89370400440532013000"},
    "crypto": {"method": "crypto", "wallet": "0x52908400098527886e0f7030069857d2e4169ee7"},
}


@pytest.fixture(scope="module")
def trace(backends: Backends, purchase: Placed) -> Trace:
    """The purchase's trace, once Jaeger's number of spans for it has stopped growing."""
    seen: list[int] = []

    def look() -> Trace:
        found = backends.jaeger.trace(purchase.trace_id)
        seen.append(len(found.spans))
        return found

    return poll("a settled trace", look, lambda _: len(seen) > 5 and len(set(seen[-5:])) == 1)


@pytest.mark.parametrize("service", SERVICES)
def test_trace_has_a_server_span_of_every_service(trace: Trace, service: str) -> None:
    """Each service on the way of a checkout was instrumented, and its context arrived."""
    assert [span.name for span in trace.spans if span.service == service and span.kind == "server"]


@pytest.mark.parametrize("service", CALLERS)
def test_trace_has_a_client_span_of_every_caller(trace: Trace, service: str) -> None:
    """Each call out is a span of its own, so that network and queueing show as the difference to the SERVER span."""
    names = [span.name for span in trace.spans if span.service == service and span.kind == "client"]
    assert [name for name in names if "SELECT" not in name.upper()]


@pytest.mark.parametrize("service", WITH_DATABASE)
def test_trace_has_database_spans(trace: Trace, service: str) -> None:
    """Statements are spans with the system's name by OpenTelemetry's conventions."""
    systems = {span.attributes.get("db.system.name") for span in trace.spans if span.service == service}
    assert "postgresql" in systems


def test_trace_is_one_connected_tree(trace: Trace) -> None:
    """No hop loses the context: one root, nobody without a parent."""
    rows = list(TraceTree.of(trace).rows())
    assert [(row.span.service, row.span.name) for row in rows if row.depth == 0] == [
        (rows[0].span.service, rows[0].span.name)
    ]
    assert not [row.span.name for row in rows if row.is_orphan]


def test_log_lines_carry_trace_and_correlation_id(backends: Backends, purchase: Placed) -> None:
    """From a trace one gets to the lines of at least four services, and from these to the customer's whole journey."""
    query = f'{{service_name=~".+"}} | trace_id="{purchase.trace_id}" | correlation_id="{purchase.correlation_id}"'
    services = poll(
        "lines of four services",
        lambda: {line.service for line in backends.loki.query_range(query, Window.last(300))},
        lambda names: len(names) >= 4,
    )
    assert services <= set(SERVICES)


def test_order_is_in_log_trace_and_database_under_one_id(world: World, purchase: Placed, trace: Trace) -> None:
    """The same order id leads to the row, the line and the span."""
    assert purchase.order_id in world.control.sql("orders", "SELECT order_id FROM orders WHERE status = 'placed'")
    assert purchase.order_id in {span.attributes.get("order.id") for span in trace.spans}
    query = f'{{service_name="orders"}} |= "order.placed" | order_id="{purchase.order_id}"'
    poll("the line of the order", lambda: world.backends.loki.query_range(query, Window.last(300)))


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    "suffix", [pytest.param("count", id="rate"), pytest.param("bucket", id="duration"), pytest.param("sum", id="total")]
)
def test_every_hop_has_red_metrics(backends: Backends, purchase: Placed, service: str, suffix: str) -> None:
    """Rate, errors (by status code) and duration of each service, from its own histogram."""
    promql = f'http_server_request_duration_seconds_{suffix}{{service_name="{service}"}}'
    series = poll(f"{promql}", lambda: backends.prometheus.query(promql))
    assert all("http_response_status_code" in one.labels for one in series)
    assert all("http_request_method" in one.labels for one in series)


@pytest.mark.parametrize(("client", "server"), EDGES)
def test_service_graph_has_every_edge(backends: Backends, purchase: Placed, client: str, server: str) -> None:
    """Who calls whom is a metric, made by the collector from spans."""
    promql = f'traces_service_graph_request_total{{client="{client}", server="{server}"}}'
    poll(promql, lambda: sum(one.samples[-1].value for one in backends.prometheus.query(promql)), timeout_s=30)


def test_exemplar_of_latency_leads_to_a_trace(backends: Backends, shopper: Shopper) -> None:
    """From a bucket of the histogram one gets to a request that Jaeger has."""
    began_s = time.time()

    def exemplars() -> list[Exemplar]:
        shopper.search()
        promql = 'http_server_request_duration_seconds_bucket{service_name="storefront"}'
        found = backends.prometheus.query_exemplars(promql, began_s - 60, time.time() + 5)
        return [one for one in found if one.timestamp_s >= began_s - 1 and one.labels.get("trace_id")]

    newest = max(poll("an exemplar with a trace id", exemplars), key=lambda one: one.timestamp_s)
    found = poll("the exemplar's trace", lambda: backends.jaeger.trace(newest.labels["trace_id"]).services)
    assert "storefront" in found


@pytest.mark.parametrize("method", PAYMENTS)
def test_every_payment_method_buys(shopper: Shopper, method: str) -> None:
    """Card, bank and crypto all lead to a placed order with money in minor units and an ISO 4217 currency."""
    shopper.put_in_cart(str(shopper.search()[0]["id"]), quantity=2)
    placed = shopper.check_out(PAYMENTS[method])
    assert placed.answer["payment"]["method"] == method
    assert placed.answer["payment"]["transaction_id"]
    assert placed.amount_minor > 0
    assert placed.currency == "EUR"


def test_checkout_is_idempotent(world: World, shopper: Shopper) -> None:
    """The same Idempotency-Key again is the same order and is paid once."""
    key = str(uuid.uuid4())
    shopper.put_in_cart(str(shopper.search()[0]["id"]))
    first = shopper.check_out(key=key)
    again = shopper.check_out(key=key)
    assert again.order_id == first.order_id
    assert again.answer["payment"] == first.answer["payment"]
    mine = f"SELECT order_id FROM orders WHERE user_id = '{shopper.user}'"  # noqa: S608 - the name is ours
    assert world.control.sql("orders", mine) == [first.order_id]


def test_declined_card_is_told_and_traced(backends: Backends, shopper: Shopper) -> None:
    """A refusal by the payment provider reaches the customer as such, not as a fault of the shop."""
    shopper.put_in_cart(str(shopper.search()[0]["id"]))
    declining = {"method": "card", "card": {**TEST_CARD, "number": "4000000000009995"}}
    with pytest.raises(ShopRefused) as refused:
        shopper.check_out(declining)
    assert refused.value.context["status"] == 402
    assert "9995" not in refused.value.message


def test_card_number_is_nowhere(world: World, shopper: Shopper) -> None:
    """Card data reaches no log line, no span and no table, however it was written."""
    number = "5555 5555 5555 4444"
    plain = number.replace(" ", "")
    shopper.put_in_cart(str(shopper.search()[0]["id"]))
    placed = shopper.check_out({"method": "card", "card": {"number": number, "expiry": "11/38", "cvc": "987"}})
    query = f'{{service_name=~".+"}} | trace_id="{placed.trace_id}"'
    lines = poll(
        "the purchase's lines",
        lambda: world.backends.loki.query_range(query, Window.last(300), limit=1000),
        lambda found: len({line.service for line in found}) >= 4,
    )
    spans = poll(
        "the purchase's spans",
        lambda: world.backends.jaeger.trace(placed.trace_id).spans,
        lambda found: len({span.service for span in found}) == 5,
    )
    tables = [dump(world.control, database) for database in ("catalog", "orders")]
    for place in (repr(lines), repr(spans), *tables):
        assert plain not in place
        assert number not in place
    assert placed.order_id in tables[1]
