"""How proofs count, wait and go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from labctl.prove.kill import back_after_s, commonest, missing
from labctl.prove.load import Done, Journey, Load
from labctl.prove.polling import NeverHappened, poll
from labctl.prove.proof import Options, Progress, Proof, StepResult
from labctl.prove.registry import PROOFS, proof_named
from labctl.prove.run import Proven, run_proof
from labctl.prove.shopper import Placed
from labctl.prove.world import World
from labctl.settings import Lab
from labkit.errors import CannotTell, ConfigurationError, LabError


def test_poll_returns_the_value_that_was_waited_for() -> None:
    """The first value that will do."""
    values = iter([1, 2, 3, 4])
    assert poll("three", lambda: next(values), lambda value: value == 3, every_s=0) == 3


def test_poll_reports_the_last_value() -> None:
    """A failure without what was seen instead cannot be understood."""
    with pytest.raises(NeverHappened, match="Last seen: 7"):
        poll("eight", lambda: 7, lambda value: value == 8, timeout_s=0, every_s=0)


def test_poll_asks_again_when_a_backend_does_not_answer() -> None:
    """Not being able to ask is neither yes nor no; the last error is reported."""

    def silent() -> int:
        raise CannotTell("no answer")

    with pytest.raises(NeverHappened, match="no answer"):
        poll("an answer", silent, timeout_s=0, every_s=0)


def test_poll_does_not_hide_a_failure() -> None:
    """What was asked and answered with "wrong" is not waited for."""

    def wrong() -> int:
        raise LabError("wrong")

    with pytest.raises(LabError, match="wrong"):
        poll("never mind", wrong, timeout_s=10)


@pytest.mark.parametrize(
    ("found", "whole", "lost"),
    [
        ([(1, 3), (1, 3)], (1, 3), 0),
        ([(1, 3), (0, 0), (1, 2)], (1, 3), 5),
        ([(2, 3), (0, 3)], (1, 3), 1),
        ([], (1, 3), 0),
    ],
)
def test_missing_spans_are_counted_over_all_traces(
    found: list[tuple[int, ...]], whole: tuple[int, ...], lost: int
) -> None:
    """A trace that has more than usual does not make up for another."""
    assert missing(found, whole) == lost


def test_whole_journey_is_the_commonest_one() -> None:
    """One that was cut short does not lower what is expected."""
    assert commonest([(1, 3), (0, 3), (1, 3), (1, 1)]) == (1, 3)


PLACED = Journey(Placed("o", "t", "c", 1, "EUR", {}), ("t",))


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        pytest.param([Done(9, 9.5, PLACED), Done(10.1, 10.4, PLACED)], 0.4, id="first answer after the signal"),
        pytest.param([Done(10.1, 10.2, None, "refused"), Done(10.3, 10.9, PLACED)], 0.9, id="after a failure"),
        pytest.param(
            [Done(10.1, 10.2, PLACED), Done(10.3, 10.4, None, "refused"), Done(10.5, 11.0, PLACED)],
            1.0,
            id="an answer before a failure does not count",
        ),
        pytest.param([Done(9, 10.3, PLACED)], float("inf"), id="never again"),
    ],
)
def test_back_after_counts_from_the_signal(done: Sequence[Done[Journey]], expected: float) -> None:
    """Only purchases begun after the signal, and after every failure, show that the service is back."""
    assert back_after_s(done, 10.0) == pytest.approx(expected)


def test_load_runs_so_many_and_keeps_results_and_errors() -> None:
    """An action that fails is counted and does not stop the others."""
    numbers = iter(range(4))

    def act() -> int:
        number = next(numbers)
        if number == 2:
            raise LabError("two")
        return number

    with Load(act, 1000.0, most=4) as load:
        assert load.exhausted.wait(5)
    assert sorted(load.results) == [0, 1, 3]
    assert load.errors == ["two"]


def proof(outcomes: dict[str, bool], ran: list[str]) -> Proof:
    """A proof whose steps have these outcomes; notes which steps ran."""

    def run(_: World, step: str, __: Progress) -> StepResult:
        ran.append(step)
        return StepResult(outcomes[step], {"step": step})

    return Proof("p", "a promise", lambda _: list(outcomes), run, estimate_s=10)


def run(home: Path, one: Proof, commit: str = "c1", **options: Any) -> Proven:
    """Run a proof in a lab that is only a folder."""
    world = cast(World, type("Nothing", (), {"lab": Lab.from_env({"LAB_HOME": str(home)})})())
    return run_proof(world, one, Options(), commit=commit, facts={}, **options)


def test_proof_goes_on_where_it_was(tmp_path: Path) -> None:
    """A step that held is not done again on the same commit; one that failed is."""
    ran: list[str] = []
    first = run(tmp_path, proof({"a": True, "b": False, "c": True}, ran))
    assert (first.passed, first.complete, ran) == (False, True, ["a", "b", "c"])
    again = run(tmp_path, proof({"a": True, "b": True, "c": True}, ran))
    assert (again.passed, again.skipped, ran[3:]) == (True, 2, ["b"])


@pytest.mark.parametrize("change", [{"commit": "c2"}, {"fresh": True}], ids=["another commit", "fresh"])
def test_proof_of_another_commit_shows_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    """What was shown of other code does not count."""
    ran: list[str] = []
    run(tmp_path, proof({"a": True}, ran))
    run(tmp_path, proof({"a": True}, ran), **change)
    assert ran == ["a", "a"]


def test_slice_without_time_claims_nothing(tmp_path: Path) -> None:
    """No step fits into the time: not passed, and not failed either."""
    found = run(tmp_path, proof({"a": True}, []), budget_s=5)
    assert (found.passed, list(found.failures), found.complete) == (False, [], False)


def test_step_that_breaks_has_failed(tmp_path: Path) -> None:
    """An error is written down as the step's result."""

    def breaks(_: World, __: str, ___: Progress) -> StepResult:
        raise LabError("broken")

    found = run(tmp_path, Proof("p", "", lambda _: ["a"], breaks, 1))
    assert not found.passed
    assert "broken" in found.file.read_text(encoding="utf-8")


def test_purchases_come_in_batches_that_add_up() -> None:
    """10,000 in all unless told otherwise; the last batch is what is left."""
    steps = proof_named("purchases").steps
    assert sum(int(step.split()[1]) for step in steps(Options())) == 10_000
    assert [step.split()[1] for step in steps(Options(600))] == ["250", "250", "100"]


def test_steps_of_a_proof_have_names_of_their_own() -> None:
    """The journal knows a step by its name."""
    for one in PROOFS:
        names = one.steps(Options())
        assert len(names) == len(set(names)) > 0


def test_unknown_proof_names_the_known() -> None:
    """A slip of the finger shows what there is."""
    with pytest.raises(ConfigurationError) as error:
        proof_named("no-such")
    assert "outage" in error.value.hint
