"""The commands of `lab logs` and `lab metrics`: exit codes, JSON, and nothing hostile on the terminal."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from labctl.backends import Backends
from labctl.backends.errors import BackendUnavailable, QueryRefused
from labctl.backends.lines import LogLine
from labctl.backends.samples import Sample, Series
from labctl.cli import log_export, log_tail, log_test, logs, metrics
from labctl.cli.app import main
from labctl.cli.asking import visible
from labctl.cli.metrics import number, sparkline
from labkit.errors import CannotTell

Run = Callable[..., tuple[int, str, str]]
HOSTILE = "\x1b[31mred\x1b[0m [bold]markup[/] \u202eevil\r\n\x07"
LINE = LogLine(
    10**18, HOSTILE, {"service_name": "orders"}, {"severity_text": "ERROR", "evil": HOSTILE, "trace_id": "ab" * 16}
)


@dataclass
class FakeLoki:
    """Loki with the given lines."""

    lines: list[LogLine] = field(default_factory=lambda: [LINE])
    problem: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def query_range(self, query: str, *_: Any, **__: Any) -> list[LogLine]:
        """All lines."""
        self.asked.append(query)
        if self.problem:
            raise self.problem
        return list(self.lines)

    def pages(self, query: str, *_: Any, **__: Any) -> Any:
        """All lines, in one page."""
        yield self.query_range(query)

    def query(self, query: str) -> list[Series]:
        """Seven of everything."""
        self.asked.append(query)
        return [Series({"service_name": "orders", "severity_text": "ERROR"}, (Sample(0, 7),))]


@dataclass
class FakePrometheus:
    """Prometheus with one series."""

    def query(self, promql: str) -> list[Series]:
        """One value."""
        return [Series({"__name__": "up", "evil": HOSTILE}, (Sample(0, float("nan")),))] if promql == "up" else []


@pytest.fixture
def loki(monkeypatch: pytest.MonkeyPatch) -> FakeLoki:
    """Every command asks this Loki."""
    fake = FakeLoki()
    backends = Backends(cast(Any, fake), cast(Any, None), cast(Any, FakePrometheus()), cast(Any, None))
    for module in (logs, log_tail, log_test, log_export, metrics):
        monkeypatch.setattr(module, "ask_lab", lambda: (None, backends))
    return fake


@pytest.fixture
def run(loki: FakeLoki, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command; its exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capfd.readouterr()
        return code, said.out, said.err

    return call


def test_lines_are_printed_harmlessly(run: Run) -> None:
    """No control character and no markup of a log line reaches the terminal."""
    code, out, _ = run("logs", "search")
    assert code == 0
    assert "\\u001b[31mred\\u001b[0m [bold]markup[/] \\u202eevil\\r\\n\\u0007" in out
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(out)


def test_json_is_one_document_with_everything(run: Run) -> None:
    """The line as it was, its fields, and the query that was asked."""
    code, out, _ = run("logs", "search", "service=orders", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["query"] == '{service_name="orders"}'
    assert found["lines"][0]["message"] == HOSTILE
    assert found["lines"][0]["timestamp_unix_ns"] == str(10**18)


def test_no_match_is_an_answer(run: Run, loki: FakeLoki) -> None:
    """Exit code 0 for a search; 1 where one thing was asked for."""
    loki.lines = []
    assert run("logs", "search", "x")[0] == 0
    assert run("logs", "trace", "ab" * 16)[0] == 1
    assert run("logs", "correlation", "abc")[0] == 1


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (BackendUnavailable("Loki", "url", "Loki did not answer", "`./lab up`"), 3),
        (QueryRefused("Loki", "url", "parse error", "LogQL ...", 400), 2),
    ],
)
@pytest.mark.parametrize(
    "arguments", [["search"], ["trace", "ab" * 16], ["patterns"], ["export"]], ids=lambda words: str(words[0])
)
def test_loki_being_away_is_cannot_tell_and_a_bad_query_is_usage(
    run: Run, loki: FakeLoki, arguments: list[str], problem: Exception, code: int
) -> None:
    """Exit codes 3 and 2, the message on stderr."""
    loki.problem = problem
    found, _, err = run("logs", *arguments)
    assert found == code
    assert str(problem) in err.replace("\n", " ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["logs", "search", "--since", "yesterday"],
        ["logs", "search", "--level", "loud"],
        ["logs", "trace", "nonsense"],
        ["logs", "correlation", "two words"],
        ["logs", "tail", "--grep", "("],
        ["logs", "export", "--output", "/nonexistent/file"],
        ["metrics", "query", "up", "--step", "1s"],
        ["metrics", "query", "up", "--range", "7d", "--step", "1ms"],
    ],
    ids=" ".join,
)
def test_wrong_input_is_usage_with_a_hint(run: Run, arguments: list[str]) -> None:
    """Exit code 2 and the next step."""
    code, _, err = run(*arguments)
    assert code == 2
    assert "next:" in err


def test_a_tail_ends_with_control_c_as_a_success(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how a tail ends."""
    monkeypatch.setattr("labctl.cli.log_tail.time.sleep", _interrupt)
    code, out, _ = run("logs", "tail", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[0])["service"] == "orders"


