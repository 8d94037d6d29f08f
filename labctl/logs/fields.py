"""Which fields of a log line a person wants to see, and a line as JSON."""

from datetime import UTC, datetime

from labctl.backends.lines import DETECTED, SERVICE, SEVERITY, LogLine

# Shown in columns of their own, or the same on every line of a service.
_COLUMNS = {SERVICE, SEVERITY, DETECTED, "trace_id", "severity_number", "deployment_environment_name"}
_NOISE_PREFIXES = (
    "telemetry_",
    "service_",
    "process_",
    "host_",
    "os_",
    "code_",
    "scope_",
    "otel",
    "observed_",
    "flags",
)
_NOISE = {"span_id", "trace_flags", "lab_origin", "lab_runtime"}


def fields_of(line: LogLine) -> dict[str, str]:
    """Every field of ``line``, wherever Loki keeps it, sorted by name."""
    merged = {**line.labels, **line.metadata, **line.parsed}
    return dict(sorted(merged.items()))


def telling_fields(line: LogLine) -> dict[str, str]:
    """The fields that say something about this very line: without columns, resource attributes and SDK details."""
    return {
        name: value
        for name, value in fields_of(line).items()
        if name not in _COLUMNS
        and name not in _NOISE
        and not name.startswith(_NOISE_PREFIXES)
        and not (name == "event" and value == line.body)
    }


def as_json(line: LogLine) -> dict[str, object]:
    """``line`` as the commands print it; nanoseconds are text, since JSON numbers lose their last digits."""
    return {
        "timestamp": iso_time(line.timestamp_ns),
        "timestamp_unix_ns": str(line.timestamp_ns),
        "service": line.service,
        "level": line.level,
        "message": line.body,
        "trace_id": line.trace_id,
        "span_id": line.get("span_id"),
        "correlation_id": line.correlation_id,
        "fields": fields_of(line),
    }


def iso_time(timestamp_ns: int) -> str:
    """UTC with nanoseconds: ``2026-11-24T11:20:30.123456789Z``."""
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def clock_time(timestamp_ns: int) -> str:
    """Local time of day with milliseconds, for people."""
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds).astimezone():%H:%M:%S}.{rest // 1_000_000:03d}"
