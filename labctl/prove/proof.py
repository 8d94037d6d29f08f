"""A long proof: steps that each stand for themselves, so that a proof goes on where it was interrupted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labctl.prove.world import World

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the caller may change. ``count``: how much of what the proof repeats; None means the proof's own number."""

    count: int | None = None


@dataclass(frozen=True)
class StepResult:
    """One step: whether the promise held, and the figures it was judged by."""

    passed: bool
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Proof:
    """A promise, and how to show it. ``steps`` names the steps in order; ``run`` does one of them.

    ``estimate_s`` is for one step, to tell whether another one fits into a time.
    """

    name: str
    promise: str
    steps: Callable[[Options], Sequence[str]]
    run: Callable[[World, str, Progress], StepResult]
    estimate_s: float
