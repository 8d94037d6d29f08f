"""Sends one of each signal through the lab and waits until it comes out where people look."""

import time
from collections.abc import Callable, Iterator

import requests

from labctl.backends.errors import NotFound
from labctl.doctor.finding import Finding, cannot_tell, check, failed, passed
from labctl.doctor.patient import Patient
from labctl.logs.selftest import Arrival, run_log_test
from labctl.prove.polling import NeverHappened, poll
from labkit.errors import CannotTell

TIMEOUT_S = 10.0
# With a part down it is known why nothing comes out; this only shows which signals it costs.
BROKEN_TIMEOUT_S = 3.0
# A harmless request that passes gateway, storefront, catalog and PostgreSQL.
PATH = "/shop/api/products?q=doctor&limit=1"
SERVICE = "storefront"
COUNT = f'sum(http_server_request_duration_seconds_count{{service_name="{SERVICE}"}})'


@check("a log line travels", "lab")
def log_line(patient: Patient) -> Iterator[Finding]:
    """One tagged line from each service to Loki."""
    if patient.lab.operator_token() is None:
        yield cannot_tell("No test line was written: this machine has no operator token for the lab.", "Set LAB_TOKEN")
        return
    outcome = run_log_test(patient.backends, timeout_s=patience_s(patient))
    yield from (_lost(one) for one in outcome.arrivals if one.delay_s is None)
    if outcome.passed:
        slowest = max(one.delay_s or 0.0 for one in outcome.arrivals)
        yield passed(
            f"a line of each service reached Loki, the last after {slowest:.2f} s", slowest_s=round(slowest, 3)
        )


def _lost(arrival: Arrival) -> Finding:
    hop = arrival.lost_by.value if arrival.lost_by else "unknown"
    return failed(f"{arrival.service}'s line was lost by: {hop}. {arrival.reason}", "lab logs test", hop=hop)


@check("a trace and a metric travel", "lab")
def trace_and_metric(patient: Patient) -> Iterator[Finding]:
    """One request to the shop, found in Jaeger, and counted by Prometheus."""
    before = _count(patient)
    asked_s = time.monotonic()
    answer = _ask_shop(patient)
    if answer.status_code != 200:
        yield failed(
            f"The shop answers {answer.status_code} to {PATH}.", "lab status; lab logs search service=storefront"
        )
        return
    trace_id = trace_id_of(answer.headers.get("traceresponse", ""))
    if not trace_id:
        yield failed("The shop's answer carries no traceresponse header.", "lab restart storefront")
        return
    waits_s = patience_s(patient)
    yield _found("trace", lambda: _has_trace(patient, trace_id), asked_s, waits_s, "lab traces show " + trace_id)
    yield _found("metric", lambda: _count(patient) > before, asked_s, waits_s, f"lab metrics query '{COUNT}'")


def patience_s(patient: Patient) -> float:
    """How long to wait for a signal."""
    return BROKEN_TIMEOUT_S if patient.notes.get("down") else TIMEOUT_S


def _found(signal: str, is_there: Callable[[], bool], asked_s: float, waits_s: float, mend: str) -> Finding:
    try:
        poll(f"the request's {signal}", is_there, timeout_s=waits_s)
    except NeverHappened:
        return failed(f"The {signal} of a request did not come out within {waits_s:g} s.", mend)
    delay_s = time.monotonic() - asked_s
    return passed(f"the {signal} of a request was found after {delay_s:.2f} s", delay_s=round(delay_s, 3))


def _ask_shop(patient: Patient) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(patient.lab.url + PATH, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise CannotTell(f"The shop did not answer: {error}", "lab status") from error


def _has_trace(patient: Patient, trace_id: str) -> bool:
    try:
        return SERVICE in patient.backends.jaeger.trace(trace_id).services
    except NotFound:
        return False


def _count(patient: Patient) -> float:
    return sum(one.samples[-1].value for one in patient.backends.prometheus.query(COUNT))


def trace_id_of(traceresponse: str) -> str:
    """The trace id of a ``traceresponse`` header (``00-<trace>-<span>-01``), or ""."""
    parts = traceresponse.split("-")
    return parts[1] if len(parts) == 4 and len(parts[1]) == 32 else ""
