"""Reading Jaeger's answers, recorded from Jaeger 2.13.0."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from labctl.backends.errors import NotFound
from labctl.backends.http import Session
from labctl.backends.jaeger import Jaeger, TraceQuery, traces_of
from labkit.errors import CannotTell, ConfigurationError

Recorded = Callable[[str], str]


def only_id(text: str) -> str:
    """The trace id in a recorded trace."""
    return str(json.loads(text)["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"])


def test_a_trace_is_read_whole(session: Session, network: Any, recorded: Recorded) -> None:
    """Spans of five services with kinds, errors, events, attributes and resources."""
    text = recorded("jaeger_trace.json")
    network.answer(text)
    trace = Jaeger(session).trace(only_id(text))
    assert len(trace.spans) == 12
    assert trace.services == ("storefront", "catalog", "orders", "payments", "thirdparty")
    assert trace.error_count == 3
    assert (trace.root.service, trace.root.name, trace.root.kind) == ("storefront", "POST /shop/api/checkout", "server")
    assert trace.root.status_message == "payment declined"
    assert trace.root.attributes["http.response.status_code"] == 402
    assert trace.root.resource["service.version"] == "0.1.0"
    events = [event for span in trace.spans for event in span.events]
    assert events[0].attributes["exception.type"] == "PaymentDeclined"
    assert 0 < trace.duration_ns < 1_000_000_000


def test_arrays_and_numbers_of_attributes_are_decoded(recorded: Recorded) -> None:
    """OTLP's JSON wraps every value; 64-bit integers come as text."""
    (trace,) = traces_of(json.loads(recorded("jaeger_trace.json")))
    orders = next(span for span in trace.spans if span.name == "POST /orders")
    assert orders.attributes["order.items"] == [1, 2, 3]
    assert isinstance(orders.attributes["order.total"], float)


def test_a_missing_parent_is_kept_as_it_is(recorded: Recorded) -> None:
    """A span whose parent Jaeger does not have is no root by mistake."""
    (trace,) = traces_of(json.loads(recorded("jaeger_hostile.json")))
    orphan = next(span for span in trace.spans if span.name == "orphan")
    assert orphan.parent_id == "ffffffffffffffff"
    assert trace.root.name != "orphan"


def test_an_unknown_trace_is_not_found(session: Session, network: Any, recorded: Recorded) -> None:
    """Jaeger's 404 is an answer: exit code 1."""
    network.answer(recorded("jaeger_not_found.json"), 404)
    with pytest.raises(NotFound, match="has no trace"):
        Jaeger(session).trace("1")


def test_no_match_is_an_empty_list(session: Session, network: Any, recorded: Recorded) -> None:
    """A search without a match is a 404 in Jaeger, and no error here."""
    network.answer(recorded("jaeger_not_found.json"), 404)
    assert Jaeger(session).find(TraceQuery("orders")) == []


@pytest.mark.parametrize("text", ["zz", "", "0" * 32, "1" * 33, "../services", "1 or 2"])
def test_what_cannot_be_a_trace_id_is_never_asked(session: Session, network: Any, text: str) -> None:
    """Usage, exit code 2; nothing goes into the path unchecked."""
    with pytest.raises(ConfigurationError):
        Jaeger(session).trace(text)
    assert not network.asked


def test_a_search_has_both_time_bounds_and_the_upper_one_in_the_future(session: Session, network: Any) -> None:
    """Jaeger refuses a search without bounds; a host whose clock is ahead must not hide."""
    network.answer('{"result": {"resourceSpans": []}}')
    Jaeger(session).find(TraceQuery("orders", "POST /orders", 250.0, 600, 7))
    asked = urlsplit(str(network.asked[0].url))
    query = parse_qs(asked.query)
    assert asked.path == "/jaeger/api/v3/traces"
    assert query["query.service_name"] == ["orders"]
    assert query["query.operation_name"] == ["POST /orders"]
    assert query["query.duration_min"] == ["250ms"]
    assert query["query.num_traces"] == ["7"]
    assert query["query.start_time_min"][0] < query["query.start_time_max"][0]


def test_services_and_operations_are_sorted(session: Session, network: Any, recorded: Recorded) -> None:
    """Names come sorted, and an operation with two kinds once."""
    network.answer(recorded("jaeger_services.json"))
    network.answer(recorded("jaeger_operations.json"))
    jaeger = Jaeger(session)
    assert jaeger.services() == ["catalog", "orders", "payments", "storefront", "thirdparty"]
    assert jaeger.operations("orders")[0] == "INSERT orders"


@pytest.mark.parametrize("body", ["[]", '"text"'])
def test_an_answer_of_another_server_is_no_empty_result(session: Session, network: Any, body: str) -> None:
    """JSON of the wrong shape is "cannot tell"."""
    network.answer(body)
    with pytest.raises(CannotTell):
        Jaeger(session).services()
