"""Log lines as files."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.backends.lines import LogLine
from labctl.logs.export import COLUMNS, safe_cell, write_csv, write_json

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
LINES = st.lists(
    st.builds(
        LogLine,
        st.integers(0, 2 * 10**18),
        TEXT,
        st.just({"service_name": "a"}),
        st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), TEXT, max_size=3),
    ),
    max_size=6,
)


def csv_rows(lines: list[LogLine]) -> list[list[str]]:
    """The rows of the CSV of ``lines``, read back by a CSV reader."""
    target = io.StringIO(newline="")
    list(write_csv([lines], target))
    return list(csv.reader(io.StringIO(target.getvalue(), newline="")))


@given(LINES)
def test_json_is_one_valid_document_with_every_line(lines: list[LogLine]) -> None:
    """However it is cut into pages, it reads back whole, to the nanosecond."""
    target = io.StringIO()
    sizes = list(write_json([lines[:2], lines[2:]], target))
    read = json.loads(target.getvalue())
    assert sum(sizes) == len(lines)
    assert [(int(one["timestamp_unix_ns"]), one["message"]) for one in read] == [
        (line.timestamp_ns, line.body) for line in lines
    ]


@given(LINES)
def test_csv_has_one_row_for_each_line_and_no_formula(lines: list[LogLine]) -> None:
    """Newlines and quotes stay in their cell, and no cell begins as a formula."""
    head, *rows = csv_rows(lines)
    assert head == list(COLUMNS)
    assert len(rows) == len(lines)
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "\uff1d1"])
def test_a_formula_is_disarmed(text: str) -> None:
    """A spreadsheet shows it as text."""
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["order.placed", "1+1", "", "a=b"])
def test_other_text_stays_as_it_is(text: str) -> None:
    """No needless apostrophes."""
    assert safe_cell(text) == text
