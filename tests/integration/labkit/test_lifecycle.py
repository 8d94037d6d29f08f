"""Starting, stopping, dying and being watched: a really forked service through its life."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.labkit.running import Service, eventually, free_port
from tests.integration.labkit.sink import Sink

pytestmark = pytest.mark.integration


def _trace_ids(sink: Sink) -> set[str]:
    return {span.trace_id.hex() for span in sink.spans()}


def _terminate(service: Service) -> tuple[int, float]:
    assert service.process is not None
    started = time.monotonic()
    os.kill(service.process.pid, signal.SIGTERM)
    return service.process.wait(timeout=20), time.monotonic() - started


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Service]:
    """A service whose collector is down."""
    running = Service(tmp_path, f"http://127.0.0.1:{free_port()}")
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_stop_flushes_what_was_just_recorded(service: Service, sink: Sink) -> None:
    """The span of the last request before SIGTERM arrives, and the exit is clean."""
    trace_id = service.get("/hello/last", headers={"Connection": "close"}).headers["traceresponse"].split("-")[1]
    code, _ = _terminate(service)
    assert code == 0
    assert trace_id in _trace_ids(sink)
    stopped = [log.body.string_value for log in sorted(sink.logs(), key=lambda log: log.time_unix_nano)]
    assert stopped.index("tinyshop.closed") < stopped.index("service.stopped")


def test_a_stop_lets_a_running_request_finish(service: Service, tmp_path: Path) -> None:
    """SIGTERM while a request waits: it is answered, and nobody new is."""
    flag = tmp_path / "wait"
    flag.touch()
    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(service.get, "/wait", params={"while": str(flag)}, timeout=15)
        eventually(lambda: _connections(service) >= 1)
        assert service.process is not None
        os.kill(service.process.pid, signal.SIGTERM)
        eventually(lambda: _refuses(service.port))
        flag.unlink()
        assert answer.result().json() == {"waited": "yes"}
    assert service.process.wait(timeout=15) == 0


def test_a_collector_that_is_down_does_not_hold_the_exit(alone: Service) -> None:
    """The retry of 60 s ends with the process: the flush gives up after 3 s."""
    alone.get("/hello/lost", headers={"Connection": "close"})
    code, took_s = _terminate(alone)
    assert code == 0
    assert took_s < 8
    assert [line["event"] for line in alone.lines() if "event" in line][-1] == "telemetry.flush_incomplete"


def test_an_outage_of_the_collector_loses_nothing(service: Service, sink: Sink) -> None:
    """Every request made while the collector was down is there after it came back, once."""
    sink.stop()
    answered = [service.get("/hello/outage").headers["traceresponse"].split("-")[1] for _ in range(40)]
    eventually(lambda: _refuses(sink.port))
    sink.start()
    sink.wait_for(lambda: set(answered) <= _trace_ids(sink), 15)
    logged = [log.trace_id.hex() for log in sink.logs()]
    sink.wait_for(lambda: set(answered) <= {log.trace_id.hex() for log in sink.logs()}, 15)
    assert len(logged) == len(set(logged))


def test_a_killed_worker_is_answering_again_and_lost_little(service: Service, sink: Sink) -> None:
    """SIGKILL under 50 requests a second: the next answer comes at once, and at most 10 spans are gone."""
    answered: list[str] = []
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        answered.append(service.get("/hello/load").headers["traceresponse"].split("-")[1])
        time.sleep(0.02)
    killed = service.worker_pid()
    os.kill(killed, signal.SIGKILL)
    started = time.monotonic()
    eventually(lambda: service.get("/hello/after").ok)
    took_s = time.monotonic() - started
    eventually(lambda: service.manage("GET", "/livez").ok)
    assert service.worker_pid() != killed
    assert took_s < 1.0
    last = service.get("/hello/last").headers["traceresponse"].split("-")[1]
    sink.wait_for(lambda: last in _trace_ids(sink))
    assert len(set(answered) - _trace_ids(sink)) <= 10


def test_the_management_port_answers_while_every_thread_is_stuck(service: Service, tmp_path: Path) -> None:
    """Twice as many waiting requests as threads: the service is mute, its management port is not."""
    flag = tmp_path / "stuck"
    flag.touch()
    with ThreadPoolExecutor(16) as executor:
        stuck = [executor.submit(service.get, "/wait", params={"while": str(flag)}, timeout=30) for _ in range(16)]
        eventually(lambda: _connections(service) >= 8)
        for path in ("/livez", "/readyz", "/metrics"):
            assert service.manage("GET", path, timeout=1).status_code == 200
        assert service.manage("POST", "/testline", json={"tag": "stuck-1"}, timeout=1).status_code == 200
        flag.unlink()
        assert {answer.result().status_code for answer in stuck} == {200}


def test_a_worker_does_not_outlive_its_master(service: Service) -> None:
    """SIGKILL of the master alone: the worker leaves both ports by itself, and the service starts again on them."""
    worker = service.worker_pid()
    assert service.process is not None
    service.process.kill()
    service.process.wait(timeout=5)
    service.start()
    eventually(lambda: not Path(f"/proc/{worker}").exists())
    assert service.get("/hello/again").ok
    assert service.manage("GET", "/livez").ok


def test_restart_ends_the_process_cleanly(service: Service) -> None:
    """POST /restart answers first and then ends the master too; the runtime starts it again."""
    assert service.manage("POST", "/restart").status_code == 202
    assert service.process is not None
    assert service.process.wait(timeout=15) == 0
    service.start()
    assert service.get("/hello/again").ok


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/metrics"), ("POST", "/restart"), ("GET", "/loglevel"), ("POST", "/testline")]
)
def test_management_needs_the_token(service: Service, method: str, path: str) -> None:
    """Without the token, with a wrong one, or with the scraper's for more than scraping: 401."""
    assert service.manage(method, path, token="wrong").status_code == 401
    assert service.manage(method, path, token="").status_code == 401
    expected = 200 if path == "/metrics" else 401
    assert service.manage(method, path, token="scrape-token").status_code == expected


