"""``/traces`` and ``/traces/<id>``: find a trace, and read it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, jsonify, render_template, request

from labctl.backends.jaeger import checked_trace_id
from labctl.backends.lines import LogLine
from labctl.backends.loki import Window
from labctl.backends.spans import Trace
from labctl.console.inputs import LIMIT_CHOICES, SINCE_CHOICES, TraceForm
from labctl.console.parts import Parts, parts_of
from labctl.console.waterfall import waterfall
from labctl.logs.query import to_logql
from labctl.traces.report import trace_report
from labctl.traces.search import FoundTraces, find_traces
from labctl.traces.tree import TraceTree
from labkit.errors import CannotTell, ConfigurationError, LabError

blueprint = Blueprint("traces", __name__)
MAX_LINES = 500
# Logs of a trace are looked for from well before its start: a service's clock may be behind.
MARGIN_NS = 60_000_000_000


@dataclass(frozen=True)
class TraceLines:
    """The log lines of a trace, or why they are not there."""

    lines: tuple[LogLine, ...] = ()
    problem: LabError | None = None


@blueprint.get("/traces")
def search() -> tuple[str, int]:
    """The search form with its results; the form stays usable when Jaeger is away or a field is wrong."""
    form = TraceForm.of(request.args)
    found: FoundTraces | None = None
    problem: LabError | None = None
    services: list[str] = []
    try:
        services = [name for name in parts_of(current_app).jaeger.services() if name.isprintable()]
        found = find_traces(parts_of(current_app).jaeger, form.filter())
    except (CannotTell, ConfigurationError) as error:
        problem = error
    longest_ns = max((trace.duration_ns for trace in found.traces), default=1) if found else 1
    page = render_template(
        "traces.html",
        form=form,
        found=found,
        problem=problem,
        services=services,
        longest_ns=longest_ns or 1,
        since_choices=SINCE_CHOICES,
        limit_choices=LIMIT_CHOICES,
    )
    return page, _status(problem)


@blueprint.get("/fragments/operations")
def operations() -> Response:
    """Span names of a service, for the form's suggestions."""
    service = request.args.get("service", "")
    return jsonify({"operations": parts_of(current_app).jaeger.operations(service) if service else []})


@blueprint.get("/traces/<trace_id>")
def trace(trace_id: str) -> str:
    """One trace as a waterfall, with its log lines."""
    wanted, parts = checked_trace_id(trace_id), parts_of(current_app)
    found = parts.jaeger.trace(wanted)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_lines_of, parts, found)
        report = trace_report(TraceTree.of(found))
    return render_template("trace.html", report=report, chart=waterfall(report), logs=asked.result())


def _lines_of(parts: Parts, found: Trace) -> TraceLines:
    window = Window(found.start_ns - MARGIN_NS, found.end_ns + MARGIN_NS)
    query = to_logql("", fields=[("trace_id", found.trace_id)])
    try:
        lines = parts.loki.query_range(query, window, limit=MAX_LINES, direction="forward")
    except LabError as error:
        return TraceLines(problem=error)
    return TraceLines(tuple(lines))


def _status(problem: LabError | None) -> int:
    return 200 if problem is None else 400 if isinstance(problem, ConfigurationError) else 503
