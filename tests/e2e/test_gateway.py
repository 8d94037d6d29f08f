"""The one door: what people need is open, what administers or writes is not, and nobody else's page gets in."""

import socket
import time
import uuid
from collections.abc import Iterator

import pytest
import requests

from labctl.backends import Backends
from labctl.prove.control_native import NativeControl
from labctl.prove.polling import poll
from labctl.prove.world import World

OPEN = {
    "front page": "/",
    "shop": "/shop",
    "traces page": "/traces",
    "logs page": "/logs",
    "state of the lab": "/api/lab",
    "health": "/healthz",
    "Jaeger services": "/jaeger/api/v3/services",
    "Prometheus query": "/prometheus/api/v1/query?query=up",
    "Alertmanager status": "/alertmanager/api/v2/status",
    "Loki labels": "/loki/api/v1/labels",
}
CLOSED = {
    "Loki push": ("POST", "/loki/api/v1/push"),
    "Loki OTLP": ("POST", "/loki/otlp/v1/logs"),
    "Loki delete": ("POST", "/loki/api/v1/delete?query=%7Ba%3D%22b%22%7D"),
    "Loki flush": ("POST", "/loki/flush"),
    "Loki configuration": ("GET", "/loki/config"),
    "Loki shutdown": ("POST", "/loki/ingester/shutdown"),
    "Loki query by POST": ("POST", "/loki/api/v1/query"),
    "Prometheus reload": ("POST", "/prometheus/-/reload"),
    "Prometheus quit": ("POST", "/prometheus/-/quit"),
    "Prometheus delete": ("POST", "/prometheus/api/v1/admin/tsdb/delete_series?match[]=up"),
    "Prometheus remote write": ("POST", "/prometheus/api/v1/write"),
    "Prometheus OTLP": ("POST", "/prometheus/api/v1/otlp/v1/metrics"),
    "Prometheus profiles": ("GET", "/prometheus/debug/pprof/heap"),
    "Alertmanager reload": ("POST", "/alertmanager/-/reload"),
    "Alertmanager alerts": ("POST", "/alertmanager/api/v2/alerts"),
    "Caddy's own administration": ("GET", "/config/"),
    "learner's OTLP on the front door": ("POST", "/v1/traces"),
}
DISGUISES = ("/prometheus//-/reload", "/prometheus/./-/reload", "/prometheus/x/../-/reload", "/prometheus/%2d/reload")
REFUSED = range(400, 500)


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    """A client that no proxy variable misleads."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("name", OPEN)
def test_door_is_open(world: World, browser: requests.Session, name: str) -> None:
    """What the lab's user needs is reachable on the one port."""
    answer = browser.get(world.lab.url + OPEN[name], timeout=10)
    assert answer.status_code == 200, answer.text[:500]


@pytest.mark.parametrize("name", CLOSED)
def test_door_is_closed(world: World, browser: requests.Session, name: str) -> None:
    """What writes, administers or ends a server is not reachable through the gateway."""
    method, path = CLOSED[name]
    answer = browser.request(method, world.lab.url + path, data=b"", timeout=10)
    assert answer.status_code in REFUSED, answer.text[:500]


@pytest.mark.parametrize("path", DISGUISES)
def test_disguised_path_is_closed_too(world: World, path: str) -> None:
    """Dots, doubled slashes and percent signs do not lead around a rule; sent raw, since clients tidy paths up."""
    with socket.create_connection(("127.0.0.1", world.lab.port), timeout=10) as connection:
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{world.lab.port}", "Content-Length: 0", "Connection: close"]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        status = int(connection.makefile("rb").readline().split()[1])
    assert status in (*REFUSED, *range(300, 400))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "169.254.169.254"])
@pytest.mark.parametrize("path", ["/", "/api/lab", "/shop", "/loki/api/v1/labels"])
def test_foreign_host_is_refused(world: World, browser: requests.Session, host: str, path: str) -> None:
    """A page elsewhere whose name is made to point at 127.0.0.1 (DNS rebinding) gets nothing."""
    answer = browser.get(world.lab.url + path, headers={"Host": host}, timeout=10)
    assert answer.status_code in REFUSED, answer.text[:200]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_own_names_are_served(world: World, browser: requests.Session, host: str) -> None:
    """The two names under which people open the lab."""
    answer = browser.get(world.lab.url + "/", headers={"Host": f"{host}:{world.lab.port}"}, timeout=10)
    assert answer.status_code == 200


@pytest.mark.parametrize("token", [None, "wrong", ""])
@pytest.mark.parametrize("verb", ["restart", "testline", "loglevel"])
def test_operators_verbs_need_the_token(world: World, browser: requests.Session, verb: str, token: str | None) -> None:
    """Without the operator's token nothing changes, whatever the body says."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{world.lab.url}/api/lab/services/orders/{verb}"
    answer = browser.post(url, json={"level": "DEBUG", "tag": "x"}, headers=headers, timeout=10)
    assert answer.status_code in (401, 403), answer.text[:300]


def test_management_ports_are_not_routed(world: World, browser: requests.Session) -> None:
    """Nothing below the shop's path leads to a service's own administration."""
    for path in ("/shop/livez", "/shop/restart", "/shop/metrics", "/livez", "/metrics", "/shop/../metrics"):
        answer = browser.get(world.lab.url + path, timeout=10)
        assert "process_resident_memory" not in answer.text, path
        assert '"alive"' not in answer.text, path


def test_learners_telemetry_is_stamped(world: World, backends: Backends, browser: requests.Session) -> None:
    """What comes by the open OTLP port says so, even when it claims to be the shop's own."""
    trace_id, now_ns = uuid.uuid4().hex, time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": trace_id[:16],
        "name": "exercise",
        "kind": 1,
        "startTimeUnixNano": str(now_ns),
        "endTimeUnixNano": str(now_ns + 1_000_000),
    }
    attributes = [
        {"key": "service.name", "value": {"stringValue": "workshop-e2e"}},
        {"key": "lab.origin", "value": {"stringValue": "shop"}},
    ]
    body = {"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [span]}]}]}
    answer = browser.post(f"http://127.0.0.1:{world.lab.otlp_port}/v1/traces", json=body, timeout=10)
    assert answer.status_code == 200, answer.text[:300]
    found = poll("the learner's span", lambda: backends.jaeger.trace(trace_id).spans)
    assert found[0].resource["lab.origin"] == "learner"


@pytest.mark.native_only
@pytest.mark.parametrize("token", [None, "wrong"])
def test_inner_receiver_needs_its_token(world: World, browser: requests.Session, token: str | None) -> None:
    """The shop's own receiver takes nothing from programs on the same machine that have no token."""
    port = NativeControl(world.lab).port_of("collector", 4319)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = browser.post(f"http://127.0.0.1:{port}/v1/traces", json={"resourceSpans": []}, headers=headers, timeout=10)
    assert answer.status_code == 401


@pytest.mark.native_only
def test_only_loopback_is_listened_on(world: World) -> None:
    """Nothing of the lab is reachable from another machine."""
    outward = [
        address for address in NativeControl(world.lab).listening_addresses() if not address.startswith(("127.", "::1"))
    ]
    assert outward == []
