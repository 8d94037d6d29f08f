"""Machines that do not exist, for checks to look at."""

# ruff: noqa: ARG002 - a fake takes what the real one takes

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labctl.backends import Backends
from labctl.doctor.finding import Finding, Verdict
from labctl.doctor.machine import Holder, Machine, Ran, Running
from labctl.doctor.patient import Patient
from labctl.settings import Lab

GIB = 2**30


@dataclass
class FakeMachine(Machine):
    """A healthy machine without Docker; each test makes one thing wrong."""

    version: tuple[int, int, int] = (3, 11, 7)
    memory: int = 8 * GIB
    free: int = 50 * GIB
    total: int = 100 * GIB
    inodes: int = 1_000_000
    writable: bool = True
    ports: dict[int, Holder] = field(default_factory=dict)
    processes: list[Running] = field(default_factory=list)
    alive: set[int] = field(default_factory=set)
    answering: bool = True
    programs: dict[tuple[str, ...], Ran] = field(default_factory=dict)

    def python_version(self) -> tuple[int, int, int]:
        return self.version

    def available_memory_bytes(self) -> int:
        return self.memory

    def disk(self, path: Path) -> tuple[int, int]:
        return self.free, self.total

    def free_inodes(self, path: Path) -> int:
        return self.inodes

    def is_writable(self, path: Path) -> bool:
        return self.writable

    def listeners(self) -> dict[int, Holder]:
        return self.ports

    def lab_processes(self) -> list[Running]:
        return self.processes

    def is_alive(self, pid: int) -> bool:
        return pid in self.alive

    def answers(self, path: Path) -> bool:
        return self.answering

    def run(self, *argv: str) -> Ran:
        return next(
            (ran for start, ran in self.programs.items() if argv[: len(start)] == start), Ran(None, "not found")
        )


def patient(home: Path, machine: Machine | None = None, environ: Mapping[str, str] | None = None) -> Patient:
    """A lab in ``home`` on ``machine``; nothing of it runs."""
    lab = Lab.from_env({"LAB_HOME": str(home), "LAB_PORT": "3000"})
    return Patient(lab, machine or FakeMachine(), environ or {}, Backends.at(lab.url))


def one_of_this_lab(home: Path, pid: int = 4321) -> Running:
    """A process that belongs to the lab in ``home``."""
    return Running(pid, "loki", {"LAB_INSTANCE": "x", "LAB_HOME": str(home)})


def findings(answer: object) -> list[Finding]:
    """What a check said, as a list."""
    return [answer] if isinstance(answer, Finding) else list(answer)  # type: ignore[call-overload]


def verdicts(answer: object) -> set[Verdict]:
    """The verdicts in what a check said."""
    return {finding.verdict for finding in findings(answer)}
