"""Figures, goals and the page made of them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from labctl.bench.figures import Bench, Figure, goals, percentile, save
from labctl.bench.report import latest, markdown
from labkit.errors import CannotTell


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 51)), 0.95, 48),
        ([7.0], 0.95, 7.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_percentile_is_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    """A value that was really measured, never one in between."""
    assert percentile(values, share) == expected


def test_percentile_of_nothing_is_no_number() -> None:
    """Nothing measured must not look like zero."""
    assert math.isnan(percentile([], 0.95))


@pytest.mark.parametrize(
    ("name", "value", "holds"),
    [
        ("startup.warm_up_s", 20.0, True),
        ("startup.warm_up_s", 20.1, False),
        ("startup.warm_up_s", math.inf, False),
        ("startup.warm_up_s", math.nan, False),
        ("startup.down_s", 99.0, None),
    ],
)
def test_figure_is_held_against_its_goal(name: str, value: float, holds: bool | None) -> None:
    """What never came misses every goal; what has no goal is told and not judged."""
    assert Figure(name, value, "s").holds is holds


def test_every_goal_has_a_source_and_a_unit() -> None:
    """A threshold without a source is an opinion."""
    assert all(goal.source and goal.unit for goal in goals().values())


def bench(value: float = 1.0, name: str = "startup") -> Bench:
    """A result with one judged figure."""
    conditions = {"commit": "abc", "runtime": "native", "machine": {"cores": 2, "processor": "a processor"}}
    figure = Figure("startup.warm_up_s", value, "s")
    return Bench(name, [figure], ("run", "up s"), [[1, value]], ["A note."], conditions)


def test_result_is_json_also_when_something_never_came(tmp_path: Path) -> None:
    """JSON has no infinity."""
    file = save(bench(math.inf), tmp_path / "bench", tmp_path / "also.json")
    text = file.read_text(encoding="utf-8")
    assert text == (tmp_path / "also.json").read_text(encoding="utf-8")
    figure: dict[str, Any] = json.loads(text)["figures"][0]
    assert (figure["value"], figure["holds"]) == (None, False)


def test_page_has_figures_goals_sources_and_conditions() -> None:
    """Whoever reads a number sees what it is held against and where it was measured."""
    page = markdown({"startup": bench(12.5).as_json()})
    for words in ("12.5 s", "at most 20 s", "holds", "2 cores", "`abc`", "A note.", "OpenTelemetry demo"):
        assert words in page


def test_page_does_not_hide_a_missed_goal() -> None:
    """A miss is bold, a value that never came is said to be that."""
    assert "**missed**" in markdown({"startup": bench(99.0).as_json()})
    assert "never" in markdown({"startup": bench(math.inf).as_json()})


def test_report_takes_the_newest_result(tmp_path: Path) -> None:
    """Of several runs the last one counts."""
    for stamp, value in (("20260101-000000", 1.0), ("20260102-000000", 2.0)):
        (tmp_path / f"startup-{stamp}.json").write_text(json.dumps(bench(value).as_json()), encoding="utf-8")
    assert latest(tmp_path)["startup"]["figures"][0]["value"] == 2.0


def test_report_without_results_cannot_tell(tmp_path: Path) -> None:
    """An empty page would look like a page."""
    with pytest.raises(CannotTell):
        latest(tmp_path)
