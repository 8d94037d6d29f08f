"""``lab test``: every tier of tests that this machine can run, set up and torn down."""

import os
import signal
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from labctl.cli.asking import visible
from labctl.cli.output import AsJson, emit, err, out
from labctl.testing.counts import Counts
from labctl.testing.run import Request, TierResult, run_tiers
from labctl.testing.tiers import chosen


def test(
    tier: Annotated[str | None, typer.Option(help="Only these: unit, integration, e2e, browser, compose.")] = None,
    keyword: Annotated[str | None, typer.Option("-k", help="Only tests whose names match, as pytest has it.")] = None,
    no_skips: Annotated[bool, typer.Option("--no-skips", help="A skipped test is a failed one.")] = False,
    pytest_arguments: Annotated[list[str] | None, typer.Argument(help="After --: arguments for pytest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests, fast tiers first, with labs of their own; says what was skipped and why.

    Exit code 0: nothing failed; 1: something did, or was skipped under --no-skips; 3: no test ran at all.
    """
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, _interrupt)
    request = Request(chosen(tier), keyword, pytest_arguments or (), to_stderr=as_json, environ=dict(os.environ))
    results = []
    for result in run_tiers(request, lambda text: err.print(f"[bold cyan]lab test[/] {visible(text)}")):
        results.append(result)
        err.print(f"[bold cyan]lab test[/] tier {result.name}: {result.counts.line} in {result.tests_s:.0f} s")
    total = sum((result.counts for result in results), Counts())
    emit(_json(results, total), lambda: _report(results, total), as_json=as_json)
    if total.failed or (no_skips and total.skipped):
        raise typer.Exit(1)
    if not total.passed:
        raise typer.Exit(3)


def _interrupt(*_: object) -> None:
    """Whoever ends this run, the labs that it brought up are taken down."""
    raise KeyboardInterrupt


def _json(results: list[TierResult], total: Counts) -> dict[str, object]:
    return {
        "passed": total.passed,
        "failed": total.failed,
        "skipped": len(total.skipped),
        "tiers": [
            {
                "tier": one.name,
                "passed": one.counts.passed,
                "failures": list(one.counts.failures),
                "skipped": [skip.__dict__ for skip in one.counts.skipped],
                "tests_s": round(one.tests_s, 1),
                "setup_s": round(one.setup_s, 1),
                "notes": list(one.notes),
            }
            for one in results
        ],
    }


def _report(results: list[TierResult], total: Counts) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("tier", "passed", "failed", "skipped", "set-up s", "tests s", ""):
        table.add_column(heading, justify="left" if heading in ("tier", "") else "right")
    for one in results:
        counts = one.counts
        numbers = (counts.passed, counts.failed, len(counts.skipped), f"{one.setup_s:.0f}", f"{one.tests_s:.0f}")
        table.add_row(one.name, *map(str, numbers), visible("; ".join(one.notes)))
    out.print(table)
    for failure in total.failures:
        out.print(Text(f"failed: {visible(failure)}", "red"))
    for skip in total.skipped:
        out.print(Text(f"skipped: {visible(skip.what)}: {visible(skip.reason)}", "yellow"))
    out.print(total.line)
