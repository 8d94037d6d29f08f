"""Each hop of the running lab: is it there, does it take what it is given, does it hand it on?"""

import time
from collections.abc import Iterator, Mapping

import requests

from labctl.backends import Session
from labctl.backends.lab import NAME as CONSOLE
from labctl.backends.lab import Component, LabState
from labctl.doctor.finding import Finding, cannot_tell, check, failed, passed, warned
from labctl.doctor.patient import Patient

# Without the age of the sample, a target that is no longer configured would count for five minutes more.
FRESH_UP = "up and (time() - timestamp(up) < 15)"
# The console looks once in a second or two: what has just come up must not be called down.
SETTLE_S = 2.5
# The counters of the collector are compared over this long, so that an old trouble is not reported as a present one.
WATCHED_S = 1.5
POLL_S = 0.3


@check("gateway", "lab")
def gateway(patient: Patient) -> Finding:
    """The one door through which all else is asked."""
    session = requests.Session()
    session.trust_env = False
    url = f"{patient.lab.url}/healthz"
    try:
        answer = session.get(url, timeout=5)
    except requests.RequestException as error:
        why = "refuses the connection" if isinstance(error, requests.ConnectionError) else "does not answer"
        return failed(f"The gateway at {patient.lab.url} {why}.", "lab up, or set LAB_URL to the lab's front door")
    if answer.status_code != 200:
        return failed(
            f"{url} answers {answer.status_code}: another program may hold the port.", "lab doctor; lab status"
        )
    return passed(f"the gateway answers at {patient.lab.url}")


@check("components", "lab")
def components(patient: Patient) -> Iterator[Finding]:
    """What the console says about each part: services by their readyz, servers by their own readiness."""
    state = settled(patient)
    patient.notes["down"] = [part.name for part in state.components if part.state == "down"]
    if not state.services:
        yield cannot_tell("The lab lists no services.", "lab status")
    ready = [part.name for part in state.components if part.state == "ready"]
    if ready:
        yield passed(f"ready: {', '.join(ready)}")
    yield from (_unwell(part) for part in state.components if part.state != "ready")


def settled(patient: Patient) -> LabState:
    """The lab's state once every part is ready, or as it is after a few seconds."""
    end_s = time.monotonic() + SETTLE_S
    while True:
        state = patient.backends.lab.state()
        unwell = [part for part in state.components if part.state in ("down", "starting")]
        if not unwell or time.monotonic() > end_s:
            return state
        time.sleep(POLL_S)


def _unwell(part: Component) -> Finding:
    detail = part.detail or "no detail"
    mend = f"lab restart {part.name}" if part.kind == "service" else "lab up"
    match part.state:
        case "down":
            return failed(
                f"{part.name} is down: {detail}", f"{mend}; its log says why: lab support-bundle", part=part.name
            )
        case "starting":
            return warned(
                f"{part.name} is starting: {detail}", "Wait a moment and ask again: lab doctor", part=part.name
            )
        case _ if part.detail.startswith("optional"):
            return passed(f"{part.name}: {detail}", part=part.name)
    return cannot_tell(f"{part.name} is {part.state}: {detail}", "lab status", part=part.name)


@check("services alive", "lab")
def services_alive(patient: Patient) -> Iterator[Finding]:
    """Each service's management port, which answers even while all its threads are stuck."""
    silent = []
    for name in patient.backends.lab.state().services:
        answer = patient.backends.lab.service(name)
        if answer.get("state", "ready") == "down":
            silent.append(name)
            yield failed(f"{name}'s management port does not answer: {answer.get('detail', '')}", f"lab restart {name}")
    if not silent:
        yield passed("every service's management port answers")


@check("collector", "lab")
def collector(patient: Patient) -> Iterator[Finding]:
    """By its own counters: nothing refused, nothing failed, nothing piling up."""
    before = _counters(patient)
    end_s = time.monotonic() + WATCHED_S
    after = before
    while time.monotonic() < end_s:
        time.sleep(POLL_S)
        after = _counters(patient)
    findings = [finding for signal in after for finding in judge(signal, before.get(signal, {}), after[signal])]
    yield from findings or [passed("the collector takes logs, traces and metrics and hands them on", **_flat(after))]


def judge(signal: str, before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Finding]:
    """What the collector's counters for one signal say about the time between two looks."""
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    if grown.get("refused", 0) > 0:
        yield failed(
            f"The collector refuses {signal} ({grown['refused']:g} just now): its memory limiter, most likely.",
            "Lower the load; see the collector's log in LAB_HOME/logs or docker compose logs collector",
        )
    if grown.get("send_failed", 0) > 0 or (
        after.get("queued", 0) > 0 and grown.get("sent", 0) == 0 and before.get("queued")
    ):
        yield failed(
            f"The collector cannot hand on {signal}: {after.get('queued', 0):g} batches wait.",
            "lab status shows which backend is down; what waits is kept and sent when it is back",
        )


def _counters(patient: Patient) -> dict[str, dict[str, float]]:
    session = Session(patient.lab.url)
    answer = session.get_json("/api/lab/pipeline", backend=CONSOLE)
    return {str(name): dict(values) for name, values in answer.items()} if isinstance(answer, dict) else {}


def _flat(counters: Mapping[str, Mapping[str, float]]) -> dict[str, object]:
    return {f"{signal}_{name}": value for signal, values in counters.items() for name, value in values.items()}


@check("loki", "lab")
def loki(patient: Patient) -> Finding:
    """Loki answers queries and knows services."""
    names = patient.backends.loki.label_values("service_name")
    if names:
        return passed(f"Loki has lines of {len(names)} services")
    return failed("Loki answers, but has not one line of any service.", "lab logs test names the hop that loses them")


@check("jaeger", "lab")
def jaeger(patient: Patient) -> Finding:
    """Jaeger answers queries and knows services."""
    names = patient.backends.jaeger.services()
    if names:
        return passed(f"Jaeger has traces of {len(names)} services")
    return failed(
        "Jaeger answers, but has not one trace of any service.", "Buy something in the shop, then lab traces list"
    )


@check("prometheus", "lab")
def prometheus(patient: Patient) -> Iterator[Finding]:
    """Every target that is scraped answers."""
    targets = patient.backends.prometheus.query(FRESH_UP)
    if not targets:
        yield failed("Prometheus scrapes nothing.", "lab restart prometheus; see prometheus/README.md")
    dead = [one for one in targets if one.samples[-1].value != 1]
    for one in dead:
        job = one.labels.get("job", "?")
        instance = one.labels.get("instance", "?")
        yield failed(f"Prometheus cannot scrape {job} at {instance}.", f"lab status; lab restart {job}", job=job)
    if targets and not dead:
        yield passed(f"Prometheus scrapes {len(targets)} targets, all up")
