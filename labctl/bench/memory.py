"""How much memory each part of an idle lab takes."""

import statistics
from collections.abc import Mapping

from labctl.bench.figures import Bench, Figure
from labctl.doctor.machine import Machine
from labctl.prove.control import control_of
from labctl.prove.proof import Progress
from labctl.prove.restarts import run_lab
from labctl.prove.world import World
from labctl.settings import Lab
from labctl.testing.own_lab import own_lab
from labkit.errors import CannotTell

LOOKS = 6
BETWEEN_S = 10.0
MB = 1_000_000
LEFT_OUT = ("grafana",)


def memory(world: World, count: int | None, progress: Progress) -> Bench:
    """Take the lab down, bring up one with empty stores, look at it for a minute, and bring the lab up again.

    Labs that run at once share the pages of their programs, and each looks smaller than it is (by a fifth): with
    another lab on the machine this raises CannotTell.
    """
    refuse_company(world.lab)
    progress("lab down")
    run_lab("down").wanted()
    try:
        with own_lab(world.control.runtime, progress) as own:
            looks = [look(own.lab, world, progress) for _ in range(count or LOOKS)]
            refuse_company(own.lab)
    finally:
        progress("lab up")
        run_lab("up").wanted()
    by_name = {name: statistics.median(one.get(name, 0) for one in looks) / MB for name in names_in(looks)}
    ordered = sorted(by_name.items(), key=lambda item: -item[1])
    return Bench(
        "memory",
        [Figure("memory.total_mb", round(sum(by_name.values()), 1), "MB", "idle, without Grafana")],
        columns=("component", "MB"),
        rows=[[name, round(value, 1)] for name, value in ordered],
        notes=[
            f"Measure: {world.control.memory_measure}. Medians of {len(looks)} looks, {BETWEEN_S:.0f} s apart, at a "
            "lab with empty stores, after the one purchase that `up` makes.",
        ],
    )


def look(lab: Lab, world: World, progress: Progress) -> Mapping[str, int]:
    """Wait, then ask."""
    world.wait(BETWEEN_S)
    found = control_of(lab).memory_bytes()
    progress(f"{sum(found.values()) / MB:.0f} MB")
    return found


def names_in(looks: list[Mapping[str, int]]) -> list[str]:
    """Every component that counts."""
    return sorted({name for one in looks for name in one if name not in LEFT_OUT})


def refuse_company(lab: Lab) -> None:
    """Raises CannotTell when another lab has processes on this machine."""
    labs = {process.environ["LAB_INSTANCE"]: process.environ.get("LAB_HOME") for process in Machine().lab_processes()}
    others = sorted(str(home) for instance, home in labs.items() if instance != lab.instance)
    if others:
        raise CannotTell(
            f"Another lab runs on this machine, in {others[0]}, and shares pages with this one.",
            f"End it first: LAB_HOME={others[0]} lab down",
            {"homes": others},
        )
