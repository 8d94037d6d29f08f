"""The environment that OpenTelemetry reads in our services: one place, each value with its reason."""

from labkit.settings import AppSettings

CONFIGURATOR_NAME = "labkit"  # not an entry point: it keeps the distro's own configurator from running


def variables() -> dict[str, str]:
    """The variables that are the same for every service. What the operator has set wins over them."""
    return {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",  # gRPC lost 71-97 % of spans in a 30 s outage
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60",  # seconds a batch may wait for the collector to come back
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "5",
        "OTEL_BSP_MAX_QUEUE_SIZE": "8192",
        "OTEL_BLRP_MAX_QUEUE_SIZE": "8192",
        # Milliseconds, and with it what a SIGKILL can lose: 20 requests a second of 6 spans lose 3 on average, 6 at
        # worst. 100 would lose twice that, more than the promise; each export costs about 0.5 ms of CPU.
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_METRIC_EXPORT_TIMEOUT": "5000",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
        "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
        # Without this every worker reports the host as its own.
        "OTEL_PYTHON_SYSTEM_METRICS_EXCLUDED_METRICS": "system.*,process.runtime.*,process.disk.*",
    }


def identity(settings: AppSettings, *, database: bool = True) -> dict[str, str]:
    """The variables that say who this is. The instance id is bounded: the SDK would make a new UUID per fork.

    Without a database its instrumentation stays off: it would import the driver, 9 MB in each process.
    """
    # labkit.app and labkit.telemetry_sdk instrument these two themselves, with options that have no variable.
    disabled = ["flask", "requests", *([] if database else ["psycopg"])]
    attributes = {
        "service.namespace": "opslab",
        "service.version": settings.release,
        "service.instance.id": f"{settings.service}-1",
        "deployment.environment.name": "lab",
    }
    return {
        "OTEL_SERVICE_NAME": settings.service,
        "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{key}={value}" for key, value in attributes.items()),
        "OTEL_PYTHON_CONFIGURATOR": CONFIGURATOR_NAME,
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(disabled),
    }
