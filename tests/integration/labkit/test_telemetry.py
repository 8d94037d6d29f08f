"""What a really forked service emits: spans, exemplars, logs, and who they say they are."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.labkit.running import Service
from tests.integration.labkit.sink import Sink, attributes

pytestmark = pytest.mark.integration


def _trace_of(answer: Any) -> str:
    return str(answer.headers["traceresponse"].split("-")[1])


def _spans(sink: Sink, trace_id: str, kind: int) -> list[Any]:
    return [span for span in sink.spans() if span.trace_id.hex() == trace_id and span.kind == kind]


def test_server_client_and_database_spans_share_a_trace(database_service: Service, sink: Sink) -> None:
    """A fork after the imports does not cost the instrumentation: every kind of span is there, linked."""
    trace_id = _trace_of(database_service.get("/chain"))
    sink.wait_for(lambda: len(_spans(sink, trace_id, Span.SPAN_KIND_SERVER)) == 2)
    (client,) = sink.wait_for(lambda: _spans(sink, trace_id, Span.SPAN_KIND_CLIENT))
    outer, inner = sorted(_spans(sink, trace_id, Span.SPAN_KIND_SERVER), key=lambda span: span.name)
    assert (outer.name, inner.name) == ("GET /chain", "GET /hello/<name>")
    assert client.parent_span_id == outer.span_id
    assert inner.parent_span_id == client.span_id
    assert attributes(client)["peer.service"] == "tinyshop"


def test_a_select_through_the_pool_is_one_client_span(database_service: Service, sink: Sink) -> None:
    """The statement is there with its text, and what the pool does for itself is not."""
    answer = database_service.get("/rows")
    assert answer.json() == {"rows": [{"number": 1}, {"number": 2}, {"number": 3}]}
    trace_id = _trace_of(answer)
    (span,) = sink.wait_for(lambda: _spans(sink, trace_id, Span.SPAN_KIND_CLIENT))
    assert span.name == "SELECT"
    seen = attributes(span)
    assert seen["db.system.name"] == "postgresql"
    assert seen["db.query.text"] == "SELECT generate_series(1, 3) AS number"
    assert "db.statement" not in seen


def test_an_exemplar_leads_to_the_trace_of_the_request(service: Service, sink: Sink) -> None:
    """The duration histogram of requests carries the trace id of one of them, in seconds, once."""
    trace_id = _trace_of(service.get("/hello/exemplar"))

    def exemplars() -> list[str]:
        points = sink.latest_points("http.server.request.duration")
        return [exemplar.trace_id.hex() for point in points for exemplar in point.exemplars]

    sink.wait_for(lambda: trace_id in exemplars())
    points = sink.latest_points("http.server.request.duration")
    assert {point.count for point in points} == {2}  # the readiness request and ours: one source, nothing twice
    assert list(points[0].explicit_bounds)[:3] == [0.005, 0.01, 0.025]
    assert set(attributes(points[0])) == {"http.request.method", "http.response.status_code", "http.route"}


def test_an_unknown_path_is_no_label(service: Service, sink: Sink) -> None:
    """A path that matches no route has no route label, so guessing paths makes no series."""
    for number in range(3):
        assert service.get(f"/nowhere/{number}").status_code == 404

    def not_found() -> list[Any]:
        points = sink.latest_points("http.server.request.duration")
        return [point for point in points if attributes(point)["http.response.status_code"] == 404 and point.count == 3]

    (point,) = sink.wait_for(not_found)
    assert "http.route" not in attributes(point)


def test_client_durations_are_labelled_by_peer(service: Service, sink: Sink) -> None:
    """The metric names the component that was called, not the loopback address they all share."""
    service.get("/chain")
    (point,) = sink.wait_for(lambda: sink.latest_points("http.client.request.duration"))
    assert attributes(point) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "tinyshop",
    }


def test_database_durations_use_buckets_for_seconds(database_service: Service, sink: Sink) -> None:
    """The instrumentation's own boundaries begin at 5 s; the view replaces them and drops the address."""
    database_service.get("/rows")
    (point,) = sink.wait_for(lambda: sink.latest_points("db.client.operation.duration"))
    assert list(point.explicit_bounds)[:2] == [0.005, 0.01]
    assert attributes(point) == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "db.operation.name": "SELECT",
    }
    states = {
        attributes(found)["db.client.connection.state"] for found in sink.latest_points("db.client.connection.count")
    }
    assert states == {"used", "idle"}


