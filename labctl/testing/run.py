"""Runs tiers one after another; labs are brought up once for all tiers that share one."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from labctl.settings import CHECKOUT
from labctl.testing.counts import Counts, Skipped, read_counts
from labctl.testing.engine import engine
from labctl.testing.needs import Missing, Progress, build_servers, find_browser
from labctl.testing.own_lab import OwnLab, own_lab
from labctl.testing.tiers import Tier
from labkit.errors import LabError

# pytest's own exit codes (its documentation, "Exit codes").
PYTEST_GOOD = (0, 1, 5)


@dataclass(frozen=True)
class TierResult:
    """One tier: what pytest counted, and how long set-up and tests took."""

    name: str
    counts: Counts
    tests_s: float = 0.0
    setup_s: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What the caller of `lab test` asked for."""

    tiers: Sequence[Tier]
    keyword: str | None = None
    pytest_arguments: Sequence[str] = ()
    to_stderr: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def run_tiers(request: Request, progress: Progress) -> Iterator[TierResult]:
    """The result of each tier as soon as it is there."""
    for lab_kind, group in groupby(request.tiers, key=lambda tier: tier.lab):
        if lab_kind:
            yield from _with_lab(lab_kind, list(group), request, progress)
        else:
            for tier in group:
                yield _without_lab(tier, request, progress)


def _without_lab(tier: Tier, request: Request, progress: Progress) -> TierResult:
    started = time.monotonic()
    try:
        if tier.needs_servers:
            build_servers(progress)
    except LabError as error:
        return broken(tier, error)
    return _run(tier, request, request.environ, time.monotonic() - started, progress)


def _with_lab(kind: str, tiers: Sequence[Tier], request: Request, progress: Progress) -> Iterator[TierResult]:
    started = time.monotonic()
    left_behind: list[str] = []
    told: list[TierResult] = []
    try:
        with ExitStack() as stack:
            lab = _bring_up(kind, stack, progress)
            left_behind = lab.left_behind
            setup_s = time.monotonic() - started
            for tier in tiers:
                told.append(_in_lab(tier, request, lab, setup_s, progress))
                yield told[-1]
                setup_s = 0.0
    except Missing as error:
        yield from (skipped(tier, error) for tier in tiers[len(told) :])
    except LabError as error:
        yield from (broken(tier, error) for tier in tiers[len(told) :])
    if left_behind:
        yield TierResult(f"{kind} lab down", Counts(failed=1, failures=tuple(left_behind)))


def _bring_up(kind: str, stack: ExitStack, progress: Progress) -> OwnLab:
    variables: Mapping[str, str] = {}
    # The stand-in images wrap the native binaries, so these are needed for containers too.
    build_servers(progress)
    if kind == "docker":
        variables = stack.enter_context(engine(progress))
    return stack.enter_context(own_lab(kind, progress, variables))


def _in_lab(tier: Tier, request: Request, lab: OwnLab, setup_s: float, progress: Progress) -> TierResult:
    environ = {**request.environ, **lab.environ}
    try:
        if tier.needs_browser:
            environ["LAB_CHROMIUM"] = find_browser()
    except Missing as error:
        return skipped(tier, error)
    result = _run(tier, request, environ, setup_s, progress)
    without = environ.get("LAB_WITHOUT")
    return result if not without else TierResult(**{**result.__dict__, "notes": (f"left out by name: {without}",)})


def _run(tier: Tier, request: Request, environ: Mapping[str, str], setup_s: float, progress: Progress) -> TierResult:
    progress(f"tier {tier.name}: {tier.about}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="opslab-test-") as scratch:
        report = Path(scratch) / "junit.xml"
        code = _pytest(tier, request, environ, report)
        counts = Counts() if code == 5 else read_counts(report)
    if code not in PYTEST_GOOD and not counts.failed:
        counts += Counts(failed=1, failures=(f"pytest itself ended with {code}",))
    return TierResult(tier.name, counts, time.monotonic() - started, setup_s)


def _pytest(tier: Tier, request: Request, environ: Mapping[str, str], report: Path) -> int:
    argv = [sys.executable, "-m", "pytest", tier.folder, f"--junit-xml={report}", "-o", f"cache_dir={report.parent}"]
    argv += ["-m", f"not {tier.deselect}"] if tier.deselect else []
    argv += ["-k", request.keyword] if request.keyword else []
    done = subprocess.run(
        [*argv, *request.pytest_arguments],
        cwd=CHECKOUT,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if request.to_stderr else None,
        check=False,
    )
    return done.returncode


def skipped(tier: Tier, why: LabError) -> TierResult:
    """A tier that this machine cannot run counts as one skipped test."""
    reason = f"{why.message}. {why.hint}".rstrip()
    return TierResult(tier.name, Counts(skipped=(Skipped(f"tier {tier.name}", reason),)))


def broken(tier: Tier, why: LabError) -> TierResult:
    """A tier that could not be set up counts as one failed test."""
    return TierResult(tier.name, Counts(failed=1, failures=(f"set-up of tier {tier.name}: {why.message}",)))
