"""A log line as Loki returns it, with the three places where its fields come from kept apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Loki's names: OTLP attributes arrive as structured metadata with dots as underscores.
SERVICE, SEVERITY, DETECTED = "service_name", "severity_text", "detected_level"
LEVELS = ("debug", "info", "warning", "error", "critical")
_ALIASES = {"warn": "warning", "err": "error", "fatal": "critical", "crit": "critical", "trace": "debug"}
# What a sender may call each level (Python says CRITICAL, OpenTelemetry FATAL).
SPELLINGS = {
    "debug": ("trace", "debug"),
    "info": ("info", "information"),
    "warning": ("warn", "warning"),
    "error": ("err", "error"),
    "critical": ("critical", "crit", "fatal"),
}


@dataclass(frozen=True)
class LogLine:
    """One line. ``labels`` are its stream, ``metadata`` its structured metadata, ``parsed`` what LogQL extracted."""

    timestamp_ns: int
    body: str
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    parsed: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The field ``name`` wherever it is, or ""."""
        return self.metadata.get(name) or self.parsed.get(name) or self.labels.get(name) or ""

    @property
    def service(self) -> str:
        """Name of the service that wrote the line."""
        return self.get(SERVICE) or "unknown"

    @property
    def level(self) -> str:
        """One of :data:`LEVELS`, or "unknown"."""
        said = (self.get(SEVERITY) or self.get(DETECTED)).lower()
        level = _ALIASES.get(said, said)
        return level if level in LEVELS else "unknown"

    @property
    def trace_id(self) -> str:
        """The trace the line belongs to, or ""."""
        return self.get("trace_id")

    @property
    def correlation_id(self) -> str:
        """The correlation id of the journey the line belongs to, or ""."""
        return self.get("correlation_id")

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same line seen in two answers; Loki keeps only one line of equal time, text and labels."""
        return (self.timestamp_ns, self.body, _items(self.labels), _items(self.metadata))


def levels_from(lowest: str) -> tuple[str, ...]:
    """The spellings of ``lowest`` and of every more severe level. Raises KeyError for an unknown level."""
    name = _ALIASES.get(lowest.lower(), lowest.lower())
    if name not in LEVELS:
        raise KeyError(lowest)
    return tuple(word for level in LEVELS[LEVELS.index(name) :] for word in SPELLINGS[level])


def _items(mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(mapping.items()))
