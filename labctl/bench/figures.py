"""A measured number beside its goal, and everything that one benchmark found."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

GOALS = Path(__file__).parent / "goals.yaml"


@dataclass(frozen=True)
class Goal:
    """A figure's upper bound, and where it comes from."""

    at_most: float
    unit: str
    source: str


@dataclass(frozen=True)
class Figure:
    """One number. ``name`` is its key in ``goals.yaml``; one without a goal is told, not judged."""

    name: str
    value: float
    unit: str
    note: str = ""

    @property
    def goal(self) -> Goal | None:
        """What it is held against."""
        return goals().get(self.name)

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.value <= self.goal.at_most


@dataclass(frozen=True)
class Bench:
    """What one benchmark found: figures that are judged or told, and ``rows`` with the details behind them."""

    name: str
    figures: Sequence[Figure]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    notes: Sequence[str] = ()
    conditions: Mapping[str, object] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether no figure misses its goal."""
        return all(figure.holds is not False for figure in self.figures)

    def as_json(self) -> dict[str, object]:
        """Plain data; JSON has no infinity, so a value that never came is null."""
        return {
            "bench": self.name,
            "at_unix_s": int(time.time()),
            "conditions": dict(self.conditions),
            "figures": [
                {
                    "name": one.name,
                    "value": one.value if math.isfinite(one.value) else None,
                    "unit": one.unit,
                    "at_most": one.goal.at_most if one.goal else None,
                    "holds": one.holds,
                    "note": one.note,
                }
                for one in self.figures
            ],
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }


@cache
def goals(file: Path = GOALS) -> Mapping[str, Goal]:
    """Every goal by the name of its figure."""
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: Goal(float(row["at_most"]), str(row["unit"]), str(row["source"])) for name, row in found.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that ``share`` of all do not exceed. NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def save(bench: Bench, folder: Path, also: Path | None = None) -> Path:
    """Write the result to ``folder`` (and to ``also``); returns the file in ``folder``."""
    text = json.dumps(bench.as_json(), indent=2) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{bench.name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    for target in [file, *([also] if also else [])]:
        target.write_text(text, encoding="utf-8")
    return file
