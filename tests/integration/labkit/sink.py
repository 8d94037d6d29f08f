"""An OTLP/HTTP receiver in the test's own process that keeps what it gets, decoded."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KINDS: dict[str, Any] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}


class Sink:
    """What arrived. ``spans``, ``logs`` and ``metrics`` are protobuf messages."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.raw: list[bytes] = []
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.take(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A killed client is not an error here."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on; what arrived stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        message = _KINDS[path].FromString(body)
        with self._changed:
            self.requests.append((path, headers, message))
            self.raw.append(body)
            self._changed.notify_all()

    def wait_for(self, what: Callable[[], Any], timeout_s: float = 10.0) -> Any:
        """What ``what`` returns as soon as it is truthy; an ``AssertionError`` with the last answer otherwise."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while not (found := what()):
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"still {found!r} after {timeout_s} s: {self.summary()}")
                self._changed.wait(min(left, 0.5))
            return found

    def summary(self) -> str:
        spans = [(span.kind, span.name) for span in self.spans()][-20:]
        return f"spans {spans}, logs {[log.body.string_value for log in self.logs()][-20:]}"

    def spans(self) -> list[Any]:
        return [span for _, scope in self._scopes("/v1/traces") for span in scope.spans]

    def logs(self) -> list[Any]:
        return [record for _, scope in self._scopes("/v1/logs") for record in scope.log_records]

    def metrics(self) -> list[Any]:
        return [metric for _, scope in self._scopes("/v1/metrics") for metric in scope.metrics]

    def resources(self) -> list[dict[str, Any]]:
        return [attributes(resource.resource) for path in _KINDS for resource, _ in self._scopes(path)]

    def latest_points(self, name: str) -> list[Any]:
        """The data points of the newest export of a metric."""
        found = [metric for metric in self.metrics() if metric.name == name]
        if not found:
            return []
        data = getattr(found[-1], found[-1].WhichOneof("data"))
        return list(data.data_points)

    def _scopes(self, wanted: str) -> Iterator[tuple[Any, Any]]:
        for path, _headers, message in list(self.requests):
            if path == wanted:
                for _field, resources in message.ListFields():
                    for resource in resources:
                        groups = next(
                            value for field, value in resource.ListFields() if field.name.startswith("scope_")
                        )
                        for scope in groups:
                            yield resource, scope


def attributes(message: Any) -> dict[str, Any]:
    """The attributes of a protobuf message as plain values."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in message.attributes}
