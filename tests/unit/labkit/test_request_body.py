"""Reading fields: each refusal is 422 and names the field."""

from collections.abc import Callable
from typing import Any

import flask
import pytest

from labkit.app import query_int, require_choice, require_int, require_list, require_object, require_str
from labkit.errors import ApiError

Read = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda body: require_str(body, "f"), "tea"),
        (lambda body: require_str(body, "f", pattern="[A-Z]{3}"), "EUR"),
        (lambda body: require_int(body, "f", minimum=1, maximum=3), 3),
        (lambda body: require_choice(body, "f", ("card", "bank")), "bank"),
        (lambda body: require_object(body, "f"), {}),
        (lambda body: require_list(body, "f", max_items=2), [1, 2]),
    ],
)
def test_a_good_value_is_returned(read: Read, value: object) -> None:
    """As it was sent."""
    assert read({"f": value}) == value


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda body: require_str(body, "f"), ""),
        (lambda body: require_str(body, "f"), "  "),
        (lambda body: require_str(body, "f"), 5),
        (lambda body: require_str(body, "f", max_length=3), "long"),
        (lambda body: require_str(body, "f", pattern="[A-Z]{3}"), "EURO"),
        (lambda body: require_int(body, "f"), True),
        (lambda body: require_int(body, "f"), 1.0),
        (lambda body: require_int(body, "f"), "1"),
        (lambda body: require_int(body, "f", minimum=1), 0),
        (lambda body: require_int(body, "f", maximum=9), 10**30),
        (lambda body: require_choice(body, "f", ("card",)), "cash"),
        (lambda body: require_choice(body, "f", ("card",)), ["card"]),
        (lambda body: require_object(body, "f"), []),
        (lambda body: require_list(body, "f", max_items=2), []),
        (lambda body: require_list(body, "f", max_items=2), [1, 2, 3]),
        (lambda body: require_list(body, "f", max_items=2), "ab"),
    ],
)
def test_a_bad_value_is_refused_by_name(read: Read, value: object) -> None:
    """With the code ``field.invalid``."""
    with pytest.raises(ApiError) as caught:
        read({"f": value})
    assert (caught.value.status, caught.value.code) == (422, "field.invalid")
    assert dict(caught.value.context) == {"field": "f"}


@pytest.mark.parametrize("body", [{}, {"f": None}])
def test_a_missing_value_is_refused_by_name(body: dict[str, Any]) -> None:
    """``null`` is as missing as absent."""
    with pytest.raises(ApiError, match="f is missing") as caught:
        require_str(body, "f")
    assert caught.value.code == "field.missing"


@pytest.mark.parametrize("text", ["", "x", "1e3", "0x10", "-1", "51", "9" * 50])
def test_a_bad_query_number_is_refused(app: flask.Flask, text: str) -> None:
    """Within bounds or not at all."""
    with app.test_request_context(f"/?limit={text}"), pytest.raises(ApiError, match="limit"):
        query_int(flask.request, "limit", 20, minimum=1, maximum=50)


def test_a_query_number_has_a_default(app: flask.Flask) -> None:
    """Absent is the default, present is the value."""
    with app.test_request_context("/?limit=7"):
        assert query_int(flask.request, "limit", 20, minimum=1, maximum=50) == 7
        assert query_int(flask.request, "offset", 0, minimum=0, maximum=50) == 0
