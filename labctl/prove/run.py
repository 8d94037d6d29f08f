"""Runs a proof step by step, within a time if one is given."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labctl.prove.journal import Journal
from labctl.prove.proof import Options, Progress, Proof, StepResult
from labctl.prove.world import World
from labkit.errors import LabError

# A step may take longer than its estimate; a slice begins another one only if this much more than it fits.
MARGIN = 1.25


@dataclass(frozen=True)
class Proven:
    """How far a proof has come. ``passed``: every step that was done held.

    ``wanted`` is the number of steps that were asked for, ``whole`` the number that the promise speaks of.
    """

    name: str
    promise: str
    commit: str
    file: Path
    done: int
    skipped: int
    wanted: int
    whole: int
    failures: Sequence[str]

    @property
    def complete(self) -> bool:
        """Whether all that the promise speaks of was done."""
        return self.done + self.skipped >= self.whole

    @property
    def passed(self) -> bool:
        """Whether every step that was done held, and at least one was done or known."""
        return not self.failures and self.done + self.skipped > 0


def run_proof(
    world: World,
    proof: Proof,
    options: Options,
    *,
    commit: str,
    facts: Mapping[str, object],
    budget_s: float | None = None,
    fresh: bool = False,
    progress: Progress = lambda _: None,
) -> Proven:
    """Do what the journal does not have yet. Without a step done because of ``budget_s`` nothing is claimed."""
    journal = Journal.open(world.lab.home / "proofs", proof, commit, fresh=fresh)
    steps, whole = proof.steps(options), len(proof.steps(Options()))
    end_s = time.monotonic() + budget_s if budget_s is not None else None
    known = [step for step in steps if journal.has(step)]
    done, failures = 0, []
    for number, step in enumerate(steps, start=1):
        if step in known:
            continue
        if end_s is not None and time.monotonic() + proof.estimate_s * MARGIN > end_s:
            progress(f"{proof.name}: the time is up before step {number} of {len(steps)}; the next run goes on here")
            break
        progress(f"{proof.name} {number}/{len(steps)}: {step}")
        started = time.monotonic()
        result = _attempt(world, proof, step, progress)
        journal.write(step, result, time.monotonic() - started, facts, whole)
        done += 1
        if not result.passed:
            failures.append(f"{step}: {dict(result.figures)}")
    return Proven(proof.name, proof.promise, commit, journal.file, done, len(known), len(steps), whole, failures)


def _attempt(world: World, proof: Proof, step: str, progress: Progress) -> StepResult:
    try:
        return proof.run(world, step, progress)
    except LabError as error:
        return StepResult(False, {"error": error.message})
