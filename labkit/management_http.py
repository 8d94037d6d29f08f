"""The HTTP side of the management port: who may connect, for how long, and how much is read."""

import errno
import json
import socket
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol, cast

from labkit.errors import ApiError, ConfigurationError
from labkit.settings import Address

_MAX_BODY_BYTES = 65_536
_MAX_CONNECTIONS = 16
_CONNECTION_TIMEOUT_S = 5.0  # between two bytes of a client
_LONGEST_CONNECTION_S = 15.0  # however the client drips


class Answerer(Protocol):
    """Who knows the answers."""

    def answer(self, method: str, path: str, authorization: str, body: Mapping[str, Any]) -> tuple[int, str, bytes]:
        """Status, content type and body for one request; never raises."""


def bind(address: Address, *, patience_s: float = 3.0) -> socket.socket:
    """A listening socket; gunicorn's master makes it, so that a taken port ends the start and not the worker.

    Waits ``patience_s`` for a predecessor that is on its way out. Raises ``ConfigurationError`` naming the address.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            return _bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= until:
                raise ConfigurationError(
                    f"the management port {address} cannot be opened: {error.strerror}",
                    "another process has it; set LAB_MANAGEMENT_BIND to another address",
                    {"address": str(address)},
                ) from error
        time.sleep(0.1)


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(64)
    except OSError:
        listener.close()
        raise
    return listener


class BoundedServer(ThreadingHTTPServer):
    """Serves a socket that is already listening; bounds the number and the age of connections."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, answerer: Answerer) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.answerer = answerer
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._open) >= _MAX_CONNECTIONS
            if not full:
                self._open[id(request)] = (request, time.monotonic())
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(id(request), None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second: ends connections that have been open too long."""
        oldest = time.monotonic() - _LONGEST_CONNECTION_S
        with self._lock:
            old = [connection for connection, since in self._open.values() if since < oldest]
        for connection in old:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it closed by itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not news."""


class _Handler(BaseHTTPRequestHandler):
    timeout: ClassVar[float] = _CONNECTION_TIMEOUT_S  # the base declares it per instance
    server_version = "labkit"
    sys_version = ""

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        try:
            self._serve(self._body())
        except ApiError as error:
            self._write(*json_answer(error.status, error.as_json()))

    def _serve(self, body: Mapping[str, Any]) -> None:
        answerer = cast(BoundedServer, self.server).answerer
        path = self.path.partition("?")[0]
        self._write(*answerer.answer(self.command, path, self.headers.get("Authorization", ""), body))

    def _body(self) -> Mapping[str, Any]:
        if self.headers.get("Transfer-Encoding"):
            raise ApiError(411, "body.no_length", "the body has no length", "send Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            raise ApiError(413, "body.too_large", f"the body is larger than {_MAX_BODY_BYTES} bytes", "send less")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "body.invalid_json", "the body is not valid JSON", "check the syntax") from error
        if not isinstance(body, dict):
            raise ApiError(400, "body.not_an_object", "the body must be a JSON object", 'send {"name": value}')
        return body

    def _write(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: probes come every second."""


def json_answer(status: int, answer: Mapping[str, object]) -> tuple[int, str, bytes]:
    """Status, content type and body of a JSON answer."""
    return status, "application/json", json.dumps(answer).encode()
