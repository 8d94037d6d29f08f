"""``lab`` without a verb: where you are, and what to type next."""

from labctl.cli.output import out
from labctl.runtime.choose import current
from labctl.settings import Lab
from labkit.errors import LabError


def show() -> None:
    """Two or three lines; never fails, because it is where somebody who is lost begins."""
    lab = Lab.from_env()
    where, following = _where(lab)
    out.print(f"[bold]OpsLab[/] in {lab.checkout}")
    out.print(where)
    out.print(f"next: [bold]{following}[/]")
    out.print("[dim]./lab --help lists every verb; ./lab doctor says what is wrong[/]")


def _where(lab: Lab) -> tuple[str, str]:
    if lab.is_remote:
        return f"talking to the lab at {lab.url} (LAB_URL)", "./lab status"
    try:
        states = current(lab).status()
    except LabError as error:
        return f"the lab cannot be asked: {error.message}", "./lab doctor"
    if not states:
        return "the lab is not running", "./lab up"
    waiting = [state.name for state in states if not state.is_good]
    if waiting:
        return f"the lab runs at {lab.url}, but not ready: {', '.join(waiting)}", "./lab doctor"
    return f"the lab runs at {lab.url}", f"open {lab.url}/shop and buy something, then ./lab traces list"