def test_the_resource_says_who_and_nothing_of_the_host(service: Service, sink: Sink) -> None:
    """All three signals carry one bounded identity, and no metric describes the machine."""
    sink.wait_for(lambda: sink.spans() and sink.logs() and sink.metrics())
    for resource in sink.resources():
        assert resource["service.name"] == "tinyshop"
        assert resource["service.instance.id"] == "tinyshop-1"
        assert resource["service.namespace"] == "opslab"
        assert resource["service.version"] == "1.2.3"
        assert resource["deployment.environment.name"] == "lab"
    names = {metric.name for metric in sink.metrics()}
    assert "process.memory.usage" in names
    assert not [name for name in names if name.startswith(("system.", "process.runtime."))]


def test_exports_carry_the_token_and_no_output_does(service: Service, sink: Sink) -> None:
    """The bearer token arrives whole, whatever characters it has, and is written nowhere."""
    sink.wait_for(lambda: sink.requests)
    assert sink.requests[0][1]["authorization"] == "Bearer otlp token/with=signs,and%20more"
    assert "otlp token" not in service.output()


def test_a_log_line_has_the_same_ids_in_both_sinks(service: Service, sink: Sink) -> None:
    """Event, trace id, correlation id and fields agree between stdout and OTLP."""
    answer = service.get("/hello/logs", headers={"X-Correlation-ID": "order-flow-0001"})
    trace_id = _trace_of(answer)
    (record,) = sink.wait_for(lambda: [log for log in sink.logs() if log.trace_id.hex() == trace_id])
    (line,) = [line for line in service.events("request.completed") if line["trace_id"] == trace_id]
    assert record.body.string_value == line["event"] == "request.completed"
    assert record.severity_text == line["level"] == "INFO"
    assert attributes(record)["correlation_id"] == line["correlation_id"] == "order-flow-0001"
    assert attributes(record)["http.route"] == line["http.route"] == "/hello/<name>"
    assert line["service"] == "tinyshop"


def test_the_correlation_id_travels_as_baggage_and_nothing_else_does(service: Service, sink: Sink) -> None:
    """A caller's id reaches the last span of the chain; the rest of its baggage stays behind."""
    headers = {"baggage": "correlation.id=from-baggage-01,password=hunter2"}
    answer = service.get("/chain", headers=headers)
    assert answer.headers["X-Correlation-ID"] == "from-baggage-01"
    trace_id = _trace_of(answer)
    spans = sink.wait_for(
        lambda: (found := _spans(sink, trace_id, Span.SPAN_KIND_SERVER)) and len(found) == 2 and found
    )
    assert {attributes(span)["correlation.id"] for span in spans} == {"from-baggage-01"}
    assert not [body for body in sink.raw if b"hunter2" in body]


CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    "number",
    [CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), int(CARD.replace(" ", ""))],
    ids=["spaces", "plain", "dashes", "number"],
)
def test_a_card_number_reaches_no_sink(service: Service, sink: Sink, number: object) -> None:
    """Whatever the field, the message, the URL or the exception: neither stdout nor OTLP ever holds the number."""
    service.post("/leak", json={"number": number})
    service.get("/boom", params={"card": str(number)})
    service.get(f"/hello/{number}")
    sink.wait_for(lambda: [log for log in sink.logs() if log.body.string_value == "request.failed"])
    sink.wait_for(lambda: len([span for span in sink.spans() if span.name == "GET /hello/<name>"]) >= 2)
    written = service.output().encode() + b"".join(sink.raw)
    for forbidden in (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), "hunter2", '"123"'):
        assert forbidden.encode() not in written
    (seen,) = service.events("card.seen")
    assert seen["note"] == "number [redacted]"
    assert seen["cvc"] == seen["number"] == "[redacted]"
