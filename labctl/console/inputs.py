"""What people type into the search forms, checked. Every field keeps its text, so that a wrong one can be mended."""

from collections.abc import Mapping
from dataclasses import dataclass

from labctl.backends.durations import parse_duration_s
from labctl.traces.search import TraceFilter
from labkit.errors import ConfigurationError

SINCE_CHOICES = ("5m", "15m", "1h", "6h", "24h", "48h")
LIMIT_CHOICES = (20, 50, 100, 200)
MAX_TEXT = 2000


@dataclass(frozen=True)
class TraceForm:
    """The fields of ``/traces`` as typed."""

    service: str
    operation: str
    min_duration: str
    errors: bool
    since: str
    limit: str

    @classmethod
    def of(cls, args: Mapping[str, str]) -> "TraceForm":
        """From the query string, with defaults for what is absent."""
        return cls(
            service=_text(args, "service"),
            operation=_text(args, "operation"),
            min_duration=_text(args, "min_duration"),
            errors=bool(args.get("errors")),
            since=_text(args, "since") or "1h",
            limit=_text(args, "limit") or "20",
        )

    def filter(self) -> TraceFilter:
        """Raises ConfigurationError naming the field that is wrong."""
        least_s = parse_duration_s(self.min_duration, "min duration") if self.min_duration else None
        return TraceFilter(
            service=self.service or None,
            operation=self.operation or None,
            min_duration_ms=None if least_s is None else least_s * 1000,
            errors_only=self.errors,
            since_s=parse_duration_s(self.since, "since"),
            limit=_limit(self.limit),
        )


@dataclass(frozen=True)
class LogForm:
    """The fields of ``/logs`` as typed."""

    query: str
    service: str
    level: str
    since: str
    limit: str

    @classmethod
    def of(cls, args: Mapping[str, str]) -> "LogForm":
        """From the query string, with defaults for what is absent."""
        return cls(
            query=_text(args, "query"),
            service=_text(args, "service"),
            level=_text(args, "level"),
            since=_text(args, "since") or "1h",
            limit=_text(args, "limit") or "100",
        )

    @property
    def since_s(self) -> float:
        """Raises ConfigurationError."""
        return parse_duration_s(self.since, "since")

    @property
    def most_lines(self) -> int:
        """Raises ConfigurationError."""
        return _limit(self.limit)


def _text(args: Mapping[str, str], name: str) -> str:
    return args.get(name, "").strip()[:MAX_TEXT]


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1000:
        return int(text)
    raise ConfigurationError(f"limit {text!r} is not a number from 1 to 1000.", "Choose one of the list.")
