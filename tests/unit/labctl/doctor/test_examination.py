"""One conclusion out of many findings."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from labctl.doctor.examination import Answered, Examination, ask, in_order, is_asked
from labctl.doctor.finding import Check, Finding, Verdict, failed, passed
from labctl.doctor.patient import Patient
from labctl.doctor.pipeline import judge
from labctl.settings import Lab
from labkit.errors import CannotTell
from tests.unit.labctl.doctor.patients import patient


def examination(*found: Verdict) -> Examination:
    """An examination with these verdicts."""
    return Examination("http://x", True, tuple(Answered("c", "lab", Finding(one, "s"), 0.0) for one in found))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((), 0),
        ((Verdict.PASS, Verdict.WARN), 0),
        ((Verdict.PASS, Verdict.CANNOT_TELL), 3),
        ((Verdict.CANNOT_TELL, Verdict.FAIL), 1),
    ],
)
def test_exit_code_follows_the_worst_finding(found: tuple[Verdict, ...], code: int) -> None:
    """A failure outweighs not knowing; a warning is no failure."""
    assert examination(*found).exit_code == code


def _breaks(_: Patient) -> Finding:
    raise ZeroDivisionError("no")


def _cannot(_: Patient) -> Finding:
    raise CannotTell("no answer", "ask again")


def _half(_: Patient) -> Iterable[Finding]:
    yield failed("first", "mend it")
    raise CannotTell("then silence")


@pytest.mark.parametrize("broken", [_breaks, _cannot, _half], ids=["breaks", "cannot tell", "breaks half way"])
def test_check_that_breaks_is_cannot_tell(tmp_path: Path, broken: object) -> None:
    """The doctor outlives its own checks, and never calls a broken one passed."""
    answers = list(ask(Check("x", "lab", broken), patient(tmp_path)))  # type: ignore[arg-type]
    assert [one.finding.verdict for one in answers] == [Verdict.CANNOT_TELL]


def test_check_may_have_several_findings(tmp_path: Path) -> None:
    """Each becomes a line of its own."""
    answers = list(ask(Check("x", "lab", lambda _: [passed("a"), failed("b", "c")]), patient(tmp_path)))
    assert [one.finding.summary for one in answers] == ["a", "b"]


def test_machine_of_a_remote_lab_is_not_looked_at(tmp_path: Path) -> None:
    """Its ports and its memory are elsewhere."""
    asked = patient(tmp_path)
    remote = Patient(
        Lab.from_env({"LAB_HOME": str(tmp_path), "LAB_URL": "http://elsewhere:1"}), asked.machine, {}, asked.backends
    )
    groups = {one.group for one in in_order() if is_asked(one, remote, is_running=True)}
    assert groups == {"lab"}


def test_lab_that_is_down_has_no_hops(tmp_path: Path) -> None:
    """Only the machine is looked at."""
    groups = {one.group for one in in_order() if is_asked(one, patient(tmp_path), is_running=False)}
    assert groups == {"machine"}


def test_every_check_has_a_name_of_its_own() -> None:
    """Names are what people and scripts refer to."""
    names = [one.name for one in in_order()]
    assert len(names) == len(set(names)) > 12


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        pytest.param({"sent": 5.0}, {"sent": 9.0, "queued": 0.0}, "", id="flows"),
        pytest.param({"refused": 4.0}, {"refused": 4.0, "sent": 1.0}, "", id="old trouble"),
        pytest.param({"refused": 4.0}, {"refused": 6.0}, "refuses", id="refuses now"),
        pytest.param({"send_failed": 0.0}, {"send_failed": 1.0, "queued": 3.0}, "cannot hand on", id="fails now"),
        pytest.param({"queued": 7.0, "sent": 1.0}, {"queued": 7.0, "sent": 1.0}, "cannot hand on", id="stuck"),
        pytest.param({"queued": 7.0, "sent": 1.0}, {"queued": 2.0, "sent": 9.0}, "", id="catching up"),
    ],
)
def test_collector_is_judged_by_what_its_counters_did(
    before: dict[str, float], after: dict[str, float], wrong: str
) -> None:
    """Counters since the start say little; what they did between two looks tells a present trouble from a past one."""
    found = list(judge("logs", before, after))
    assert bool(found) == bool(wrong)
    assert all(wrong in one.summary for one in found)
