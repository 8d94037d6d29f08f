"""Things between a client and 127.0.0.1 that should not be there: proxies, and clocks that disagree."""

import time
from email.utils import parsedate_to_datetime

import requests
from requests.utils import should_bypass_proxies

from labctl.doctor.finding import Finding, check, failed, passed, warned
from labctl.doctor.patient import Patient

PROXY_NAMES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
HOSTS = ("127.0.0.1", "localhost")
# Loki takes lines at most a little ahead of its clock and queries end "now": two seconds already hide fresh data.
TOLERATED_SKEW_S = 2.0
# The Date header has whole seconds: the answer may be up to one second older than it says.
HEADER_RESOLUTION_S = 1.0
WATCHED_S = 0.2
TOLERATED_JUMP_S = 0.05


@check("proxy", "machine")
def proxy(patient: Patient) -> Finding:
    """Requests to the lab must not go to a proxy."""
    names = [name for name in PROXY_NAMES if patient.environ.get(name)]
    if not names:
        return passed("no proxy variable catches local addresses")
    excluded = patient.environ.get("no_proxy") or patient.environ.get("NO_PROXY") or ""
    caught = [host for host in HOSTS if not should_bypass_proxies(f"http://{host}:{patient.lab.port}", excluded)]
    if not caught:
        return passed(f"{names[0]} is set, and NO_PROXY keeps local addresses out of it")
    return warned(
        f"{names[0]} is set and NO_PROXY does not name {' and '.join(caught)}: curl, browsers and SDKs would "
        "ask the proxy for the lab.",
        'export NO_PROXY="127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}" no_proxy="$NO_PROXY"',
        variables=names,
    )


@check("clock", "machine")
def clock(_: Patient) -> Finding:
    """Wall clock and monotonic clock advance alike."""
    jump_s = abs(clock_jump_s())
    if jump_s <= TOLERATED_JUMP_S:
        return passed("the clock runs evenly")
    return warned(
        f"The wall clock jumped by {jump_s:.2f} s within {WATCHED_S} s.",
        "Let one program set the clock: timedatectl set-ntp true; in a virtual machine install its guest tools.",
        jump_s=round(jump_s, 3),
    )


def clock_jump_s() -> float:
    """How far the wall clock moved beyond the time that passed."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(WATCHED_S)
    return (time.time() - wall) - (time.monotonic() - steady)


@check("clock skew", "lab")
def clock_skew(patient: Patient) -> Finding:
    """The lab's clock (a container's virtual machine sleeps with its laptop) and ours agree."""
    session = requests.Session()
    session.trust_env = False
    before = time.time()
    answer = session.get(f"{patient.lab.url}/healthz", timeout=5)
    after = time.time()
    header = answer.headers.get("Date")
    if not header:
        return passed("the gateway sends no Date header; clocks were not compared")
    skew_s = skew_of(parsedate_to_datetime(header).timestamp(), before, after)
    if abs(skew_s) <= TOLERATED_SKEW_S:
        return passed("the lab's clock and this machine's agree", skew_s=round(skew_s, 1))
    direction = "ahead of" if skew_s > 0 else "behind"
    return failed(
        f"The lab's clock is {abs(skew_s):.0f} s {direction} ours: fresh lines and traces fall out of queries.",
        "Set both by NTP; Docker Desktop: restart it (its virtual machine's clock stops while the computer sleeps).",
        skew_s=round(skew_s, 1),
    )


def skew_of(header_s: float, before_s: float, after_s: float) -> float:
    """How far the clock that wrote ``header_s`` (whole seconds, cut off) is off ours; 0 within what cannot be told."""
    if header_s > after_s:
        return header_s - after_s
    behind = before_s - (header_s + HEADER_RESOLUTION_S)
    return -behind if behind > 0 else 0.0
