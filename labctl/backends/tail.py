"""Following a log query live, by polling: works through any proxy, and picks up again after an outage of Loki."""

import time
from collections.abc import Callable

from labctl.backends.lines import LogLine
from labctl.backends.loki import FUTURE_NS, NS_PER_S, Loki, Window

# Services batch for 0.2 s and the collector for 0.1 s, so lines arrive out of order by well under this; what was
# stuck in the collector's queue during an outage arrives later and belongs to a search, not to a tail.
OVERLAP_S = 5.0
POLL_S = 0.4


class Tail:
    """Each call of :meth:`poll` returns the lines that have arrived since the last, each line once."""

    def __init__(
        self, loki: Loki, query: str, *, start_ns: int | None = None, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Follow ``query`` from ``start_ns`` (default: now)."""
        self._loki = loki
        self._query = query
        self._now_ns = now_ns
        self._begin_ns = now_ns() if start_ns is None else start_ns
        self._from_ns = self._begin_ns
        self._seen: set[tuple[object, ...]] = set()

    def poll(self) -> list[LogLine]:
        """New lines, oldest first. When it raises, nothing is lost: the next call asks for the same range again."""
        asked_ns = self._now_ns()
        window = Window(self._from_ns, asked_ns + FUTURE_NS)
        arrived = [line for page in self._loki.pages(self._query, window) for line in page]
        fresh = [line for line in arrived if line.key not in self._seen]
        self._from_ns = max(self._begin_ns, asked_ns - int(OVERLAP_S * NS_PER_S))
        self._seen = {line.key for line in arrived if line.timestamp_ns >= self._from_ns}
        return fresh
