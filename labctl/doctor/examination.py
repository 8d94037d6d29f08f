"""Asks every check and draws one conclusion."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import requests

from labctl.backends import Backends
from labctl.doctor import host_checks, leftovers, network_checks, pipeline, port_checks, runtime_checks, travel
from labctl.doctor.finding import CHECKS, Check, Finding, Verdict, cannot_tell
from labctl.doctor.machine import Machine
from labctl.doctor.patient import Patient
from labctl.settings import Lab
from labkit.errors import CannotTell, LabError

# Importing a module registers its checks; this is the order of the report.
MODULES = (host_checks, runtime_checks, port_checks, network_checks, leftovers, pipeline, travel)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Answered:
    """A check with what it found and how long it took."""

    check: str
    group: str
    finding: Finding
    duration_s: float


@dataclass(frozen=True)
class Examination:
    """Every finding. ``is_running``: whether a lab answers at ``url`` or should."""

    url: str
    is_running: bool
    answers: tuple[Answered, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst finding; failing is worse than not knowing, and a warning is no failure."""
        seen = {answer.finding.verdict for answer in self.answers}
        return next(
            (one for one in (Verdict.FAIL, Verdict.CANNOT_TELL, Verdict.WARN) if one in seen),
            Verdict.PASS,
        )

    @property
    def exit_code(self) -> int:
        """0 nothing stands in the way, 1 something is wrong, 3 something could not be asked."""
        return {Verdict.FAIL: 1, Verdict.CANNOT_TELL: 3}.get(self.verdict, 0)

    def as_json(self) -> dict[str, object]:
        """The examination as plain data."""
        return {
            "url": self.url,
            "running": self.is_running,
            "verdict": self.verdict.value,
            "checks": [
                {
                    "check": one.check,
                    "group": one.group,
                    "verdict": one.finding.verdict.value,
                    "summary": one.finding.summary,
                    "mend": one.finding.mend,
                    "facts": dict(one.finding.facts),
                    "duration_ms": round(one.duration_s * 1000),
                }
                for one in self.answers
            ],
        }


def examine(lab: Lab, environ: Mapping[str, str] | None = None, progress: Progress = lambda _: None) -> Examination:
    """Ask this machine and, if a lab answers or should, every hop of its pipeline."""
    patient = Patient(
        lab, Machine(), os.environ if environ is None else environ, Backends.at(lab.url, lab.operator_token())
    )
    is_running = should_answer(patient)
    answers: list[Answered] = []
    for one in in_order():
        if is_asked(one, patient, is_running=is_running):
            progress(one.name)
            answers.extend(ask(one, patient))
    return Examination(lab.url, is_running, tuple(answers))


def in_order() -> list[Check]:
    """Every registered check, module by module as :data:`MODULES` has them."""
    names = [module.__name__ for module in MODULES]
    return sorted(CHECKS, key=lambda one: names.index(one.ask.__module__))


def is_asked(one: Check, patient: Patient, *, is_running: bool) -> bool:
    """A remote lab's machine is not this one; a lab that is down has no hops."""
    return is_running if one.group == "lab" else not patient.lab.is_remote


def should_answer(patient: Patient) -> bool:
    """Whether there is a lab to ask: a remote one, one whose door answers, or one of which processes are alive."""
    if patient.lab.is_remote or front_door_answers(patient.lab.url):
        return True
    return any(patient.holds(process.environ) for process in patient.machine.lab_processes())


def front_door_answers(url: str) -> bool:
    """Whether anything speaks HTTP at the lab's front door."""
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(f"{url}/healthz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def ask(one: Check, patient: Patient) -> Iterator[Answered]:
    """The findings of one check; one that breaks is "cannot tell" and never hides the others."""
    started = time.monotonic()
    try:
        found = one.ask(patient)
        findings = [found] if isinstance(found, Finding) else list(found)
    except CannotTell as error:
        findings = [cannot_tell(error.message, error.hint)]
    except LabError as error:
        findings = [Finding(Verdict.FAIL, error.message, error.hint)]
    except Exception as error:  # noqa: BLE001 - the doctor outlives its own checks
        findings = [cannot_tell(f"the check itself broke: {type(error).__name__}: {error}", "lab --debug doctor")]
    for finding in findings:
        yield Answered(one.name, one.group, finding, time.monotonic() - started)
