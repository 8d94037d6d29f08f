"""A log line on the terminal."""

import json
import sys
import zlib
from collections.abc import Iterable

from rich.text import Text

from labctl.backends.lines import LogLine
from labctl.cli.asking import visible
from labctl.cli.output import out
from labctl.logs.fields import as_json, clock_time, telling_fields

LEVEL_STYLES = {
    "debug": "dim",
    "info": "green",
    "warning": "yellow",
    "error": "bold red",
    "critical": "bold white on red",
    "unknown": "dim",
}
_SERVICE_STYLES = ("cyan", "magenta", "blue", "bright_green", "bright_blue", "bright_magenta", "bright_cyan")
SERVICE_WIDTH = 11


def service_style(service: str) -> str:
    """Always the same colour for the same service."""
    return _SERVICE_STYLES[zlib.crc32(service.encode("utf-8", "replace")) % len(_SERVICE_STYLES)]


def line_text(line: LogLine) -> Text:
    """Time, service, level, message, fields, trace id; nothing in it can command the terminal."""
    text = Text(no_wrap=False, overflow="fold")
    text.append(clock_time(line.timestamp_ns) + " ", "dim")
    text.append(visible(line.service).ljust(SERVICE_WIDTH) + " ", service_style(line.service))
    text.append(line.level.upper().ljust(8) + " ", LEVEL_STYLES[line.level])
    text.append(visible(line.body), "bold" if line.level in ("error", "critical") else "")
    for name, value in telling_fields(line).items():
        text.append(f" {visible(name)}=", "dim")
        text.append(visible(value))
    if line.trace_id:
        text.append(f" trace={visible(line.trace_id)}", "dim")
    return text


def print_line(line: LogLine, *, as_lines_of_json: bool) -> None:
    """Print ``line`` now; as JSON it is one object on a line of its own."""
    if as_lines_of_json:
        sys.stdout.write(json.dumps(as_json(line), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        out.print(line_text(line))


def print_lines(lines: Iterable[LogLine]) -> None:
    """Print every line for people."""
    for line in lines:
        out.print(line_text(line))
