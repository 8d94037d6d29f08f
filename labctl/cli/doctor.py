"""``lab doctor``: what is wrong with this machine or this lab, and the command that mends it."""

import sys

import typer
from rich.table import Table
from rich.text import Text

from labctl.cli.asking import visible
from labctl.cli.output import AsJson, emit, err
from labctl.doctor import Examination, Verdict, examine
from labctl.settings import Lab

MARKS = {
    Verdict.PASS: ("ok", "green"),
    Verdict.WARN: ("warn", "yellow"),
    Verdict.FAIL: ("FAIL", "bold red"),
    Verdict.CANNOT_TELL: ("?", "magenta"),
}
CONCLUSIONS = {
    Verdict.PASS: "Nothing stands in the way.",
    Verdict.WARN: "It works; the warnings are worth a look.",
    Verdict.FAIL: "Something is wrong; each line says what mends it.",
    Verdict.CANNOT_TELL: "Some questions could not be asked.",
}


def doctor(as_json: AsJson = False) -> None:
    """Check this machine and, when the lab runs, each hop of its pipeline.

    Exit code 0: nothing stands in the way; 1: something is wrong; 3: something could not be asked.
    """
    with err.status("looking") if sys.stderr.isatty() else _Silence() as status:
        found = examine(Lab.from_env(), progress=lambda name: status.update(f"looking at: {name}"))
    emit(found.as_json(), lambda: _table(found), as_json=as_json)
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _table(found: Examination) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, caption=_conclusion(found), caption_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found.answers:
        word, style = MARKS[one.finding.verdict]
        said = Text(visible(one.finding.summary))
        if one.finding.mend:
            said.append(f"\n-> {visible(one.finding.mend)}", "cyan")
        table.add_row(Text(word, style), Text(one.check, "dim"), said)
    return table


def _conclusion(found: Examination) -> str:
    asleep = "" if found.is_running else " The lab does not run; its pipeline was not asked: lab up"
    return CONCLUSIONS[found.verdict] + asleep


class _Silence:
    """Stands in for a spinner where nobody watches."""

    def __enter__(self) -> "_Silence":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, _: str) -> None:
        """Say nothing."""
