"""Grouping log messages that differ only in their values.

In the manner of Drain (He et al., 2017): what looks like a value is masked; then messages of equal length and first
word join when enough of their words agree, and the words that differ become ``<*>``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from labctl.backends.lines import LogLine

VARIABLE = "<*>"
# Drain's similarity threshold is 0.4 to 0.6; our messages are short event names and sentences, so the stricter end.
MIN_SIMILARITY = 0.6
# The longest message looked at word by word.
MAX_WORDS = 60
_MASKS = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b"), "<hex>"),
    (re.compile(r"\"[^\"]*\"|'[^']*'"), "<text>"),
    (re.compile(r"(?<![\w<])[-+]?\d+(?:[.,]\d+)*(?:\s?(?:ns|us|µs|ms|s|%|[KMG]i?B))?\b"), "<num>"),
)


@dataclass(frozen=True)
class Pattern:
    """A group of messages: how many, in which services, and the newest of them as it was."""

    pattern: str
    count: int
    errors: int
    services: tuple[str, ...]
    sample: str


@dataclass
class _Cluster:
    words: list[str]
    count: int = 0
    errors: int = 0
    services: set[str] = field(default_factory=set)
    sample: str = ""
    newest_ns: int = -1

    def add(self, words: list[str], line: LogLine) -> None:
        self.words = [mine if mine == other else VARIABLE for mine, other in zip(self.words, words, strict=True)]
        self.count += 1
        self.errors += line.level in ("error", "critical")
        self.services.add(line.service)
        if line.timestamp_ns > self.newest_ns:
            self.newest_ns, self.sample = line.timestamp_ns, line.body


def find_patterns(lines: Iterable[LogLine]) -> list[Pattern]:
    """The patterns in ``lines``, most frequent first. Every line belongs to exactly one."""
    groups: dict[tuple[int, str], list[_Cluster]] = {}
    for line in lines:
        words = masked(line.body).split()[:MAX_WORDS]
        clusters = groups.setdefault((len(words), words[0] if words else ""), [])
        _best(clusters, words).add(words, line)
    found = [cluster for clusters in groups.values() for cluster in clusters]
    return sorted((_pattern(cluster) for cluster in found), key=lambda shape: (-shape.count, shape.pattern))


def masked(message: str) -> str:
    """``message`` with numbers, identifiers, addresses and quoted text replaced by what they are."""
    for expression, name in _MASKS:
        message = expression.sub(name, message)
    return message


def _best(clusters: list[_Cluster], words: list[str]) -> _Cluster:
    best = max(clusters, key=lambda cluster: _similarity(cluster.words, words), default=None)
    if best is None or _similarity(best.words, words) < MIN_SIMILARITY:
        best = _Cluster(words)
        clusters.append(best)
    return best


def _similarity(pattern: list[str], words: list[str]) -> float:
    agreeing = sum(mine == other for mine, other in zip(pattern, words, strict=True))
    return agreeing / len(words) if words else 1.0


def _pattern(cluster: _Cluster) -> Pattern:
    services = tuple(sorted(cluster.services))
    return Pattern(" ".join(cluster.words), cluster.count, cluster.errors, services, cluster.sample)
