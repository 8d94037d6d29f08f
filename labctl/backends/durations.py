"""Lengths of time as people type and read them."""

import re

from labkit.errors import ConfigurationError

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
# Longer than any store of the lab keeps anything; also keeps start times above the Unix epoch.
MAX_S = 365 * 86400.0


def parse_duration_s(text: str, option: str) -> float:
    """``90s``, ``1h30m``, ``250ms`` in seconds. Raises ConfigurationError naming ``option``."""
    word = text.strip().lower()
    parts = _PART.findall(word)
    total = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if parts and "".join(number + unit for number, unit in parts) == word and 0 < total <= MAX_S:
        return total
    raise ConfigurationError(
        f"{option} {text!r} is not a length of time.",
        "Write a number with a unit: 500ms, 30s, 15m, 1h, 7d; at most one year.",
        {"option": option},
    )


def show_ns(duration_ns: float) -> str:
    """A duration for people, three significant digits: ``12.3 ms``, ``1.24 s``."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(duration_ns) >= size * 0.9995:  # what would round up to 1000 of the smaller unit
            return f"{_three_digits(duration_ns / size)} {unit}"
    return "0" if not duration_ns else f"{duration_ns:.0f} ns"


def show_ms(duration_ms: float | None) -> str:
    """Like :func:`show_ns`, from milliseconds; "" for None."""
    return "" if duration_ms is None else show_ns(duration_ms * 1e6)


def _three_digits(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"
