"""Numbers from Prometheus."""

import time
from collections.abc import Mapping
from typing import Any

from labctl.backends.errors import BackendUnavailable, NotFound, QueryRefused
from labctl.backends.http import Params, Session
from labctl.backends.samples import Exemplar, Series, exemplars_of, series_of

NAME = "Prometheus"


class Prometheus:
    """Asks Prometheus behind ``session``; ``base`` is its route prefix."""

    def __init__(self, session: Session, base: str = "/prometheus") -> None:
        self._session = session
        self._base = base

    def query(self, promql: str, at_s: float | None = None) -> list[Series]:
        """The value at one moment (default: now); an empty list means that no series matches."""
        return series_of(self._ask("query", [("query", promql), ("time", f"{at_s or time.time():.3f}")]))

    def query_range(self, promql: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """The values from ``start_s`` to ``end_s`` (Unix seconds), one each ``step_s``."""
        params = [("query", promql), ("start", f"{start_s:.3f}"), ("end", f"{end_s:.3f}"), ("step", f"{step_s:g}")]
        return series_of(self._ask("query_range", params))

    def query_exemplars(self, promql: str, start_s: float, end_s: float) -> list[Exemplar]:
        """Exemplars of the series that ``promql`` selects, in the order Prometheus returns them."""
        params = [("query", promql), ("start", f"{start_s:.3f}"), ("end", f"{end_s:.3f}")]
        return exemplars_of(self._data("query_exemplars", params))

    def _ask(self, path: str, params: Params) -> Mapping[str, Any]:
        data = self._data(path, params)
        return data if isinstance(data, dict) else {}

    def _data(self, path: str, params: Params) -> object:
        full = f"{self._base}/api/v1/{path}"
        try:
            answer = self._session.get_json(full, params, backend=NAME)
        except QueryRefused as error:
            raise _explained(error) from error
        except NotFound as error:
            raise BackendUnavailable(NAME, self._session.url + full, error.message, "`./lab doctor`", 404) from error
        if isinstance(answer, dict) and answer.get("status") == "success":
            return answer.get("data")
        url = self._session.url + full
        raise BackendUnavailable(NAME, url, f"{full} is not Prometheus's answer.", "`./lab doctor`")


def _explained(error: QueryRefused) -> QueryRefused:
    message = f"Prometheus refused the query: {error.message.removeprefix('Prometheus refused the question: ')}"
    hint = "PromQL, for example: sum by (service) (rate(http_server_request_duration_seconds_count[1m]))"
    return QueryRefused(NAME, str(error.context["url"]), message, error.hint or hint, error.status)
