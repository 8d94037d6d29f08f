"""``/logs``: search the logs, and follow them live."""

import time

from flask import Blueprint, current_app, render_template, request

from labctl.backends.lines import LEVELS, SERVICE, LogLine
from labctl.backends.loki import FUTURE_NS, NS_PER_S, Window
from labctl.backends.tail import OVERLAP_S
from labctl.console.inputs import LIMIT_CHOICES, SINCE_CHOICES, LogForm
from labctl.console.parts import parts_of
from labctl.logs.query import to_logql
from labkit.errors import CannotTell, ConfigurationError, LabError

blueprint = Blueprint("logs", __name__)
# More than a person can follow; the page says so instead of drowning.
MAX_FRESH_LINES = 200
MAX_FOLLOW_BACK_NS = 60 * NS_PER_S


@blueprint.get("/logs")
def search() -> tuple[str, int]:
    """The search form with the newest matching lines first."""
    form, asked_ns = LogForm.of(request.args), time.time_ns()
    lines: list[LogLine] | None = None
    problem: LabError | None = None
    logql, services = "", list[str]()
    try:
        logql = _logql(form)
        lines = parts_of(current_app).loki.query_range(logql, Window.last(form.since_s), limit=form.most_lines)
        services = [name for name in parts_of(current_app).loki.label_values(SERVICE) if name.isprintable()]
    except (CannotTell, ConfigurationError) as error:
        problem = error
    page = render_template(
        "logs.html",
        form=form,
        lines=lines,
        problem=problem,
        logql=logql,
        services=services,
        levels=LEVELS,
        after_ns=_after(asked_ns),
        since_choices=SINCE_CHOICES,
        limit_choices=LIMIT_CHOICES,
    )
    return page, 200 if problem is None else 400 if isinstance(problem, ConfigurationError) else 503


@blueprint.get("/fragments/logs")
def fresh() -> tuple[str, int]:
    """Rows that arrived after ``after_ns``, newest first, some of them known to the page already."""
    form, asked_ns = LogForm.of(request.args), time.time_ns()
    given = request.args.get("after_ns", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 19):
        raise ConfigurationError("after_ns must be a time in Unix nanoseconds.")
    oldest_ns = max(int(given), asked_ns - MAX_FOLLOW_BACK_NS)
    window = Window(min(oldest_ns, asked_ns), asked_ns + FUTURE_NS)
    lines = parts_of(current_app).loki.query_range(_logql(form), window, limit=MAX_FRESH_LINES)
    return render_template("_log_rows.html", lines=lines, after_ns=_after(asked_ns)), 200


def _logql(form: LogForm) -> str:
    fields = [(SERVICE, form.service)] if form.service else []
    return to_logql(form.query, level=form.level or None, fields=fields)


def _after(asked_ns: int) -> int:
    """Where the next look begins: lines arrive out of order, so it overlaps this one."""
    return asked_ns - int(OVERLAP_S * NS_PER_S)
