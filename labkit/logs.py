"""Logs as events: a name (``order.placed``) and fields, once as JSON on stdout and once by OTLP.

Both sinks get the same record, after one filter has added the correlation id, rendered what is not a primitive (the
OTLP handler can deadlock on it) and redacted it, exception text included.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from opentelemetry import trace
from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

from labkit import correlation, redaction
from labkit.errors import ConfigurationError
from labkit.settings import LOG_LEVELS

LONGEST_TEXT = 8192  # characters; Loki refuses structured metadata over 64 KB a line

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_OURS = ("timestamp", "level", "event", "service", "logger", "trace_id", "span_id", "correlation_id")
_RESERVED = _STANDARD.union(_OURS)
# Not what our services say: quiet at every level, and never exported, or a failing export would log itself forever.
_NOISY = {"urllib3": logging.WARNING, "opentelemetry": logging.WARNING, "psycopg.pool": logging.WARNING}
_NOT_EXPORTED = ("opentelemetry", "urllib3")

# Tells events from ordinary messages while a record is on its way; the filter takes it out again.
_EVENT_MARK = "_labkit_event"

ExcInfo = BaseException | bool | None


class Logger:
    """Writes events. Fields are primitives by keyword; anything else is rendered with ``str()``."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug_event(self, name: str, /, **fields: object) -> None:
        """Something only a developer of this service wants to know."""
        self._emit(logging.DEBUG, name, None, fields)

    def event(self, name: str, /, **fields: object) -> None:
        """Something happened, as it should: ``event("order.placed", order_id=...)``."""
        self._emit(logging.INFO, name, None, fields)

    def warning_event(self, name: str, /, *, exc_info: ExcInfo = None, **fields: object) -> None:
        """Something went wrong and was handled."""
        self._emit(logging.WARNING, name, exc_info, fields)

    def error_event(self, name: str, /, *, exc_info: ExcInfo = None, **fields: object) -> None:
        """Something went wrong and somebody was not served."""
        self._emit(logging.ERROR, name, exc_info, fields)

    def event_at_any_level(self, name: str, /, **fields: object) -> None:
        """An event that is written whatever the level: a line that somebody waits for."""
        logger = self._logger
        record = logger.makeRecord(logger.name, logging.INFO, "", 0, name, (), None, extra=_extra_of(fields))
        logger.handle(record)

    def _emit(self, level: int, name: str, exc_info: ExcInfo, fields: Mapping[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, name, exc_info=exc_info, extra=_extra_of(fields), stacklevel=3)


class LabRecord(logging.LogRecord):
    """A record that knows whether it was prepared, outside ``vars()``: handlers export everything in there."""

    __slots__ = ("is_event", "prepared")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared = False
        self.is_event = False


class PrepareFilter(logging.Filter):
    """Makes a record fit to be written: rendered, correlated, redacted. Each record once, whoever comes first."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True; the record is changed in place."""
        if getattr(record, "prepared", False):
            return True
        is_event = bool(vars(record).pop(_EVENT_MARK, False))
        record.msg, record.args = _cut(redaction.redact_text(_message(record))), None
        _attach_exception(record)
        for key, value in {**correlation.fields(), **_extra(record)}.items():
            setattr(record, key, _cut(redaction.redact_value(key, value)))
        correlation_id = correlation.current()
        if correlation_id is not None:
            record.correlation_id = correlation_id
        if isinstance(record, LabRecord):
            record.prepared, record.is_event = True, is_event
        return True


class NotOurs(logging.Filter):
    """Keeps the exporters' own complaints from being exported."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is about our service."""
        return not record.name.startswith(_NOT_EXPORTED)


class JsonFormatter(BaseJsonFormatter):
    """One JSON object a line, with the trace it belongs to."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Time, level, event (or message), service, trace and the fields, flat."""
        del message_dict
        log_data["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        log_data["level"] = record.levelname
        log_data["event" if getattr(record, "is_event", False) else "message"] = record.getMessage()
        log_data["service"] = self._service
        log_data["logger"] = record.name
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            log_data["trace_id"] = trace.format_trace_id(span.trace_id)
            log_data["span_id"] = trace.format_span_id(span.span_id)
        log_data.update(_extra(record))


def get_logger(name: str) -> Logger:
    """The logger of a module: ``get_logger(__name__)``."""
    return Logger(logging.getLogger(name))


def configure(service: str, level: str = "INFO", stream: TextIO | None = None) -> logging.Handler:
    """Send JSON lines to ``stream`` (stdout) and make every record a :class:`LabRecord`. Returns the handler."""
    logging.setLogRecordFactory(LabRecord)
    handler = logging.StreamHandler(sys.stdout if stream is None else stream)
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(PrepareFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    for name, quiet_level in _NOISY.items():
        logging.getLogger(name).setLevel(quiet_level)
    return handler


def guard_handlers() -> None:
    """Put our filters before every handler of the root logger, the OTLP one included."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, PrepareFilter) for present in handler.filters):
            handler.addFilter(NotOurs())
            handler.addFilter(PrepareFilter())


def level() -> str:
    """The level in force: DEBUG, INFO, WARNING or ERROR."""
    return logging.getLevelName(logging.getLogger().level)


def set_level(name: str) -> None:
    """Change the level of everything this process logs, at once. Raises ``ConfigurationError`` for an unknown one."""
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"{name!r} is not a log level", f"use one of: {', '.join(LOG_LEVELS)}")
    logging.getLogger().setLevel(name)


def _extra_of(fields: Mapping[str, object]) -> dict[str, object]:
    return {_safe_key(key): value for key, value in fields.items()} | {_EVENT_MARK: True}


def _safe_key(key: str) -> str:
    return f"{key}_" if key in _RESERVED else key


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - a wrong format string must not cost the line
        return f"{record.msg!r} (not rendered: {type(error).__name__})"


def _attach_exception(record: logging.LogRecord) -> None:
    if not record.exc_info or record.exc_info[0] is None:
        record.exc_info = None
        return
    kind, error, trace_back = record.exc_info
    values = {
        "exception.type": kind.__qualname__,
        "exception.message": str(error),
        "exception.stacktrace": "".join(traceback.format_exception(kind, error, trace_back)),
    }
    for key, value in values.items():
        setattr(record, key, value)
    record.exc_info = record.exc_text = None


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]}... ({len(value)} characters)"
    return value
