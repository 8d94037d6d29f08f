"""Filters and facts that every page's template uses."""

import hashlib
import zlib
from typing import Any

from flask import Flask, request

from labctl.backends.durations import show_ms, show_ns
from labctl.backends.lines import LogLine
from labctl.console.parts import parts_of
from labctl.console.settings import SERVICE_ORDER
from labctl.logs.fields import clock_time, iso_time, telling_fields

SERVICE_COLOURS = 8
SHORT_TEXT = 2000
MAIN_PAGES = (("Status", "/"), ("Traces", "/traces"), ("Logs", "/logs"), ("Shop", "/shop"))
SERVERS = (
    ("Jaeger", "/jaeger"),
    ("Prometheus", "/prometheus"),
    ("Alertmanager", "/alertmanager"),
    ("Grafana", "/grafana"),
)
# The Go modules that the native runtime is built from carry no pages of these; Grafana is not part of it.
WITHOUT_PAGE_NATIVELY = ("Jaeger", "Prometheus", "Grafana")


def register_filters(app: Flask) -> None:
    """Add the filters, and what the frame around every page shows."""
    app.jinja_env.filters.update(
        duration=show_ns,
        milliseconds=show_ms,
        clock=clock_time,
        iso=iso_time,
        colour=service_colour,
        telling=telling_fields,
        line_key=line_key,
        shown=shown,
    )

    @app.context_processor
    def frame() -> dict[str, Any]:
        settings = parts_of(app).settings
        absent = WITHOUT_PAGE_NATIVELY if settings.runtime == "native" else ()
        servers = [(name, path) for name, path in SERVERS if name.lower() in settings.peers and name not in absent]
        return {
            "main_pages": MAIN_PAGES,
            "servers": servers,
            "runtime": settings.runtime,
            "version": settings.version,
            "here": request.path,
        }


def service_colour(service: str) -> str:
    """A CSS class, always the same for the same service."""
    if service in SERVICE_ORDER:
        return f"svc{SERVICE_ORDER.index(service) % SERVICE_COLOURS}"
    return f"svc{zlib.crc32(service.encode('utf-8', 'replace')) % SERVICE_COLOURS}"


def line_key(line: LogLine) -> str:
    """A short name for a log line, equal when the same line comes twice."""
    return hashlib.sha256(repr(line.key).encode("utf-8", "replace")).hexdigest()[:16]


def shown(value: object) -> str:
    """An attribute's value for people: invisible characters as escapes, and not endlessly long."""
    text = str(value)
    clean = "".join(
        char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in text[:SHORT_TEXT]
    )
    return clean + " …" if len(text) > SHORT_TEXT else clean
