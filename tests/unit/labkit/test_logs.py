"""Log records, as both sinks see them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from labkit import correlation, logs, telemetry
from labkit.errors import ConfigurationError
from labkit.testing import Recorded


@pytest.fixture
def stdout(telemetry: Recorded) -> Iterator[io.StringIO]:
    """What is written to stdout, beside the in-memory OTLP handler."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers[:] = [logs.configure("shop", "INFO", stream), telemetry.handler]
    yield stream
    root.handlers[:] = before


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_has_its_name_fields_and_ids(stdout: io.StringIO) -> None:
    """One JSON object a line: when, how bad, what, who, in which trace, and the fields, flat."""
    with telemetry.tracer().start_as_current_span("work"), correlation.run_with_context("order-flow-1", shop="a"):
        trace_id, span_id = telemetry.trace_id_hex(), telemetry.span_id_hex()
        logs.get_logger("orders").event("order.placed", order_id="o-1", amount_minor=499, gift=False)
    (line,) = _lines(stdout)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "event": "order.placed",
        "service": "shop",
        "logger": "orders",
        "trace_id": trace_id,
        "span_id": span_id,
        "correlation_id": "order-flow-1",
        "shop": "a",
        "order_id": "o-1",
        "amount_minor": 499,
        "gift": False,
    }


def test_both_sinks_get_the_same_record(stdout: io.StringIO, telemetry: Recorded) -> None:
    """Name as body, fields as attributes, and no attribute of the machinery."""
    with correlation.run_with_context("order-flow-1"):
        logs.get_logger("orders").warning_event("payment.declined", order_id="o-1", reason=None)
    record = telemetry.log("payment.declined")
    assert dict(record.attributes) == {"order_id": "o-1", "reason": None, "correlation_id": "order-flow-1"}
    assert (record.severity_text, _lines(stdout)[0]["level"]) == ("WARN", "WARNING")


def test_an_ordinary_message_is_a_message(stdout: io.StringIO) -> None:
    """What libraries say is formatted, redacted, and not called an event."""
    logging.getLogger("lib").warning("card %s of %d", "4111 1111 1111 1111", 2)
    (line,) = _lines(stdout)
    assert line["message"] == "card [redacted] of 2"
    assert "event" not in line


def test_a_wrong_format_string_does_not_cost_the_line(stdout: io.StringIO) -> None:
    """A bug in a log call is visible, not fatal."""
    logging.getLogger("lib").warning("%d items", "three")
    assert "not rendered: TypeError" in _lines(stdout)[0]["message"]


def test_an_exception_is_written_once_and_redacted(stdout: io.StringIO, telemetry: Recorded) -> None:
    """Type, message and stack as fields in both sinks."""
    try:
        raise ValueError("card 4111111111111111")
    except ValueError as error:
        logs.get_logger("orders").error_event("order.failed", exc_info=error)
    (line,) = _lines(stdout)
    assert line["exception.type"] == "ValueError"
    assert line["exception.message"] == "card [redacted]"
    assert "exc_info" not in line
    assert "4111" not in stdout.getvalue()
    attributes = telemetry.log("order.failed").attributes
    assert attributes["exception.stacktrace"] == line["exception.stacktrace"]
    assert attributes["exception.stacktrace"].count("Traceback") == 1


@pytest.mark.parametrize("key", ["name", "msg", "args", "message", "level", "trace_id", "timestamp", "service"])
def test_a_field_cannot_overwrite_what_is_ours(stdout: io.StringIO, key: str) -> None:
    """A field that is called like a part of the record gets an underscore, instead of an exception or a lie."""
    logs.get_logger("orders").event("user.logged_in", **{key: "mine"})
    (line,) = _lines(stdout)
    assert line[f"{key}_"] == "mine"
    assert line["event"] == "user.logged_in"


def test_a_long_text_is_cut(stdout: io.StringIO) -> None:
    """Loki refuses a line whose metadata is too large; the beginning is kept, and the length said."""
    logs.get_logger("orders").event("note.written", text="x" * 100_000)
    text = _lines(stdout)[0]["text"]
    assert len(text) < 8300
    assert text.endswith("(100000 characters)")


def test_the_level_decides_except_for_a_line_that_is_awaited(stdout: io.StringIO) -> None:
    """A test line comes through at any level."""
    before = logs.level()
    logs.set_level("ERROR")
    try:
        logs.get_logger("orders").event("order.placed")
        logs.get_logger("orders").event_at_any_level("lab.test_line", tag="t")
    finally:
        logs.set_level(before)
    assert [line["event"] for line in _lines(stdout)] == ["lab.test_line"]


def test_an_unknown_level_is_refused() -> None:
    """The message names the levels there are."""
    with pytest.raises(ConfigurationError, match="not a log level") as caught:
        logs.set_level("loud")
    assert "WARNING" in caught.value.hint


def test_the_exporters_complaints_are_not_exported(stdout: io.StringIO, telemetry: Recorded) -> None:
    """A failing export is on stdout only; otherwise it would be exported, fail, and be logged again."""
    logging.getLogger("opentelemetry.exporter").error("Failed to export")
    assert len(_lines(stdout)) == 1
    assert telemetry.logs() == []
