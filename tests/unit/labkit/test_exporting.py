"""The exporters' session in an outage, on a clock that only the test moves, and spans on their way out."""

from typing import Any

import pytest
import requests
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from labkit.exporting import PatientSession, RedactingExporter, redacted_span
from labkit.testing import FakeClock


class _Outage:
    """Stands for the wire: fails until a moment on the clock, then answers; each try takes a little time."""

    def __init__(self, clock: FakeClock, until_s: float, status: int | None = None) -> None:
        self.clock, self.until_s, self.status = clock, until_s, status
        self.timeouts: list[float] = []

    def __call__(self, _session: object, *_args: Any, timeout: float, **_kwargs: Any) -> requests.Response:
        self.timeouts.append(timeout)
        self.clock.advance(0.001)
        response = requests.Response()
        response.status_code = 200
        if self.clock() < self.until_s:
            if self.status is None:
                raise requests.ConnectionError("refused")
            response.status_code = self.status
        return response


@pytest.fixture
def clock() -> FakeClock:
    """A clock at 1000 s."""
    return FakeClock()


def _method(outage: _Outage) -> Any:
    """A plain function, because only those become methods."""

    def request(session: object, *args: Any, **kwargs: Any) -> requests.Response:
        return outage(session, *args, **kwargs)

    return request


def _session(monkeypatch: pytest.MonkeyPatch, outage: _Outage, *, patient: bool = True) -> PatientSession:
    monkeypatch.setattr(requests.Session, "request", _method(outage))
    return PatientSession(patient=patient, clock=outage.clock, pause=outage.clock.sleep)


@pytest.mark.parametrize("status", [None, 429, 503], ids=["refused", "throttled", "unavailable"])
def test_an_outage_shorter_than_the_timeout_is_waited_out(
    monkeypatch: pytest.MonkeyPatch, clock: FakeClock, status: int | None
) -> None:
    """45 s of outage with a timeout of 60 s: the batch arrives, within a quarter of a second of the return."""
    outage = _Outage(clock, 1045.0, status)
    answer = _session(monkeypatch, outage).request("POST", "http://collector", timeout=60)
    assert answer.status_code == 200
    assert clock() - 1045.0 < 0.3
    assert max(outage.timeouts) <= 10.0


def test_an_outage_longer_than_the_timeout_is_reported(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """After 60 s it is the exporter's to count the batch as lost."""
    session = _session(monkeypatch, _Outage(clock, 9999.0))
    with pytest.raises(requests.ConnectionError):
        session.request("POST", "http://collector", timeout=60)
    assert 1059.0 < clock() <= 1060.5


def test_an_impatient_session_tries_once(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """Metrics are cumulative: the next export says it all again."""
    outage = _Outage(clock, 9999.0)
    with pytest.raises(requests.ConnectionError):
        _session(monkeypatch, outage, patient=False).request("POST", "http://collector", timeout=60)
    assert len(outage.timeouts) == 1


def test_the_end_of_the_process_ends_the_patience(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """A stop grants what it grants, whatever the timeout said."""
    session = _session(monkeypatch, _Outage(clock, 9999.0))
    session.finish_by(1003.0)
    with pytest.raises(requests.ConnectionError):
        session.request("POST", "http://collector", timeout=60)
    assert clock() <= 1003.5


def test_a_refusal_is_not_repeated(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """400 and 401 do not get better by asking again."""
    outage = _Outage(clock, 9999.0, 401)
    assert _session(monkeypatch, outage).request("POST", "http://collector", timeout=60).status_code == 401
    assert len(outage.timeouts) == 1


def _ended(attributes: dict[str, Any], event: str = "", said: str | None = None) -> ReadableSpan:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer("t").start_as_current_span("charge") as span:
        span.set_attributes(attributes)
        span.add_event("exception", {"exception.message": event})
        span.set_status(Status(StatusCode.ERROR, said))
    return memory.get_finished_spans()[0]


def test_a_span_without_secrets_is_not_copied() -> None:
    """The usual case costs no new object."""
    span = _ended({"order.id": "o-1", "count": 3, "list": ["a"], "rate": 0.5, "ok": True})
    assert redacted_span(span) is span


@pytest.mark.parametrize(
    "span",
    [
        _ended({"note": "4111 1111 1111 1111"}),
        _ended({"number": 4111111111111111}),
        _ended({}, event="4111 1111 1111 1111"),
        _ended({}, said="4111-1111-1111-1111"),
    ],
    ids=["attribute", "number", "event", "status"],
)
def test_a_secret_anywhere_in_a_span_is_taken_out(span: ReadableSpan) -> None:
    """And everything else of the span is what it was."""
    memory = InMemorySpanExporter()
    RedactingExporter(memory).export([span])
    (clean,) = memory.get_finished_spans()
    assert "4111" not in clean.to_json().replace(f"{span.context.trace_id:032x}", "")
    assert (clean.name, clean.context, clean.start_time, clean.end_time) == (
        span.name,
        span.context,
        span.start_time,
        span.end_time,
    )
    assert clean.resource is span.resource
