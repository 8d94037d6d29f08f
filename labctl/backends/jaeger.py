"""Traces from Jaeger, by its v3 API only (the older paths are on their way out of Jaeger)."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labctl.backends.attributes import decode_attributes
from labctl.backends.errors import BackendUnavailable, NotFound
from labctl.backends.http import Session
from labctl.backends.spans import KINDS, Span, SpanEvent, Trace
from labkit.errors import ConfigurationError

NAME = "Jaeger"
NS_PER_S = 1_000_000_000
# A span that ends while we ask starts "after now" on a host whose clock is ahead; Jaeger needs both bounds.
FUTURE_NS = 60 * NS_PER_S
TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")


@dataclass(frozen=True)
class TraceQuery:
    """What to look for. Jaeger matches ``operation`` and ``min_duration_ms`` within one span of ``service``."""

    service: str
    operation: str | None = None
    min_duration_ms: float | None = None
    since_s: float = 3600.0
    limit: int = 20


class Jaeger:
    """Asks Jaeger behind ``session``; ``base`` is its ``jaeger_query.base_path``."""

    def __init__(self, session: Session, base: str = "/jaeger") -> None:
        self._session = session
        self._base = base

    def services(self) -> list[str]:
        """Names of all services that ever sent a span, sorted."""
        answer = self._ask("services")
        return sorted(str(name) for name in answer.get("services") or [])

    def operations(self, service: str) -> list[str]:
        """Span names that ``service`` has used, sorted and without repetition."""
        answer = self._ask("operations", [("service", service)])
        return sorted({str(found.get("name", "")) for found in answer.get("operations") or []})

    def find(self, query: TraceQuery) -> list[Trace]:
        """Traces that match, newest first, at most ``query.limit``. An empty list means that Jaeger has none."""
        now_ns = time.time_ns()
        params = [
            ("query.service_name", query.service),
            ("query.start_time_min", _rfc3339(now_ns - int(query.since_s * NS_PER_S))),
            ("query.start_time_max", _rfc3339(now_ns + FUTURE_NS)),
            ("query.num_traces", str(query.limit)),
        ]
        if query.operation:
            params.append(("query.operation_name", query.operation))
        if query.min_duration_ms:
            params.append(("query.duration_min", f"{query.min_duration_ms:g}ms"))
        try:
            found = traces_of(self._ask("traces", params))
        except NotFound:  # how Jaeger says "none matched"
            return []
        return sorted(found, key=lambda trace: -trace.start_ns)[: query.limit]

    def trace(self, trace_id: str) -> Trace:
        """The whole trace. Raises NotFound, or ConfigurationError when ``trace_id`` cannot be one."""
        wanted = checked_trace_id(trace_id)
        try:
            found = traces_of(self._ask(f"traces/{wanted}"))
        except NotFound as error:
            raise _unknown(wanted) from error
        for trace in found:
            if trace.trace_id == wanted:
                return trace
        raise _unknown(wanted)

    def _ask(self, path: str, params: list[tuple[str, str]] | None = None) -> dict[str, Any]:
        full = f"{self._base}/api/v3/{path}"
        answer = self._session.get_json(full, params or [], backend=NAME)
        if isinstance(answer, dict):
            return answer
        url = self._session.url + full
        raise BackendUnavailable(NAME, url, f"{url} answered something that is not Jaeger's.", "`./lab doctor`")


def checked_trace_id(text: str) -> str:
    """A trace id as 32 lower-case hex digits; raises ConfigurationError for anything else."""
    if TRACE_ID.fullmatch(text) and set(text) != {"0"}:
        return text.lower().rjust(32, "0")
    raise ConfigurationError(
        f"{text!r} is not a trace id.",
        "A trace id has 32 hexadecimal digits; the `traceresponse` header and the shop's page show one.",
    )


def traces_of(answer: Mapping[str, Any]) -> list[Trace]:
    """All traces in an answer (OTLP JSON under ``result``), each with its spans sorted by start."""
    spans: dict[str, dict[str, Span]] = {}
    result = answer.get("result")
    for span in _spans(result if isinstance(result, Mapping) else {}):
        # The same span may be stored twice (a retry of the exporter): the first one stands.
        spans.setdefault(span.trace_id, {}).setdefault(span.span_id, span)
    return [
        Trace(trace_id, tuple(sorted(by_id.values(), key=lambda span: (span.start_ns, -span.end_ns))))
        for trace_id, by_id in spans.items()
    ]


def _spans(result: Mapping[str, Any]) -> Iterator[Span]:
    for resource_spans in result.get("resourceSpans") or []:
        resource = decode_attributes((resource_spans.get("resource") or {}).get("attributes"))
        for scope_spans in resource_spans.get("scopeSpans") or []:
            scope = str((scope_spans.get("scope") or {}).get("name", ""))
            for span in scope_spans.get("spans") or []:
                yield _span(span, resource, scope)


def _span(raw: Mapping[str, Any], resource: Mapping[str, Any], scope: str) -> Span:
    status = raw.get("status") or {}
    parent = str(raw.get("parentSpanId") or "")
    return Span(
        trace_id=str(raw.get("traceId", "")).rjust(32, "0"),
        span_id=str(raw.get("spanId", "")),
        parent_id="" if set(parent) <= {"0"} else parent,
        name=str(raw.get("name", "")),
        kind=_kind(raw.get("kind")),
        service=str(resource.get("service.name", "unknown")),
        start_ns=int(raw.get("startTimeUnixNano", 0)),
        end_ns=int(raw.get("endTimeUnixNano", 0)),
        is_error=status.get("code") in (2, "STATUS_CODE_ERROR"),
        status_message=str(status.get("message", "")),
        attributes=decode_attributes(raw.get("attributes")),
        resource=resource,
        events=tuple(_event(event) for event in raw.get("events") or []),
        scope=scope,
    )


def _event(raw: Mapping[str, Any]) -> SpanEvent:
    when = int(raw.get("timeUnixNano", 0))
    return SpanEvent(str(raw.get("name", "")), when, decode_attributes(raw.get("attributes")))


def _kind(raw: object) -> str:
    if isinstance(raw, str):
        return raw.removeprefix("SPAN_KIND_").lower()
    number = raw if isinstance(raw, int) else 0
    return KINDS[number] if 0 <= number < len(KINDS) else KINDS[0]


def _rfc3339(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _unknown(trace_id: str) -> NotFound:
    return NotFound(
        f"Jaeger has no trace {trace_id}.",
        "Traces are queryable about half a second after the request, and forgotten after their retention; "
        "`./lab traces list` shows what is there.",
        {"backend": NAME, "trace_id": trace_id},
    )