def test_a_test_line_reaches_the_collector_with_its_trace(service: Service, sink: Sink) -> None:
    """The tagged line has the trace id that the answer named, also when the level would hide it."""
    assert service.manage("POST", "/loglevel", json={"level": "ERROR"}).json()["level"] == "ERROR"
    answer = service.manage("POST", "/testline", json={"tag": "probe-1"}).json()
    (record,) = sink.wait_for(lambda: [log for log in sink.logs() if log.body.string_value == "lab.test_line"])
    assert record.trace_id.hex() == answer["trace_id"]
    assert abs(record.time_unix_nano - answer["timestamp_unix_ns"]) < 1_000_000_000
    assert [line["lab_test_tag"] for line in service.events("lab.test_line")] == ["probe-1"]


def test_the_log_level_changes_what_is_written(service: Service) -> None:
    """At WARNING a good request leaves no line; at INFO it does again."""
    assert service.manage("POST", "/loglevel", json={"level": "WARNING"}).status_code == 200
    service.get("/hello/quiet")
    assert service.manage("POST", "/loglevel", json={"level": "loud"}).status_code == 400
    assert service.manage("POST", "/loglevel", json={"level": "INFO"}).status_code == 200
    trace_id = service.get("/hello/heard").headers["traceresponse"].split("-")[1]
    completed = eventually(lambda: service.events("request.completed"))
    assert completed[-1]["trace_id"] == trace_id
    assert len(completed) == 2  # the readiness request and the last one


def test_management_calls_are_not_in_the_telemetry(service: Service, sink: Sink) -> None:
    """Probes, scrapes and verbs leave neither a span nor a count of requests."""
    for _ in range(3):
        service.manage("GET", "/readyz")
        service.manage("GET", "/metrics")
        assert service.manage("POST", "/double", json={"value": 21}).json() == {"doubled": 42}
    last = service.get("/hello/last").headers["traceresponse"].split("-")[1]
    sink.wait_for(lambda: last in _trace_ids(sink))
    assert {span.name for span in sink.spans()} == {"GET /hello/<name>"}


def test_readiness_follows_the_database(database_service: Service) -> None:
    """The check of the pool is part of /readyz, with its name."""
    answer = database_service.manage("GET", "/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["postgres"]["ok"] is True
    scraped = database_service.manage("GET", "/metrics", token="scrape-token").text
    assert 'lab_service_info{release="1.2.3"} 1.0' in scraped
    assert "process_resident_memory_bytes" in scraped


def test_a_taken_management_port_is_one_clear_error(tmp_path: Path, sink: Sink) -> None:
    """The start ends with exit code 2 and names the address and the variable."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        service = Service(tmp_path, sink.endpoint, management_port=holder.getsockname()[1]).start(ready=False)
        assert service.process is not None
        assert service.process.wait(timeout=15) == 2
    error = service.lines()[-1]["error"]
    assert str(service.management_port) in error["message"]
    assert "LAB_MANAGEMENT_BIND" in error["hint"]


@pytest.mark.parametrize("missing", ["LAB_BIND", "LAB_SECRETS_DIR"])
def test_a_missing_setting_is_one_clear_error(tmp_path: Path, sink: Sink, missing: str) -> None:
    """The start ends with exit code 2 and names the variable."""
    service = Service(tmp_path, sink.endpoint, {missing: ""}).start(ready=False)
    assert service.process is not None
    assert service.process.wait(timeout=15) == 2
    assert missing in service.lines()[-1]["error"]["message"]


def test_a_service_that_cannot_be_made_stops_the_master(tmp_path: Path, sink: Sink) -> None:
    """An app whose factory fails does not restart for ever: the process ends with gunicorn's code 3."""
    service = Service(tmp_path, sink.endpoint, {"POSTGRES_ADDR": "nonsense"}).start(ready=False)
    assert service.process is not None
    assert service.process.wait(timeout=15) == 3
    assert "POSTGRES_ADDR" in service.output()


def _connections(service: Service) -> int:
    """Established connections to the service's port, as the kernel sees them."""
    wanted = f":{service.port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(1 for row in rows if row.split()[1].endswith(wanted) and row.split()[3] == "01")


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
