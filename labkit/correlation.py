"""The correlation id: one name for everything a user's action caused, over traces, logs and services.

It travels as W3C baggage ``correlation.id`` and, for people and plain tools, as the header ``X-Correlation-ID``.
Nothing else of the baggage passes a service: what a caller puts there is not ours to hand on.
"""

import re
import uuid
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.context import Context

HEADER = "X-Correlation-ID"
BAGGAGE_KEY = "correlation.id"
Field = str | int | float | bool | None

_FIELDS_KEY = otel_context.create_key("labkit-log-fields")
_VALID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def is_valid(value: object) -> bool:
    """Whether this may be a correlation id: 8 to 64 letters, digits, dots, dashes and underscores."""
    return isinstance(value, str) and _VALID.fullmatch(value) is not None


def new_id() -> str:
    """A fresh correlation id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def current() -> str | None:
    """The correlation id of the work this thread does."""
    value = baggage.get_baggage(BAGGAGE_KEY)
    return value if isinstance(value, str) and is_valid(value) else None


def fields() -> Mapping[str, Field]:
    """The fields bound to the work this thread does; every log record carries them."""
    return _bound() or {}


def bind(**new_fields: Field) -> None:
    """Add fields to every later log record of this request (``bind(order_id=...)``). Outside of one: nothing."""
    bound = _bound()
    if bound is not None:
        bound.update(new_fields)


@contextmanager
def run_with_context(correlation_id: str | None = None, **new_fields: Field) -> Iterator[str]:
    """Do the work inside under a correlation id (given, else the current one, else a new one).

    Raises ``ValueError`` for an id that :func:`is_valid` refuses.
    """
    if correlation_id is not None and not is_valid(correlation_id):
        raise ValueError("a correlation id is 8 to 64 of A-Z a-z 0-9 . _ -")
    chosen = correlation_id or current() or new_id()
    token = otel_context.attach(into(otel_context.get_current(), chosen, {**fields(), **new_fields}))
    try:
        yield chosen
    finally:
        otel_context.detach(token)


def into(context: Context, correlation_id: str, new_fields: Mapping[str, Field]) -> Context:
    """A context that carries this id as its only baggage, and a fresh set of log fields."""
    only = baggage.set_baggage(BAGGAGE_KEY, correlation_id, baggage.clear(context))
    return otel_context.set_value(_FIELDS_KEY, dict(new_fields), only)


def outgoing(context: Context) -> Context:
    """The context as it may leave this service: no baggage but the correlation id."""
    value = baggage.get_baggage(BAGGAGE_KEY, context)
    bare = baggage.clear(context)
    return baggage.set_baggage(BAGGAGE_KEY, value, bare) if is_valid(value) else bare


def choose(header: str | None) -> str:
    """The id of an incoming request: its header, else its baggage, else a new one. Invalid ones are not taken."""
    if header is not None and is_valid(header):
        return header
    return current() or new_id()


def _bound() -> MutableMapping[str, Field] | None:
    found = otel_context.get_value(_FIELDS_KEY)
    return found if isinstance(found, dict) else None
