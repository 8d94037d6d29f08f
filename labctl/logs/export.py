"""Log lines to a file: every line of the range, oldest first, in constant memory."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from labctl.backends.lines import LogLine
from labctl.logs.fields import as_json, fields_of, iso_time

COLUMNS = ("timestamp", "service", "level", "message", "trace_id", "span_id", "correlation_id", "fields")
# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_json(pages: Iterable[list[LogLine]], target: TextIO) -> Iterator[int]:
    """Write one JSON array, a line of text for each log line; yields the size of each page for progress."""
    target.write("[")
    separator = "\n"
    for page in pages:
        for line in page:
            target.write(separator + json.dumps(as_json(line), ensure_ascii=False))
            separator = ",\n"
        yield len(page)
    target.write("\n]\n")


def write_csv(pages: Iterable[list[LogLine]], target: TextIO) -> Iterator[int]:
    """Write CSV (RFC 4180) with a header; yields the size of each page for progress."""
    writer = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for page in pages:
        writer.writerows(_row(line) for line in page)
        yield len(page)


def safe_cell(text: str) -> str:
    """``text`` so that no spreadsheet runs it: a leading apostrophe where it would begin a formula."""
    clean = text.replace("\x00", "")
    return "'" + clean if clean.startswith(_FORMULA_STARTS) else clean


def csv_text(lines: list[LogLine]) -> str:
    """The CSV of ``lines`` as text."""
    target = io.StringIO(newline="")
    for _ in write_csv([lines], target):
        pass
    return target.getvalue()


def _row(line: LogLine) -> list[str]:
    values = (
        iso_time(line.timestamp_ns),
        line.service,
        line.level,
        line.body,
        line.trace_id,
        line.get("span_id"),
        line.correlation_id,
        json.dumps(fields_of(line), ensure_ascii=False),
    )
    return [safe_cell(value) for value in values]
