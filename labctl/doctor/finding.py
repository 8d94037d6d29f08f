"""What a check of the doctor says, and the list in which checks are registered."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.doctor.patient import Patient


class Verdict(Enum):
    """PASS and WARN do not stop a lab; CANNOT_TELL means that the question could not be asked."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warn"
    FAIL = "fail"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Finding:
    """One answer. ``summary`` says what was seen; ``mend`` is the command (or the setting) that puts it right."""

    verdict: Verdict
    summary: str
    mend: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def passed(summary: str, **facts: object) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.PASS, summary, "", facts)


def warned(summary: str, mend: str, **facts: object) -> Finding:
    """The lab works, but something will trouble its user."""
    return Finding(Verdict.WARN, summary, mend, facts)


def failed(summary: str, mend: str, **facts: object) -> Finding:
    """The lab does not work, or will not come up, until this is mended."""
    return Finding(Verdict.FAIL, summary, mend, facts)


def cannot_tell(summary: str, mend: str = "", **facts: object) -> Finding:
    """The question could not be asked; never read this as an answer."""
    return Finding(Verdict.CANNOT_TELL, summary, mend, facts)


Ask = Callable[["Patient"], Finding | Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """A named question. ``group`` is "machine" (asked always, of a local lab) or "lab" (asked of a running one)."""

    name: str
    group: str
    ask: Ask


CHECKS: list[Check] = []


def check(name: str, group: str) -> Callable[[Ask], Ask]:
    """Register a function as the check ``name``; the order of registration is the order of the report."""

    def register(ask: Ask) -> Ask:
        CHECKS.append(Check(name, group, ask))
        return ask

    return register
