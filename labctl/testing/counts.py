"""What pytest counted, read from its JUnit file: the one output of pytest that is made for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Skipped:
    """A test, or a whole tier, that did not run."""

    what: str
    reason: str


@dataclass(frozen=True)
class Counts:
    """The tests of one run. An error in set-up counts as failed."""

    passed: int = 0
    failed: int = 0
    skipped: Sequence[Skipped] = ()
    failures: Sequence[str] = ()

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            (*self.skipped, *other.skipped),
            (*self.failures, *other.failures),
        )

    @property
    def line(self) -> str:
        """``N passed, N failed, N skipped``."""
        return f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped"


def read_counts(file: Path) -> Counts:
    """The counts in a JUnit file; a run that wrote none (it crashed) is one failure."""
    try:
        root = ElementTree.parse(file).getroot()  # noqa: S314 - see above
    except (OSError, ElementTree.ParseError) as error:
        return Counts(failed=1, failures=(f"pytest left no result: {error}",))
    passed, skipped, failures = 0, list[Skipped](), list[str]()
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failures.append(name)
        elif skip is not None:
            skipped.append(Skipped(name, skip.get("message", "") or (skip.text or "").strip()))
        else:
            passed += 1
    return Counts(passed, len(failures), tuple(skipped), tuple(failures))
