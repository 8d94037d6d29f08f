"""What stands between the SDK and the collector: spans are redacted, and an outage is waited out."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import requests
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.util.types import Attributes, AttributeValue

from labkit.redaction import redact_text, redact_value

_RETRYABLE_STATUS = frozenset({429, 502, 503, 504})
_ATTEMPT_TIMEOUT_S = 10.0
_PAUSE_S = 0.25


class PatientSession(requests.Session):
    """Tries again, four times a second, for as long as the exporter's timeout allows.

    The exporters of OpenTelemetry Python 1.45 give up after six tries with doubling pauses, that is after 25 to 37 s,
    even when ``OTEL_EXPORTER_OTLP_TIMEOUT`` grants 60. Here the timeout is what it says. An impatient session, for
    metrics, tries once.
    """

    def __init__(
        self,
        *,
        patient: bool,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__()
        self.trust_env = False  # a proxy variable must not catch the way to our own collector
        self._patient = patient
        self._clock = clock
        self._pause = pause
        self._finish_by_s: float | None = None

    def finish_by(self, monotonic_s: float) -> None:
        """The process ends: from now on retry only until then."""
        self._finish_by_s = monotonic_s

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As :meth:`requests.Session.request`, with ``timeout`` the seconds for all tries together."""
        timeout = kwargs.pop("timeout", None)
        budget_s = float(timeout) if isinstance(timeout, int | float) else _ATTEMPT_TIMEOUT_S
        until = self._clock() + budget_s
        while True:
            until = self._shortened(until)
            left = until - self._clock()
            last_try = not self._patient or left <= _PAUSE_S
            try:
                response = super().request(*args, **{**kwargs, "timeout": max(0.05, min(left, _ATTEMPT_TIMEOUT_S))})
                if last_try or response.status_code not in _RETRYABLE_STATUS:
                    return response
            except (requests.ConnectionError, requests.Timeout):
                if last_try:
                    raise
            self._pause(_PAUSE_S)

    def _shortened(self, until: float) -> float:
        return until if self._finish_by_s is None else min(until, self._finish_by_s)


class RedactingExporter(SpanExporter):
    """Redacts spans on their way out: attributes, events and status, whoever of the instrumentations wrote them.

    In the exporting thread, because a span is read-only when a processor sees it end (SDK 1.45).
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand on copies of the spans that hold something to hide, and the others as they are."""
        return self._exporter.export([redacted_span(span) for span in spans])

    def shutdown(self) -> None:
        """Shut down the exporter inside."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter inside."""
        return self._exporter.force_flush(timeout_millis)


def redacted_span(span: ReadableSpan) -> ReadableSpan:
    """The span without secrets: itself when it has none."""
    attributes = _redacted(span.attributes)
    events = [Event(event.name, _redacted(event.attributes), event.timestamp) for event in span.events]
    said = span.status.description
    status = Status(span.status.status_code, redact_text(said)) if said else span.status
    unchanged = attributes == span.attributes and said == status.description
    if unchanged and all(new.attributes == old.attributes for new, old in zip(events, span.events, strict=True)):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=span.links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted(attributes: Attributes) -> dict[str, AttributeValue]:
    found = attributes or {}
    return {key: _redacted_value(key, value) for key, value in found.items()}


def _redacted_value(key: str, value: AttributeValue) -> AttributeValue:
    if isinstance(value, str | int):
        safe = redact_value(key, value)
        return value if safe is None else safe
    return value
