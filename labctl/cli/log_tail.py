"""``lab logs tail``: follow live, and prove that following works."""

import re
import time
from typing import Annotated

import typer
from rich.text import Text

from labctl.backends import Backends
from labctl.backends.errors import BackendUnavailable
from labctl.backends.lines import SERVICE, LogLine
from labctl.backends.loki import NS_PER_S, Window
from labctl.backends.tail import POLL_S, Tail
from labctl.cli.asking import Level, Service, ask_lab, visible
from labctl.cli.log_lines import line_text, print_line
from labctl.cli.log_test import report
from labctl.cli.output import AsJson, err
from labctl.logs.query import to_logql
from labctl.logs.selftest import LOOK_BACK_S, arrivals_in, conclude, tag_query, write_tagged_lines
from labkit.errors import ConfigurationError

HISTORY_S = 3600.0
# A restart of Loki takes 15 s; a tail that has seen nothing for longer than that should say so and stop.
PATIENCE_S = 60.0


def tail(
    *,
    test_mode: Annotated[
        bool, typer.Option("--test-mode", help="Make lines, see them come back, and stop with a verdict.")
    ] = False,
    service: Service = None,
    level: Level = None,
    trace: Annotated[str | None, typer.Option("--trace", help="Only lines of this trace.")] = None,
    grep: Annotated[str | None, typer.Option("--grep", help="Only lines that match this regular expression.")] = None,
    lines: Annotated[int, typer.Option("--lines", min=0, max=5000, help="Show so many earlier lines first.")] = 10,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Test mode: seconds to wait.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Follow the logs live; Ctrl-C ends it. With --json, one JSON object a line."""
    _, backends = ask_lab()
    if test_mode:
        _test(backends, timeout, as_json=as_json)
        return
    fields = [(name, value) for name, value in ((SERVICE, service), ("trace_id", trace)) if value]
    wanted, query = _expression(grep), to_logql("", level=level, fields=fields)
    try:
        _follow(backends, query, wanted, lines, as_json=as_json)
    except KeyboardInterrupt:  # the normal end of a tail
        return


def _follow(backends: Backends, query: str, wanted: re.Pattern[str] | None, lines: int, *, as_json: bool) -> None:
    started_ns = time.time_ns()
    earlier = backends.loki.query_range(query, Window.last(HISTORY_S), limit=lines)[::-1] if lines else []
    for line in earlier:
        _print_wanted(line, wanted, as_json=as_json)
    # What has been printed is not printed again: following begins right after the newest of it.
    begin_ns = earlier[-1].timestamp_ns + 1 if earlier else started_ns
    tail_of = Tail(backends.loki, query, start_ns=max(begin_ns, started_ns - 5 * NS_PER_S))
    silent_since: float | None = None
    while True:
        try:
            arrived = tail_of.poll()
        except BackendUnavailable as error:
            silent_since = _wait_for_loki(error, silent_since)
            continue
        if silent_since is not None:
            err.print(Text("Loki answers again", "dim"))
            silent_since = None
        for line in arrived:
            _print_wanted(line, wanted, as_json=as_json)
        time.sleep(POLL_S)


def _wait_for_loki(error: BackendUnavailable, silent_since: float | None) -> float:
    now = time.monotonic()
    if silent_since is None:
        err.print(Text(f"{visible(error.message)} Waiting up to {PATIENCE_S:g} s.", "yellow"))
    elif now - silent_since > PATIENCE_S:
        raise error
    time.sleep(POLL_S)
    return now if silent_since is None else silent_since


def _print_wanted(line: LogLine, wanted: re.Pattern[str] | None, *, as_json: bool) -> None:
    if wanted is None or wanted.search(line_text(line).plain):
        print_line(line, as_lines_of_json=as_json)


def _expression(grep: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(grep) if grep else None
    except re.error as error:
        raise ConfigurationError(
            f"--grep {grep!r} is not a regular expression: {error}.",
            "Put a backslash before ( [ * + ? to search for them.",
        ) from error


def _test(backends: Backends, timeout_s: float, *, as_json: bool) -> None:
    begin_ns = time.time_ns() - int(LOOK_BACK_S * NS_PER_S)
    written = write_tagged_lines(backends)
    tail_of, arrived = Tail(backends.loki, tag_query(written.tag), start_ns=begin_ns), dict[str, float]()
    trouble: BackendUnavailable | None = None
    deadline = time.monotonic() + timeout_s
    while len(arrived) < len(written.asked_s) and time.monotonic() < deadline:
        try:
            fresh, trouble = tail_of.poll(), None
        except BackendUnavailable as error:
            fresh, trouble = [], error
        for line in fresh if not as_json else []:
            print_line(line, as_lines_of_json=False)
        arrived = arrivals_in(fresh, written, time.monotonic()) | arrived
        time.sleep(POLL_S / 4)
    report(conclude(backends, written, arrived, trouble, timeout_s), as_json=as_json)
