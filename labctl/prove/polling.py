"""Waiting for something to become true: with a deadline, and with the last value seen when it did not."""

import time
from collections.abc import Callable
from typing import TypeVar

from labctl.backends.errors import NotFound
from labkit.errors import CannotTell, LabError

Value = TypeVar("Value")
EVERY_S = 0.1


class NeverHappened(LabError):
    """The deadline passed. ``context["last"]`` is the last value seen."""


def poll(
    what: str,
    read: Callable[[], Value],
    until: Callable[[Value], bool] = bool,
    *,
    timeout_s: float = 15.0,
    every_s: float = EVERY_S,
) -> Value:
    """Call ``read`` until ``until(value)`` holds and return that value.

    A backend that cannot be asked just now, or does not have it yet, is asked again. Raises NeverHappened, which names
    what was waited for and the last value or the last error.
    """
    end_s = time.monotonic() + timeout_s
    while True:
        seen, value = _attempt(read)
        if value is not None and until(value[0]):
            return value[0]
        if time.monotonic() >= end_s:
            raise NeverHappened(f"Waited {timeout_s:g} s for {what}. Last seen: {seen}", "", {"last": seen})
        time.sleep(every_s)


def _attempt(read: Callable[[], Value]) -> tuple[str, tuple[Value] | None]:
    try:
        value = read()
    except (CannotTell, NotFound, OSError) as error:
        return f"{type(error).__name__}: {error}", None
    return _short(value), (value,)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 1500 else text[:1500] + f"... ({len(text)} characters)"
