"""How much time a request has left, and the one rule: nobody waits longer than the caller does.

The deadline lives in the OpenTelemetry context, so a thread started under the threading instrumentation inherits it.
It travels as the header ``X-Request-Deadline``: the remaining time in whole milliseconds, which, unlike a point in
time, does not need the two machines' clocks to agree.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from labkit.errors import ApiError

HEADER = "X-Request-Deadline"
_KEY = otel_context.create_key("labkit-deadline")
_LONGEST_HEADER_DIGITS = 7  # 9,999,999 ms is 2.7 hours: anything longer is not a request


class DeadlineExceeded(ApiError):
    """No time is left, so the work was not begun. 504."""

    def __init__(self, doing: str = "") -> None:
        super().__init__(
            504,
            "deadline.exceeded",
            f"the time for this request was over before {doing or 'the work was done'}",
            "send the request again; if it keeps happening, find the slow call in the trace",
        )


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on a monotonic clock."""

    expires_at_s: float
    clock: Callable[[], float] = time.monotonic

    def remaining_s(self) -> float:
        """Seconds left; zero or negative when it is over."""
        return self.expires_at_s - self.clock()


def current() -> Deadline | None:
    """The deadline of the work this thread does, if it has one."""
    found = otel_context.get_value(_KEY)
    return found if isinstance(found, Deadline) else None


def remaining_s() -> float | None:
    """Seconds left for the work this thread does; None without a deadline."""
    deadline = current()
    return None if deadline is None else deadline.remaining_s()


@contextmanager
def start(budget_s: float, clock: Callable[[], float] = time.monotonic) -> Iterator[Deadline]:
    """Give the work inside ``budget_s`` seconds. An outer deadline that ends sooner stays in force."""
    token = otel_context.attach(with_budget(otel_context.get_current(), budget_s, clock))
    try:
        deadline = current()
        if deadline is None:  # pragma: no cover - attached above
            raise RuntimeError("the deadline was not attached")
        yield deadline
    finally:
        otel_context.detach(token)


def with_budget(context: Context, budget_s: float, clock: Callable[[], float] = time.monotonic) -> Context:
    """A context whose deadline is ``budget_s`` from now, or the one it has if that ends sooner."""
    fresh = Deadline(clock() + budget_s, clock)
    outer = otel_context.get_value(_KEY, context)
    if isinstance(outer, Deadline) and outer.remaining_s() < budget_s:
        fresh = outer
    return otel_context.set_value(_KEY, fresh, context)


def cap_s(timeout_s: float, margin_s: float = 0.02, *, doing: str = "") -> float:
    """``timeout_s``, or what the deadline leaves of it after ``margin_s`` kept for answering.

    Raises ``DeadlineExceeded`` when nothing is left: then do not begin.
    """
    left = remaining_s()
    if left is None:
        return timeout_s
    usable = left - margin_s
    if usable <= 0:
        raise DeadlineExceeded(doing)
    return min(timeout_s, usable)


def from_header(value: str | None) -> float | None:
    """Seconds that a caller grants; None when the header is absent or not a whole number of milliseconds."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > _LONGEST_HEADER_DIGITS:
        return None
    return int(value) / 1000


def to_header() -> str | None:
    """The header value for an outgoing call; None without a deadline."""
    left = remaining_s()
    return None if left is None else str(max(0, int(left * 1000)))
