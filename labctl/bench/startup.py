"""How long until a lab that was up before is up again."""

import statistics

from labctl.bench.figures import Bench, Figure
from labctl.prove.proof import Progress
from labctl.prove.restarts import run_lab
from labctl.prove.world import World

RUNS = 3


def startup(world: World, count: int | None, progress: Progress) -> Bench:
    """``down``, ``up``, ``up`` again, each as a person types it; the lab is up at the end."""
    _ = world
    rows: list[list[object]] = []
    for run in range(1, (count or RUNS) + 1):
        times = []
        for verb in ("down", "up", "up"):
            progress(f"run {run}: lab {verb}")
            times.append(run_lab(verb).wanted().duration_s)
        rows.append([run, *(round(seconds, 2) for seconds in times)])
    return Bench(
        "startup",
        [
            Figure("startup.warm_up_s", _median(rows, 2), "s", "all components ready and one purchase found"),
            Figure("startup.second_up_s", _median(rows, 3), "s", "everything runs already"),
            Figure("startup.down_s", _median(rows, 1), "s"),
        ],
        columns=("run", "down s", "up s", "up again s"),
        rows=rows,
        notes=["Medians of the runs below, with data of earlier runs in the stores."],
    )


def _median(rows: list[list[object]], column: int) -> float:
    return statistics.median(float(str(row[column])) for row in rows)