def test_a_tail_waits_for_loki_and_then_gives_up(run: Run, loki: FakeLoki, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart is bridged; a Loki that stays away is "cannot tell"."""
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("labctl.cli.log_tail.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("labctl.cli.log_tail.time.sleep", lambda _: None)
    loki.problem = BackendUnavailable("Loki", "url", "Loki did not answer", "`./lab up`")
    code, _, err = run("logs", "tail", "--lines", "0")
    assert code == 3
    assert "Waiting" in err


def test_grep_looks_at_fields_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The expression sees the line as it is shown."""
    monkeypatch.setattr("labctl.cli.log_tail.time.sleep", _interrupt)
    assert "ORDERS" not in run("logs", "tail", "--grep", "nothing like it")[1].upper()
    assert "orders" in run("logs", "tail", "--grep", "evil=")[1]


def test_statistics_count_errors(run: Run) -> None:
    """Lines and bytes by service and level."""
    code, out, _ = run("logs", "stats", "--json")
    assert code == 0
    assert json.loads(out)["services"] == [{"service": "orders", "level": "error", "lines": 7, "bytes": 7}]
    assert "7 of them errors" in run("logs", "stats")[1]


def test_patterns_are_grouped(run: Run) -> None:
    """One line, one pattern."""
    assert json.loads(run("logs", "patterns", "--json")[1])["patterns"][0]["count"] == 1


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_an_export_is_whole_or_not_there(run: Run, loki: FakeLoki, tmp_path: Path, suffix: str) -> None:
    """A file appears under its name only when it is complete."""
    target = tmp_path / f"lines.{suffix}"
    assert run("logs", "export", "--format", suffix, "--output", str(target))[0] == 0
    first = target.read_bytes()
    loki.problem = CannotTell("Loki went away")
    assert run("logs", "export", "--format", suffix, "--output", str(target))[0] == 3
    assert target.read_bytes() == first
    assert [file.name for file in tmp_path.iterdir()] == [target.name]


def test_a_number_that_json_lacks_is_written_as_prometheus_does(run: Run) -> None:
    """NaN is no JSON."""
    assert json.loads(run("metrics", "query", "up", "--json")[1])["series"][0]["values"] == [[0, "NaN"]]
    assert "no series matches" in run("metrics", "query", "nothing")[2]


@pytest.mark.parametrize(
    ("values", "blocks"),
    [([], ""), ([1.0], "▁"), ([0, 1], "▁█"), ([float("nan"), 1, 2], " ▁█"), ([5, 5, 5], "▁▁▁"), ([float("inf")], " ")],
)
def test_a_sparkline_spans_lowest_to_highest(values: list[float], blocks: str) -> None:
    """Also for nothing, for one value, and for what is no number."""
    assert sparkline(values) == blocks


def test_a_long_course_is_drawn_by_its_peaks() -> None:
    """A spike of one second is not averaged away."""
    assert "█" in sparkline([0.0] * 500 + [1.0] + [0.0] * 500, width=20)
    assert len(sparkline([1.0] * 1000)) == 40


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (12345.0, "12,345"), (0.123456, "0.1235"), (float("inf"), "+Inf")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    """Whole numbers whole, others with four digits."""
    assert number(value) == text


def test_visible_text_has_one_line() -> None:
    """A log line cannot fake another."""
    assert visible("a\nb\tc") == "a\\nb\\tc"


def _interrupt(_: float) -> None:
    raise KeyboardInterrupt
