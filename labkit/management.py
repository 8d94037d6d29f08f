"""The management port: whether the service lives and is ready, its metrics, and what an operator may do with it.

A plain ``http.server`` in threads of its own, so that it answers while every worker thread is stuck, and so that no
instrumentation sees it: what operators and the incident engine do is not in the telemetry.
"""

import hmac
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from labkit import correlation, logs, telemetry
from labkit.errors import ApiError, LabError
from labkit.management_http import BoundedServer, bind, json_answer
from labkit.operations import Operations, Scope, Verb
from labkit.redaction import redact_text
from labkit.settings import Address

__all__ = ["ManagementServer", "Operations", "Verb", "bind"]

_READINESS_EVERY_S = 2.0
_TAG = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logs.get_logger(__name__)
Answer = tuple[int, Mapping[str, object]]


class ManagementServer:
    """Serves the management endpoints of one service from background threads."""

    def __init__(
        self,
        bind_to: Address | socket.socket,
        *,
        token: str,
        scrape_token: str,
        operations: Operations,
        restart: Callable[[], None],
        check_timeout_s: float = 1.0,
    ) -> None:
        self._operations = operations
        self._restart = restart
        self._check_timeout_s = check_timeout_s
        self._tokens: dict[Scope, tuple[str, ...]] = {"operator": (token,), "scrape": (scrape_token, token)}
        self._metrics = _Metrics(operations)
        self._stopping = threading.Event()
        listener = bind_to if isinstance(bind_to, socket.socket) else bind(bind_to)
        self._server = BoundedServer(listener, self)
        self._verbs = {(verb.method, verb.path): verb for verb in [*self._own_verbs(), *operations.verbs]}

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._server.socket.getsockname()[:2]
        return Address(str(host), int(port))

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, daemon=True, name="management").start()
        threading.Thread(target=self._watch_readiness, daemon=True, name="management-readiness").start()

    def stop(self) -> None:
        """Stop answering and close the port."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, authorization: str, body: Mapping[str, Any]) -> tuple[int, str, bytes]:
        """Status, content type and body for one request; never raises."""
        try:
            verb = self._find(method, path)
            self._authorise(verb.scope, authorization)
            if path == "/metrics":
                return 200, CONTENT_TYPE_LATEST, self._metrics.text()
            return json_answer(*verb.handler(body))
        except ApiError as error:
            return json_answer(error.status, error.as_json())
        except LabError as error:
            refused = ApiError(400, "request.refused", error.message, error.hint, error.context)
            return json_answer(refused.status, refused.as_json())
        except Exception as error:  # noqa: BLE001 - an operator needs an answer, also to a bug
            _log.error_event("management.failed", exc_info=error)
            said = f"{type(error).__name__}: {redact_text(str(error))}"
            return json_answer(500, ApiError(500, "internal.error", said).as_json())

    def _find(self, method: str, path: str) -> Verb:
        found = self._verbs.get((method, path))
        if found is not None:
            return found
        methods = sorted(known for known, its_path in self._verbs if its_path == path)
        if methods:
            raise ApiError(405, "method.not_allowed", f"{path} answers {', '.join(methods)}", "use one of them")
        paths = ", ".join(sorted({its_path for _, its_path in self._verbs}))
        raise ApiError(404, "route.unknown", "there is no such management endpoint", f"there are: {paths}")

    def _authorise(self, scope: Scope, authorization: str) -> None:
        if scope == "public":
            return
        kind, _, presented = authorization.partition(" ")
        # All of them are compared, in constant time each: the time tells nothing about any.
        matches = [hmac.compare_digest(presented.strip().encode(), token.encode()) for token in self._tokens[scope]]
        if kind.lower() != "bearer" or not any(matches):
            raise ApiError(401, "token.invalid", "this needs the service's token", "send Authorization: Bearer <token>")

    def _own_verbs(self) -> list[Verb]:
        return [
            Verb("GET", "/livez", lambda _body: (200, {"alive": True}), "public"),
            Verb("GET", "/readyz", lambda _body: self._readyz(), "public"),
            Verb("GET", "/metrics", lambda _body: (200, {}), "scrape"),
            Verb("POST", "/restart", lambda _body: self._restarted()),
            Verb("GET", "/loglevel", lambda _body: (200, {"level": logs.level()})),
            Verb("POST", "/loglevel", self._set_level),
            Verb("POST", "/testline", self._testline),
        ]

    def _readyz(self) -> Answer:
        ready, results = self._operations.readiness(self._check_timeout_s)
        self._metrics.ready.set(ready)
        return (200 if ready else 503), {
            "ready": ready,
            "service": self._operations.service,
            "release": self._operations.release,
            "checks": {name: result.as_json() for name, result in results.items()},
        }

    def _watch_readiness(self) -> None:
        while not self._stopping.wait(_READINESS_EVERY_S):
            ready, _results = self._operations.readiness(self._check_timeout_s)
            self._metrics.ready.set(ready)

    def _restarted(self) -> Answer:
        _log.warning_event("service.restart_requested")
        # The answer first: the timer gives it time to leave.
        timer = threading.Timer(0.1, self._restart)
        timer.daemon = True
        timer.start()
        return 202, {"restarting": True}

    def _set_level(self, body: Mapping[str, Any]) -> Answer:
        before, wanted = logs.level(), str(body.get("level", ""))
        logs.set_level(wanted)
        _log.event("loglevel.changed", before=before, after=wanted)
        return 200, {"level": logs.level(), "before": before}

    def _testline(self, body: Mapping[str, Any]) -> Answer:
        tag = body.get("tag")
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise ApiError(422, "field.invalid", "tag must be 1 to 64 of A-Z a-z 0-9 . _ -", context={"field": "tag"})
        with telemetry.tracer().start_as_current_span("lab.test_line"), correlation.run_with_context():
            timestamp_unix_ns = time.time_ns()
            _log.event_at_any_level("lab.test_line", lab_test_tag=tag)
            return 200, {
                "trace_id": telemetry.trace_id_hex(),
                "correlation_id": correlation.current(),
                "timestamp_unix_ns": timestamp_unix_ns,
            }


class _Metrics:
    """What Prometheus scrapes: is it there, is it ready, what does the process use."""

    def __init__(self, operations: Operations) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        info = Gauge("lab_service_info", "Which release runs; always 1.", ["release"], registry=self._registry)
        info.labels(release=operations.release).set(1)
        self.ready = Gauge("lab_service_ready", "Whether all checks passed last time.", registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)
