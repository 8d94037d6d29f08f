"""How much memory each part of an idle lab takes."""

import statistics

from labctl.bench.figures import Bench, Figure
from labctl.prove.proof import Progress
from labctl.prove.restarts import run_lab
from labctl.prove.world import World

LOOKS = 6
BETWEEN_S = 10.0
MB = 1_000_000
LEFT_OUT = ("grafana",)


def memory(world: World, count: int | None, progress: Progress) -> Bench:
    """Restart the lab, so that no earlier load is measured; then look for a minute and take the medians."""
    for verb in ("down", "up"):
        progress(f"lab {verb}")
        run_lab(verb).wanted()
    looks = []
    for number in range(count or LOOKS):
        progress(f"look {number + 1}")
        world.wait(BETWEEN_S)
        looks.append(world.control.memory_bytes())
    names = sorted({name for look in looks for name in look if name not in LEFT_OUT})
    by_name = {name: statistics.median(look.get(name, 0) for look in looks) / MB for name in names}
    ordered = sorted(by_name.items(), key=lambda item: -item[1])
    return Bench(
        "memory",
        [Figure("memory.total_mb", round(sum(by_name.values()), 1), "MB", "idle, without Grafana")],
        columns=("component", "MB"),
        rows=[[name, round(value, 1)] for name, value in ordered],
        notes=[
            f"Measure: {world.control.memory_measure}; median of {len(looks)} looks, {BETWEEN_S:.0f} s apart, after a "
            "restart and the one purchase that `up` makes."
        ],
    )
