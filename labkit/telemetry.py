"""What a service needs of OpenTelemetry: instruments with units and buckets, the current trace, closed labels.

Module-level instruments are fine: they are proxies until :func:`initialise` has run in the worker.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation, UpDownCounter
from opentelemetry.trace import Status, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import AttributeValue

from labkit.labels import ClosedLabels
from labkit.redaction import redact_mapping, redact_text

__all__ = [
    "DURATION_BUCKETS_S",
    "ClosedLabels",
    "counter",
    "gauge_callback",
    "histogram",
    "initialise",
    "meter",
    "record_error",
    "set_attributes",
    "shutdown",
    "span_id_hex",
    "trace_id_hex",
    "tracer",
    "traceresponse",
    "up_down_counter",
]

# The boundaries that the semantic conventions advise for http.server.request.duration.
DURATION_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_SCOPE = "labkit"


def initialise(service: str, release: str) -> None:
    """Set up the SDK and the instrumentation of this process. ``labkit.gunicorn_conf`` does, after the fork."""
    from labkit import telemetry_sdk  # noqa: PLC0415 - the SDK costs 100 ms and a one-shot does not need it

    telemetry_sdk.initialise(service, release)


def shutdown(timeout_s: float = 3.0) -> bool:
    """Send what is queued and stop, in ``timeout_s`` at most. False when something had to be left behind."""
    from labkit import telemetry_sdk  # noqa: PLC0415 - see above

    return telemetry_sdk.shutdown(timeout_s)


def tracer() -> Tracer:
    """The tracer of labkit and the services."""
    return trace.get_tracer(_SCOPE)


def meter() -> Meter:
    """The meter of labkit and the services."""
    return metrics.get_meter(_SCOPE)


def histogram(name: str, unit: str, description: str, buckets: Sequence[float]) -> Histogram:
    """A histogram with its own boundaries: the SDK's default, 0 to 10000, fits no quantity in seconds."""
    return meter().create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(buckets))


def counter(name: str, unit: str, description: str) -> Counter:
    """A count that only grows."""
    return meter().create_counter(name, unit, description)


def up_down_counter(name: str, unit: str, description: str) -> UpDownCounter:
    """A count that also falls."""
    return meter().create_up_down_counter(name, unit, description)


def gauge_callback(
    name: str, unit: str, description: str, read: Callable[[], Iterable[tuple[float, Mapping[str, str]]]]
) -> None:
    """A value that is read when metrics are collected: ``read`` yields ``(value, labels)`` and must not block."""

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(labels)) for value, labels in read()]

    meter().create_observable_gauge(name, [observe], unit, description)


def trace_id_hex() -> str | None:
    """The current trace id, 32 hexadecimal digits; None outside of a trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else None


def span_id_hex() -> str | None:
    """The current span id, 16 hexadecimal digits; None outside of a trace."""
    context = trace.get_current_span().get_span_context()
    return trace.format_span_id(context.span_id) if context.is_valid else None


def traceresponse() -> str | None:
    """The value of the ``traceresponse`` header (W3C Trace Context level 2) for the current span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    ids = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags & TraceFlags.SAMPLED:02x}"


def set_attributes(attributes: Mapping[str, AttributeValue]) -> None:
    """Add attributes to the current span, redacted."""
    trace.get_current_span().set_attributes(
        {key: value for key, value in redact_mapping(attributes).items() if value is not None}
    )


def record_error(error: BaseException) -> None:
    """Mark the current span as failed and note the exception on it, redacted and without the stack."""
    span = trace.get_current_span()
    message = redact_text(str(error))
    span.add_event("exception", {"exception.type": type(error).__qualname__, "exception.message": message})
    span.set_status(Status(StatusCode.ERROR, message))
