"""How much each service logs, and how much of it is trouble."""

from dataclasses import dataclass

from labctl.backends.lines import DETECTED, SERVICE, SEVERITY, LogLine
from labctl.backends.loki import Loki
from labctl.logs.query import EVERYTHING


@dataclass(frozen=True)
class ServiceStats:
    """Lines and bytes of one service at one level."""

    service: str
    level: str
    lines: int
    bytes: int


def log_stats(loki: Loki, since_s: float, query: str = EVERYTHING) -> list[ServiceStats]:
    """Counts over the last ``since_s`` seconds, by service and level. Raises CannotTell when Loki is away."""
    lines = _by_service_and_level(loki, "count_over_time", query, since_s)
    sizes = _by_service_and_level(loki, "bytes_over_time", query, since_s)
    return [
        ServiceStats(service, level, int(count), int(sizes.get((service, level), 0)))
        for (service, level), count in sorted(lines.items())
    ]


def _by_service_and_level(loki: Loki, function: str, query: str, since_s: float) -> dict[tuple[str, str], float]:
    by = f"{SERVICE}, {SEVERITY}, {DETECTED}"
    total: dict[tuple[str, str], float] = {}
    for series in loki.query(f"sum by ({by}) ({function}({query} [{max(1, round(since_s))}s]))"):
        known = LogLine(0, "", series.labels)
        key = (known.service, known.level)
        total[key] = total.get(key, 0.0) + series.samples[-1].value
    return total
