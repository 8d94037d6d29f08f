"""Reading what a caller sent: JSON bodies and query parameters, each refusal naming the field."""

import json
import re
from collections.abc import Collection
from typing import Any, NoReturn

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from labkit.errors import ApiError


def parse_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object.

    Raises ``ApiError``: 415 ``body.not_json`` (content type), 400 ``body.invalid_json``, 400 ``body.not_an_object``;
    werkzeug refuses one over the limit with 413.
    """
    if not request.is_json:
        raise ApiError(415, "body.not_json", "the body must be JSON", "send Content-Type: application/json")
    data = request.get_data()
    limit_bytes = request.max_content_length
    if limit_bytes is not None and request.content_length is None and len(data) >= limit_bytes:
        # werkzeug cuts a body without a declared length at the limit instead of refusing it.
        raise RequestEntityTooLarge
    try:
        body = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ApiError(400, "body.invalid_json", f"the body is not valid JSON{where}", "check the syntax") from error
    if not isinstance(body, dict):
        raise ApiError(400, "body.not_an_object", "the body must be a JSON object", 'send {"name": value, ...}')
    return body


def require_str(body: dict[str, Any], field: str, *, max_length: int = 200, pattern: str | None = None) -> str:
    """A text that is not empty. Raises 422 ``field.missing`` or ``field.invalid``, as do all of these."""
    value = _present(body, field)
    if not isinstance(value, str) or not value.strip():
        _invalid(field, "must be a text that is not empty")
    if len(value) > max_length:
        _invalid(field, f"must be at most {max_length} characters")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        _invalid(field, f"must match {pattern}")
    return value


def require_int(body: dict[str, Any], field: str, *, minimum: int | None = None, maximum: int | None = None) -> int:
    """A whole number within the bounds (both included); neither ``true`` nor ``1.0`` is one."""
    value = _present(body, field)
    if not isinstance(value, int) or isinstance(value, bool):
        _invalid(field, "must be a whole number")
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        _invalid(field, f"must be within {minimum}..{maximum}")
    return value


def require_choice(body: dict[str, Any], field: str, choices: Collection[str]) -> str:
    """One of the words in ``choices``."""
    value = _present(body, field)
    if not isinstance(value, str) or value not in choices:
        _invalid(field, f"must be one of: {', '.join(sorted(choices))}")
    return value


def require_object(body: dict[str, Any], field: str) -> dict[str, Any]:
    """A JSON object."""
    value = _present(body, field)
    if not isinstance(value, dict):
        _invalid(field, "must be an object")
    return value


def require_list(body: dict[str, Any], field: str, *, max_items: int) -> list[Any]:
    """A JSON array with 1 to ``max_items`` elements."""
    value = _present(body, field)
    if not isinstance(value, list) or not 1 <= len(value) <= max_items:
        _invalid(field, f"must be a list of 1 to {max_items}")
    return value


def query_int(request: Request, name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number from the query string, or the default when it is absent."""
    text = request.args.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,12}", text) or not minimum <= int(text) <= maximum:
        _invalid(name, f"must be a whole number within {minimum}..{maximum}")
    return int(text)


def _present(body: dict[str, Any], field: str) -> Any:
    if body.get(field) is None:
        raise ApiError(422, "field.missing", f"{field} is missing", f"send {field}", {"field": field})
    return body[field]


def _invalid(field: str, rule: str) -> NoReturn:
    raise ApiError(422, "field.invalid", f"{field} {rule}", "correct it and send the request again", {"field": field})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
