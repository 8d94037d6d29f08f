"""Sets up the OpenTelemetry SDK in a worker, after the fork, and takes it down within bounds.

opentelemetry-distro does the instrumenting; the providers are made here with public constructors, because the
distro's configurator takes neither views (every database duration would fall into buckets made for milliseconds) nor
a session (an exporter gives up after six tries, 25 to 37 s, whatever its timeout says: an outage of 30 s loses data).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping

from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.auto_instrumentation import initialize
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from labkit import logs
from labkit.exporting import PatientSession, RedactingExporter
from labkit.http import name_peer_on_span
from labkit.settings import Environ, read_secret
from labkit.telemetry import DURATION_BUCKETS_S
from labkit.telemetry_environment import CONFIGURATOR_NAME

_HTTP_SERVER_KEYS = {"http.request.method", "http.route", "http.response.status_code", "error.type"}
_DATABASE_KEYS = {"db.system.name", "db.namespace", "db.operation.name", "error.type"}
_log = logs.get_logger(__name__)


class _Sdk:
    """The providers of this process, and how to stop them."""

    def __init__(self) -> None:
        self.stops: list[Callable[[], None]] = []
        self.sessions: list[PatientSession] = []

    def session(self, *, patient: bool) -> PatientSession:
        made = PatientSession(patient=patient)
        self.sessions.append(made)
        return made


_SDK = _Sdk()


def initialise(service: str, release: str) -> None:
    """Providers, then instrumentation, then our filters on what the instrumentation installed.

    ``labkit.serve`` has put the environment of ``labkit.telemetry_environment`` in place before. Raises
    ``ConfigurationError`` when the token of the collector cannot be read.
    """
    headers = _headers(os.environ)
    resource = Resource.create()
    _SDK.stops = [_traces(resource, headers), _logs(resource, headers), _metrics(resource, headers)]
    _instrument()
    logs.guard_handlers()
    _log.debug_event("telemetry.started", telemetry_service=service, release=release)


def shutdown(timeout_s: float) -> bool:
    """Stop all providers at once; each sends what it holds. Returns whether all were done in time."""
    until = time.monotonic() + timeout_s
    for session in _SDK.sessions:
        session.finish_by(until)
    threads = [threading.Thread(target=stop, daemon=True, name="telemetry-stop") for stop in _SDK.stops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def views() -> list[View]:
    """What the instrumentations get wrong about metrics: buckets, and labels without a bound."""
    seconds = ExplicitBucketHistogramAggregation(DURATION_BUCKETS_S)
    return [
        View(instrument_name="http.server.request.duration", attribute_keys=_HTTP_SERVER_KEYS),
        View(instrument_name="db.client.operation.duration", attribute_keys=_DATABASE_KEYS, aggregation=seconds),
        View(instrument_name="db.client.response.returned_rows", aggregation=DropAggregation()),
    ]


def _headers(environ: Environ) -> dict[str, str]:
    """The inner receiver of the collector opens to a token; without a secrets directory there is none to send."""
    if not environ.get("LAB_SECRETS_DIR"):
        return {}
    return {"authorization": f"Bearer {read_secret(environ, 'otlp')}"}


def _traces(resource: Resource, headers: Mapping[str, str]) -> Callable[[], None]:
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(headers=headers, session=_SDK.session(patient=True))
    provider.add_span_processor(BatchSpanProcessor(RedactingExporter(exporter)))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def _logs(resource: Resource, headers: Mapping[str, str]) -> Callable[[], None]:
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPLogExporter(headers=headers, session=_SDK.session(patient=True))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    set_logger_provider(provider)
    return provider.shutdown


def _metrics(resource: Resource, headers: Mapping[str, str]) -> Callable[[], None]:
    # Cumulative: the next point says all that a lost one said, so nothing is retried for long.
    exporter = OTLPMetricExporter(headers=dict(headers), session=_SDK.session(patient=False))
    reader = PeriodicExportingMetricReader(exporter)
    provider = MeterProvider([reader], resource=resource, views=views(), shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider.shutdown


def _instrument() -> None:
    loader = logging.getLogger("opentelemetry.instrumentation.auto_instrumentation._load")
    loader.addFilter(_expected_refusal)
    initialize(swallow_exceptions=False)
    # Its own histogram would carry the address of the peer, which is the same for all of them without containers.
    RequestsInstrumentor().instrument(
        skip_dep_check=True, meter_provider=NoOpMeterProvider(), request_hook=name_peer_on_span
    )


def _expected_refusal(record: logging.LogRecord) -> bool:
    """We told the distro not to run its configurator; it warns that it did not."""
    return CONFIGURATOR_NAME not in (record.args or ())
