"""Instruments and ids."""

from labkit.telemetry import (
    counter,
    gauge_callback,
    histogram,
    record_error,
    set_attributes,
    span_id_hex,
    trace_id_hex,
    tracer,
    traceresponse,
)
from labkit.testing import Recorded


def test_ids_are_those_of_the_current_span() -> None:
    """Outside of a trace there is none."""
    assert trace_id_hex() is None
    assert span_id_hex() is None
    assert traceresponse() is None


def test_a_histogram_has_its_own_buckets(telemetry: Recorded) -> None:
    """Not the SDK's, which begin at 5."""
    histogram("shop.amount", "1", "An amount.", (1, 10)).record(5, {"kind": "a"})
    counter("shop.count", "1", "A count.").add(2)
    (point,) = telemetry.metric_points("shop.amount")
    assert tuple(point.explicit_bounds) == (1, 10)
    assert telemetry.metric_points("shop.count")[0].value == 2


def test_a_gauge_is_read_when_it_is_collected(telemetry: Recorded) -> None:
    """The callback yields values with their labels."""
    gauge_callback("shop.depth", "1", "A depth.", lambda: [(3, {"queue": "a"})])
    (point,) = telemetry.metric_points("shop.depth")
    assert (point.value, dict(point.attributes)) == (3, {"queue": "a"})


def test_attributes_and_errors_on_a_span_are_redacted(telemetry: Recorded) -> None:
    """What a view writes goes through the same rules as a log."""
    with tracer().start_as_current_span("work"):
        set_attributes({"card.cvc": "123", "order.id": "o-1"})
        record_error(ValueError("4111 1111 1111 1111"))
    span = telemetry.span("work")
    assert dict(span.attributes or {}) == {"card.cvc": "[redacted]", "order.id": "o-1"}
    assert span.status.description == "[redacted]"
    assert (span.events[0].attributes or {})["exception.message"] == "[redacted]"
