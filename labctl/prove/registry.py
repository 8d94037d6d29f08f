"""The proofs that there are."""

from collections.abc import Sequence

from labctl.prove.kill import SERVICES, run_kill
from labctl.prove.outage import run_outage
from labctl.prove.proof import Options, Progress, Proof, StepResult
from labctl.prove.purchases import run_purchases
from labctl.prove.restarts import leftovers, run_lab
from labctl.prove.world import World
from labkit.errors import ConfigurationError

BATCH = 250


def _purchase_steps(options: Options) -> Sequence[str]:
    left, steps = options.count or 10_000, list[str]()
    while left > 0:
        steps.append(f"{len(steps) + 1}: {min(BATCH, left)} purchases")
        left -= BATCH
    return steps


def _purchases(world: World, step: str, progress: Progress) -> StepResult:
    batch = run_purchases(world, int(step.split()[1]), progress=progress)
    return StepResult(batch.passed, batch.as_json())


def _outage(world: World, _: str, progress: Progress) -> StepResult:
    outage = run_outage(world, progress=progress)
    return StepResult(outage.passed, outage.as_json())


def _kill(world: World, step: str, progress: Progress) -> StepResult:
    kill = run_kill(world, step.split()[1], progress=progress)
    return StepResult(kill.passed, kill.as_json())


def _restart(world: World, _: str, progress: Progress) -> StepResult:
    """Leaves the lab as it found it: up."""
    progress("down")
    down = run_lab("down")
    left = leftovers(world.lab)
    progress("up")
    up = run_lab("up")
    figures = {
        "down_exit_code": down.code,
        "down_s": round(down.duration_s, 2),
        "leftovers": left.__dict__,
        "up_exit_code": up.code,
        "up_s": round(up.duration_s, 2),
        "up_output": "" if up.code == 0 else up.output[-2000:],
    }
    return StepResult(down.code == 0 and up.code == 0 and not left, figures)


PROOFS = (
    Proof(
        "outage",
        "The collector is away for 30 s under 20 requests a second: no order is lost from PostgreSQL, Loki or Jaeger.",
        lambda options: [f"round {number + 1}" for number in range(options.count or 1)],
        _outage,
        estimate_s=60,
    ),
    Proof(
        "purchases",
        "10,000 purchases: the ids in PostgreSQL, in the logs and in the traces are the same.",
        _purchase_steps,
        _purchases,
        estimate_s=40,
    ),
    Proof(
        "kill",
        "A service's process killed with SIGKILL under load takes at most 10 spans with it, each service in turn.",
        lambda options: [f"{number + 1}: {service}" for number in range(options.count or 5) for service in SERVICES],
        _kill,
        estimate_s=20,
    ),
    Proof(
        "restart-lab",
        "Ten times down and up: each time nothing is left, each time the lab comes back.",
        lambda options: [f"round {number + 1}" for number in range(options.count or 10)],
        _restart,
        estimate_s=12,
    ),
)


def proof_named(name: str) -> Proof:
    """Raises ConfigurationError naming the proofs."""
    for proof in PROOFS:
        if proof.name == name:
            return proof
    raise ConfigurationError(
        f"There is no proof {name!r}.", f"Proofs are: {', '.join(proof.name for proof in PROOFS)}.", {"name": name}
    )
