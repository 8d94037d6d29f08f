"""For tests of services: a clock that only moves when told, and telemetry that stays in memory."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Read when an app is instrumented, so it must stand before the first new_app of the process.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from labkit import logs
from labkit.exporting import RedactingExporter
from labkit.http import name_peer_on_span
from labkit.telemetry_sdk import views


class FakeClock:
    """A monotonic clock in the hands of the test: ``clock()``, ``clock.advance(s)``, and ``clock.sleep`` to inject."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self.now_s = start_s
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def sleep(self, seconds: float) -> None:
        """Pass the time that was to be slept, and note it."""
        self.slept_s.append(seconds)
        self.advance(seconds)


class Recorded:
    """What was emitted since the last ``clear()``."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self._reader = InMemoryMetricReader()
        resource = Resource.create({"service.name": "under-test"})
        traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(RedactingExporter(self._spans)))
        trace.set_tracer_provider(traces)
        meters = MeterProvider([self._reader], resource=resource, views=views(), shutdown_on_exit=False)
        metrics.set_meter_provider(meters)
        records = LoggerProvider(resource=resource, shutdown_on_exit=False)
        records.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        set_logger_provider(records)
        self.handler = LoggingHandler(logger_provider=records)
        self.handler.addFilter(logs.NotOurs())
        self.handler.addFilter(logs.PrepareFilter())
        RequestsInstrumentor().instrument(meter_provider=NoOpMeterProvider(), request_hook=name_peer_on_span)

    def spans(self) -> list[ReadableSpan]:
        """The ended spans, in the order of their ends."""
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The only span of this name; ``AssertionError`` lists what there is otherwise."""
        found = [span for span in self.spans() if span.name == name]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} spans are called {name!r}; there are {[s.name for s in self.spans()]}")
        return found[0]

    def logs(self) -> list[Any]:
        """The log records: ``.body``, ``.attributes``, ``.trace_id``, ``.severity_text``."""
        finished: tuple[ReadableLogRecord, ...] = self._logs.get_finished_logs()
        return [record.log_record for record in finished]

    def log(self, event: str) -> Any:
        """The only log record of this event; ``AssertionError`` lists what there is otherwise."""
        found = [record for record in self.logs() if record.body == event]
        if len(found) != 1:
            raise AssertionError(f"{len(found)} records of {event!r}; there are {[r.body for r in self.logs()]}")
        return found[0]

    def metric_points(self, name: str) -> list[Any]:
        """The data points of a metric as they stand now (cumulative over the whole process)."""
        data = self._reader.get_metrics_data()
        if data is None:
            return []
        found = [
            metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        ]
        return [point for metric in found if metric.name == name for point in metric.data.data_points]

    def clear(self) -> None:
        """Forget spans and logs; metrics are cumulative and stay."""
        self._spans.clear()
        self._logs.clear()


_RECORDED: list[Recorded] = []


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Telemetry in memory for one test. The providers are made once per process: OpenTelemetry allows no second set."""
    if not _RECORDED:
        _RECORDED.append(Recorded())
    telemetry = _RECORDED[0]
    telemetry.clear()
    factory, root = logging.getLogRecordFactory(), logging.getLogger()
    level = root.level
    logging.setLogRecordFactory(logs.LabRecord)
    root.addHandler(telemetry.handler)
    root.setLevel(logging.DEBUG)
    try:
        yield telemetry
    finally:
        root.removeHandler(telemetry.handler)
        root.setLevel(level)
        logging.setLogRecordFactory(factory)
        telemetry.clear()
