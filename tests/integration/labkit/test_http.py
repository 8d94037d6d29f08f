"""The client against peers that misbehave: each way of not answering has its name, and none takes longer than asked."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import baggage, context

from labkit import correlation, deadline
from labkit.deadline import DeadlineExceeded
from labkit.http import Client, PeerError, PeerTimeout, PeerUnavailable
from labkit.testing import Recorded, recorded
from tests.integration.labkit.running import free_port

pytestmark = pytest.mark.integration

Answer = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Peer:
    """A server that reads a request and then does what the test says; every request is kept."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    self.requests.append(data)
                    self._answer(connection)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def peers() -> Iterator[Callable[[Answer], Peer]]:
    """Makes peers, and closes them."""
    made: list[Peer] = []

    def make(answer: Answer) -> Peer:
        made.append(Peer(answer))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    """Telemetry in memory."""
    with recorded() as telemetry:
        yield telemetry


def _client(url: str, timeout_s: float = 0.3, max_response_bytes: int = 100_000) -> Client:
    return Client(url, peer="payments", timeout_s=timeout_s, max_response_bytes=max_response_bytes)


def _says(raw: bytes) -> Answer:
    return lambda connection: connection.sendall(raw)


def _body(body: bytes, head: bytes = OK) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _drips(connection: socket.socket) -> None:
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b" ")
        time.sleep(0.05)


def _nothing(_connection: socket.socket) -> None:
    """Keep the connection open and say nothing."""


def test_an_answer_is_read_whole(peers: Callable[[Answer], Peer]) -> None:
    """Status, headers in any case and body arrive."""
    response = _client(peers(_says(_body(b'{"a": 1}'))).url).get("/x", params={"q": "tea"})
    assert (response.status, response.json(), response.headers["content-TYPE"]) == (200, {"a": 1}, "application/json")


@pytest.mark.parametrize("answer", [_nothing, _drips], ids=["silent", "dripping"])
def test_a_peer_that_does_not_finish_is_a_timeout(peers: Callable[[Answer], Peer], answer: Answer) -> None:
    """The limit is for the whole answer, not for the pause between two bytes."""
    started = time.monotonic()
    with pytest.raises(PeerTimeout) as caught:
        _client(peers(answer).url).get("/x")
    assert time.monotonic() - started < 1.0
    assert (caught.value.status, caught.value.code, caught.value.peer) == (504, "peer.timeout", "payments")


def test_a_peer_that_is_not_there_is_unavailable() -> None:
    """Refused is 503, and the reason is a word, not an object's address."""
    with pytest.raises(PeerUnavailable, match="ConnectionRefusedError") as caught:
        _client(f"http://127.0.0.1:{free_port()}").get("/x")
    assert caught.value.status == 503


def test_a_peer_that_hangs_up_is_unavailable(peers: Callable[[Answer], Peer]) -> None:
    """A connection closed without an answer is not an answer."""
    with pytest.raises(PeerUnavailable):
        _client(peers(lambda connection: connection.close()).url).get("/x")


def test_an_error_of_the_peer_keeps_what_it_said(peers: Callable[[Answer], Peer]) -> None:
    """The peer's status, code and message are there for the caller to decide on."""
    raw = _body(b'{"error": {"code": "card.declined", "message": "no"}}', b"HTTP/1.1 422 Unprocessable\r\n")
    peer = peers(_says(raw))
    with pytest.raises(PeerError) as caught:
        _client(peer.url).post("/payments", json={})
    assert (caught.value.status, caught.value.peer_status) == (502, 422)
    assert (caught.value.peer_code, caught.value.peer_message) == ("card.declined", "no")
    assert _client(peer.url).post("/payments", json={}, accept={422}).status == 422


def test_an_answer_that_is_not_json_is_a_peer_error(peers: Callable[[Answer], Peer]) -> None:
    """A page of HTML from a proxy does not become a crash."""
    with pytest.raises(PeerError) as caught:
        _client(peers(_says(_body(b"<html>"))).url).get("/x").json()
    assert caught.value.code == "peer.bad_answer"


def test_an_answer_without_end_is_cut_off(peers: Callable[[Answer], Peer]) -> None:
    """More than the limit is refused without reading it all."""
    with pytest.raises(PeerError) as caught:
        _client(peers(_says(_body(b" " * 2_000_000))).url, max_response_bytes=10_000).get("/x")
    assert caught.value.code == "peer.answer_too_large"


def test_a_redirect_is_not_followed(peers: Callable[[Answer], Peer]) -> None:
    """A peer cannot send us elsewhere."""
    raw = _body(b"", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n")
    assert _client(peers(_says(raw)).url).get("/x").status == 302


def test_a_cookie_is_not_kept(peers: Callable[[Answer], Peer]) -> None:
    """One user's session at a peer does not become another's."""
    peer = peers(_says(_body(b"{}", OK + b"Set-Cookie: session=1; Path=/\r\n")))
    client = _client(peer.url)
    client.get("/x")
    client.get("/x")
    assert b"session=1" not in peer.requests[-1]


def test_the_deadline_caps_the_timeout_and_travels(peers: Callable[[Answer], Peer]) -> None:
    """With 150 ms left a timeout of 5 s is over after 150 ms, and the peer is told."""
    peer = peers(_nothing)
    started = time.monotonic()
    with deadline.start(0.15), pytest.raises(PeerTimeout):
        _client(peer.url, timeout_s=5.0).get("/x")
    assert time.monotonic() - started < 1.0
    sent = dict(line.split(b": ", 1) for line in peer.requests[0].split(b"\r\n")[1:] if b": " in line)
    assert 0 < int(sent[b"X-Request-Deadline"]) <= 150


def test_nothing_is_sent_when_no_time_is_left(peers: Callable[[Answer], Peer]) -> None:
    """A call that cannot be answered in time is not made."""
    peer = peers(_says(_body(b"{}")))
    with deadline.start(0.0), pytest.raises(DeadlineExceeded):
        _client(peer.url).get("/x")
    assert peer.requests == []


def test_trace_and_correlation_travel_and_other_baggage_does_not(
    peers: Callable[[Answer], Peer], telemetry: Recorded
) -> None:
    """The peer gets traceparent, the correlation id twice, and nothing a view may have put into the baggage."""
    peer = peers(_says(_body(b"{}")))
    with correlation.run_with_context("flow-0000001"):
        token = context.attach(baggage.set_baggage("user.email", "a@example.org"))
        _client(peer.url).get("/x")
        context.detach(token)
    head = peer.requests[0].lower()
    (span,) = telemetry.spans()
    assert f"traceparent: 00-{span.context.trace_id:032x}".encode() in head
    assert b"baggage: correlation.id=flow-0000001\r\n" in head
    assert b"x-correlation-id: flow-0000001\r\n" in head
    assert b"example.org" not in head


def test_each_outcome_is_measured_by_peer(peers: Callable[[Answer], Peer], telemetry: Recorded) -> None:
    """Success has a status, failure an error type, both from closed sets."""
    client = _client(peers(_says(_body(b"{}"))).url)
    client.request("BREW", "/x")
    with pytest.raises(PeerUnavailable):
        _client(f"http://127.0.0.1:{free_port()}").get("/x")
    seen = [dict(point.attributes) for point in telemetry.metric_points("http.client.request.duration")]
    peer = {"server.address": "payments"}
    assert {**peer, "http.request.method": "other", "http.response.status_code": 200} in seen
    assert {**peer, "http.request.method": "GET", "error.type": "peer.unavailable"} in seen
