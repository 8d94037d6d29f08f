"""Finding traces in one service or in all of them, also by error (which Jaeger's search cannot)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from labctl.backends.jaeger import Jaeger, TraceQuery
from labctl.backends.spans import Trace

# Jaeger 2.13's v3 search knows no attributes: for `errors only` more traces are fetched and looked through here.
ERROR_SEARCH_FACTOR = 10
MAX_EXAMINED = 500
MAX_PARALLEL = 6


@dataclass(frozen=True)
class TraceFilter:
    """What to look for; ``service`` None means every service."""

    service: str | None = None
    operation: str | None = None
    min_duration_ms: float | None = None
    errors_only: bool = False
    since_s: float = 3600.0
    limit: int = 20


@dataclass(frozen=True)
class FoundTraces:
    """Newest first. ``examined`` traces were looked at; ``is_complete`` is False when Jaeger may hold more."""

    traces: tuple[Trace, ...]
    examined: int
    is_complete: bool


def find_traces(jaeger: Jaeger, wanted: TraceFilter) -> FoundTraces:
    """Traces that match ``wanted``. Raises CannotTell when Jaeger cannot be asked."""
    depth = min(wanted.limit * ERROR_SEARCH_FACTOR, MAX_EXAMINED) if wanted.errors_only else wanted.limit
    services = [wanted.service] if wanted.service else jaeger.services()
    query = TraceQuery("", wanted.operation, wanted.min_duration_ms, wanted.since_s, max(depth, wanted.limit))
    answers = _ask_each(jaeger, [replace(query, service=service) for service in services])
    # A trace is stored whole: every service's answer holds the same spans of it.
    merged = {trace.trace_id: trace for answer in answers for trace in answer}
    matching = [trace for trace in merged.values() if not wanted.errors_only or trace.error_count]
    newest = sorted(matching, key=lambda trace: -trace.start_ns)[: wanted.limit]
    is_complete = len(matching) <= wanted.limit and all(len(answer) < query.limit for answer in answers)
    return FoundTraces(tuple(newest), len(merged), is_complete)


def _ask_each(jaeger: Jaeger, queries: list[TraceQuery]) -> list[list[Trace]]:
    if len(queries) <= 1:
        return [jaeger.find(query) for query in queries]
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        return list(pool.map(jaeger.find, queries))
