"""From what a person types to LogQL: LogQL itself, or words like ``service=orders level=error declined``."""

import re
import shlex
from collections.abc import Iterable, Sequence

from labctl.backends.lines import DETECTED, LEVELS, SERVICE, SEVERITY, SPELLINGS, levels_from
from labkit.errors import ConfigurationError

EVERYTHING = f'{{{SERVICE}=~".+"}}'
# What people call a field -> what Loki calls it.
ALIASES = {
    "service": SERVICE,
    "trace": "trace_id",
    "span": "span_id",
    "correlation": "correlation_id",
    "env": "deployment_environment_name",
    "origin": "lab_origin",
}
INDEX_LABELS = (SERVICE, "deployment_environment_name", "lab_origin")
# Text is looked for in the message and in every field. Fields are no part of Loki's line, so for the search they are
# put behind it ("{{.}}" prints all labels as Go prints a map) and afterwards the line is put back as it was.
WITH_FIELDS = ' | label_format lab_line="{{__line__}}" | line_format "{{__line__}} {{.}}"'
WITHOUT_FIELDS = ' | line_format "{{.lab_line}}" | drop lab_line'
_WORD = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)(=~|!~|!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_HINT = 'For example: service=orders level=error, duration_ms>200, or LogQL: {service_name="orders"} |= "declined"'


def to_logql(query: str, *, level: str | None = None, fields: Iterable[tuple[str, str]] = ()) -> str:
    """The LogQL for ``query``, narrowed to ``level`` and above and to ``fields`` (name, exact value).

    ``query`` that begins with ``{`` is LogQL and passed on; otherwise its words are ``key=value`` (also ``!=``,
    ``=~``, ``!~``, ``>``, ``<``) or text that the message or a field contains. Raises ConfigurationError.
    """
    text = query.strip()
    base = text if text.startswith("{") else _from_words(_split(text))
    stages = [level_filter(levels_from_option(level))] if level else []
    stages += [f"{_field(name)}={quoted(value)}" for name, value in fields]
    return " | ".join([base, *stages])


def from_arguments(words: Sequence[str]) -> str:
    """The arguments of a command as one query.

    A single argument is a whole query. Of several, the shell has taken the quotes off ``message='two words'``, so
    they are put back.
    """
    if len(words) == 1 or (words and words[0].startswith("{")):
        return " ".join(words)
    return " ".join(shlex.quote(word) for word in words)


def quoted(value: str) -> str:
    """``value`` as a LogQL string literal; nothing in it can end the literal."""
    clean = value.encode("utf-8", "replace").decode()
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


def level_filter(spellings: Iterable[str]) -> str:
    """A label filter for lines whose sender, or failing that Loki, calls their level one of ``spellings``."""
    pattern = quoted(f"(?i)({'|'.join(spellings)})")
    return f"{SEVERITY}=~{pattern} or {DETECTED}=~{pattern}"


def levels_from_option(level: str) -> tuple[str, ...]:
    """The spellings of ``level`` and of all above it; raises ConfigurationError naming the levels."""
    try:
        return levels_from(level)
    except KeyError as error:
        raise _unknown_level(level) from error


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigurationError(f"The query {text!r} has an open quote.", _HINT) from error


def _from_words(words: list[str]) -> str:
    matchers, filters, texts = [], [], []
    for word in words:
        found = _WORD.fullmatch(word)
        if not found:
            texts.append(f" |= {quoted(word)}")
            continue
        name, operator, value = _field(found[1]), found[2], found[3]
        if name in INDEX_LABELS and operator in ("=", "!=", "=~", "!~"):
            matchers.append(f"{name}{operator}{quoted(value)}")
        else:
            filters.append(f" | {_comparison(name, operator, value)}")
    if not any(_selects(matcher) for matcher in matchers):
        matchers.append(f'{SERVICE}=~".+"')
    selector = "{" + ", ".join(matchers) + "}"
    return selector + "".join(filters) + (WITH_FIELDS + "".join(texts) + WITHOUT_FIELDS if texts else "")


def _selects(matcher: str) -> bool:
    """Whether a matcher alone satisfies Loki, which refuses a selector that could match a stream without labels."""
    return bool(re.match(r'\w+="(?!")', matcher))


def _comparison(name: str, operator: str, value: str) -> str:
    if name == "level" and operator in ("=", "!="):
        spellings = SPELLINGS.get({"warn": "warning", "err": "error"}.get(value.lower(), value.lower()))
        if spellings is None:
            raise _unknown_level(value)
        pattern = quoted(f"(?i)({'|'.join(spellings)})")
        both = f"{SEVERITY}=~{pattern} or {DETECTED}=~{pattern}"
        return both if operator == "=" else f"{SEVERITY}!~{pattern} and {DETECTED}!~{pattern}"
    if operator not in (">", ">=", "<", "<="):
        return f"{name}{operator}{quoted(value)}"
    if not _NUMBER.fullmatch(value):
        raise ConfigurationError(f"{name}{operator}{value}: {value!r} is not a number.", _HINT)
    return f"{name}{operator}{value}"


def _field(name: str) -> str:
    plain = name.replace(".", "_")
    return ALIASES.get(plain, plain)


def _unknown_level(level: str) -> ConfigurationError:
    return ConfigurationError(f"{level!r} is not a log level.", f"Levels are {', '.join(LEVELS)}.")
