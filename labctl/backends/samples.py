"""Numbers over time: what Prometheus answers, and Loki to a metric query."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One value at one moment. ``timestamp_s`` is Unix time in seconds."""

    timestamp_s: float
    value: float


@dataclass(frozen=True)
class Series:
    """One set of labels with its samples in order of time; an instant answer has exactly one."""

    labels: Mapping[str, str]
    samples: tuple[Sample, ...]

    @property
    def name(self) -> str:
        """``metric{label="value"}`` as PromQL writes it, without quotes being escaped twice."""
        inner = ", ".join(f'{key}="{value}"' for key, value in sorted(self.labels.items()) if key != "__name__")
        metric = self.labels.get("__name__", "")
        return f"{metric}{{{inner}}}" if inner else metric or "value"


@dataclass(frozen=True)
class Exemplar:
    """One observation that a histogram kept as an example, usually with a ``trace_id`` label."""

    series: Mapping[str, str]
    labels: Mapping[str, str]
    timestamp_s: float
    value: float


def series_of(data: Mapping[str, Any]) -> list[Series]:
    """The series in ``data`` (``resultType`` vector, matrix or scalar; a string has none)."""
    result = data.get("result") or []
    match data.get("resultType"):
        case "scalar":
            return [Series({}, (_sample(result),))]
        case "vector":
            return [Series(dict(row.get("metric") or {}), (_sample(row["value"]),)) for row in result]
        case "matrix":
            return [
                Series(dict(row.get("metric") or {}), tuple(_sample(pair) for pair in row.get("values") or []))
                for row in result
            ]
    return []


def exemplars_of(data: object) -> list[Exemplar]:
    """The exemplars in the ``data`` of ``query_exemplars``."""
    rows = data if isinstance(data, list) else []
    return [
        Exemplar(row.get("seriesLabels") or {}, found.get("labels") or {}, float(found["timestamp"]), _number(found))
        for row in rows
        for found in row.get("exemplars") or []
    ]


def _number(found: Mapping[str, Any]) -> float:
    return float(found["value"])


def _sample(pair: Any) -> Sample:
    return Sample(float(pair[0]), float(pair[1]))
