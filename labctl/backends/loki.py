"""Log lines from Loki: one query, or all pages of a range."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from labctl.backends.errors import BackendUnavailable, NotFound, QueryRefused
from labctl.backends.http import Params, Session
from labctl.backends.lines import LogLine
from labctl.backends.samples import Series, series_of

NAME = "Loki"
NS_PER_S = 1_000_000_000
# Loki's default max_entries_limit_per_query.
MAX_PAGE_LINES = 5000
# Keeps stream labels and structured metadata apart in the answer; without it Loki merges them.
CATEGORIZE = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
# A sender's clock may be ahead of ours.
FUTURE_NS = 5 * NS_PER_S
Direction = Literal["forward", "backward"]


@dataclass(frozen=True)
class Window:
    """A range of time in Unix nanoseconds: ``start_ns`` inclusive, ``end_ns`` exclusive."""

    start_ns: int
    end_ns: int

    @classmethod
    def last(cls, seconds: float, now_ns: int | None = None) -> "Window":
        """The last ``seconds``, and a little of the future for senders whose clock is ahead."""
        now = time.time_ns() if now_ns is None else now_ns
        return cls(now - int(seconds * NS_PER_S), now + FUTURE_NS)


class Loki:
    """Asks Loki behind ``session``; ``base`` is the gateway's prefix and the server's own."""

    def __init__(self, session: Session, base: str = "/loki") -> None:
        self._session = session
        self._base = base

    def query_range(
        self, query: str, window: Window, *, limit: int = 100, direction: Direction = "backward"
    ) -> list[LogLine]:
        """Lines matching a LogQL log query, in ``direction`` of time. Raises QueryRefused for bad LogQL."""
        params = [
            ("query", query),
            ("start", str(window.start_ns)),
            ("end", str(window.end_ns)),
            ("limit", str(limit)),
            ("direction", direction),
        ]
        data = self._ask("query_range", params)
        if data.get("resultType") != "streams":
            raise QueryRefused(
                NAME,
                self._session.url,
                "That is a metric query; it has numbers and no lines.",
                "Leave out the aggregation, or use `./lab logs stats`.",
                200,
            )
        sign = 1 if direction == "forward" else -1
        return sorted(lines_of(data), key=lambda line: sign * line.timestamp_ns)

    def query(self, query: str, at_ns: int | None = None) -> list[Series]:
        """The value of a LogQL metric query at one moment (default: now)."""
        return series_of(self._ask("query", [("query", query), ("time", str(at_ns or time.time_ns()))]))

    def labels(self) -> list[str]:
        """Names of the index labels that occur in the last hours."""
        return [str(name) for name in self._ask_list("labels")]

    def label_values(self, label: str) -> list[str]:
        """Values of an index label, sorted."""
        return sorted(str(value) for value in self._ask_list(f"label/{label}/values"))

    def pages(self, query: str, window: Window, *, page_lines: int = 1000) -> Iterator[list[LogLine]]:
        """All lines of ``window``, oldest first, page by page; none lost or repeated where pages meet.

        The next page begins at the last line's own nanosecond, since lines beyond the page may share it; what was
        seen there is skipped. Raises BackendUnavailable if more lines share one nanosecond than Loki returns.
        """
        start_ns, size, seen = window.start_ns, page_lines, set[tuple[object, ...]]()
        while True:
            page = self.query_range(query, Window(start_ns, window.end_ns), limit=size, direction="forward")
            fresh = [line for line in page if line.key not in seen]
            if fresh:
                yield fresh
            if len(page) < size:
                return
            last_ns = page[-1].timestamp_ns
            size = self._next_size(size) if last_ns == start_ns else page_lines
            kept = seen if last_ns == start_ns else set()
            seen = kept | {line.key for line in page if line.timestamp_ns == last_ns}
            start_ns = last_ns

    def _next_size(self, size: int) -> int:
        if size < MAX_PAGE_LINES:
            return min(size * 2, MAX_PAGE_LINES)
        raise BackendUnavailable(
            NAME,
            self._session.url,
            f"More than {MAX_PAGE_LINES} lines share one nanosecond; Loki cannot return them all.",
            "Narrow the query, for example by service_name.",
        )

    def _ask(self, path: str, params: Params = ()) -> dict[str, Any]:
        data = self._data(path, params)
        return data if isinstance(data, dict) else {}

    def _ask_list(self, path: str) -> list[Any]:
        data = self._data(path, ())
        return data if isinstance(data, list) else []

    def _data(self, path: str, params: Params) -> object:
        full = f"{self._base}/api/v1/{path}"
        try:
            answer = self._session.get_json(full, params, backend=NAME, headers=CATEGORIZE)
        except QueryRefused as error:
            raise _explained(error) from error
        except NotFound as error:
            raise BackendUnavailable(NAME, self._session.url + full, error.message, "`./lab doctor`", 404) from error
        if isinstance(answer, dict) and answer.get("status") == "success":
            return answer.get("data")
        raise BackendUnavailable(NAME, self._session.url + full, f"{full} is not Loki's answer.", "`./lab doctor`")


def lines_of(data: dict[str, Any]) -> Iterator[LogLine]:
    """The lines in the ``data`` of a log query, as they come: grouped by stream."""
    for stream in data.get("result") or []:
        labels = {str(key): str(value) for key, value in (stream.get("stream") or {}).items()}
        for row in stream.get("values") or []:
            extra = row[2] if len(row) > 2 and isinstance(row[2], dict) else {}
            yield LogLine(
                int(row[0]), str(row[1]), labels, extra.get("structuredMetadata") or {}, extra.get("parsed") or {}
            )


def _explained(error: QueryRefused) -> QueryRefused:
    hint = 'LogQL starts with a selector: {service_name="orders"} |= "declined". Or use key=value words.'
    message = f"Loki refused the query: {error.message.removeprefix('Loki refused the question: ')}"
    return QueryRefused(NAME, str(error.context["url"]), message, error.hint or hint, error.status)
