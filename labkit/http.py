"""The one way out of a service: a client that cannot wait for ever, and says who did not answer.

Every call has a timeout, capped by what the deadline leaves; it carries the trace, the correlation id and the
remaining time. Nothing is retried here: whether a second try is safe is the caller's knowledge.
"""

import json as json_module
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from opentelemetry import context as otel_context
from opentelemetry.trace import Span

from labkit import correlation, deadline
from labkit.errors import ApiError
from labkit.http_adapter import AnswerTooLarge, WholeAnswerAdapter
from labkit.http_errors import PeerError, PeerTimeout, PeerUnavailable
from labkit.labels import HTTP_METHODS, ClosedLabels
from labkit.telemetry import DURATION_BUCKETS_S, histogram

__all__ = ["Client", "PeerError", "PeerTimeout", "PeerUnavailable", "Response", "name_peer_on_span"]

_PEER_KEY = otel_context.create_key("labkit-peer")
_DURATION = histogram(
    "http.client.request.duration", "s", "Duration of calls to another component.", DURATION_BUCKETS_S
)
_METHODS = ClosedLabels({"http.request.method": HTTP_METHODS})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end. ``headers`` are case-insensitive."""

    peer: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ``PeerError`` ``peer.bad_answer`` when it is none."""
        try:
            return json_module.loads(self.body)
        except ValueError:
            raise PeerError(self.peer, self.status, self.body, code="peer.bad_answer") from None


class Client:
    """Calls one peer. Thread-safe; make one per peer and keep it: it holds the connections.

    ``peer`` is the name of the component, the label of its metrics. ``timeout_s`` is for the whole call.
    """

    def __init__(
        self,
        base_url: str,
        *,
        peer: str,
        timeout_s: float,
        connect_timeout_s: float = 1.0,
        max_response_bytes: int = 4_194_304,
        pool_size: int = 16,
    ) -> None:
        self.peer = peer
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy variable must not catch calls between our own components
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = WholeAnswerAdapter(max_response_bytes, pool_size)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        accept: Collection[int] = (),
    ) -> Response:
        """GET; see :meth:`request`."""
        return self.request("GET", path, params=params, headers=headers, timeout_s=timeout_s, accept=accept)

    def post(
        self,
        path: str,
        *,
        json: object,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        accept: Collection[int] = (),
    ) -> Response:
        """POST a JSON body; see :meth:`request`."""
        return self.request("POST", path, json=json, headers=headers, timeout_s=timeout_s, accept=accept)

    def delete(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        accept: Collection[int] = (),
    ) -> Response:
        """DELETE; see :meth:`request`."""
        return self.request("DELETE", path, headers=headers, timeout_s=timeout_s, accept=accept)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        accept: Collection[int] = (),
    ) -> Response:
        """Send one request and read the answer. Redirects are answers, not followed.

        Raises ``DeadlineExceeded`` before the call when no time is left, ``PeerTimeout``, ``PeerUnavailable``, and
        ``PeerError`` for an answer of 400 or above whose status is not in ``accept``.
        """
        allowed_s = deadline.cap_s(self._timeout_s if timeout_s is None else timeout_s, doing=f"{self.peer} was called")
        body = None if json is None else json_module.dumps(json, allow_nan=False, separators=(",", ":")).encode()
        with self._measured(method) as outcome, _leaving_for(self.peer):
            answer = self._send(method, path, params=params, body=body, headers=headers, allowed_s=allowed_s)
            outcome["http.response.status_code"] = answer.status_code
            if answer.status_code >= 400:
                outcome["error.type"] = str(answer.status_code)
        response = Response(self.peer, answer.status_code, answer.headers, answer.content)
        if response.status >= 400 and response.status not in accept:
            raise PeerError(self.peer, response.status, response.body)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        allowed_s: float,
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._base_url + path,
                params=params,
                data=body,
                headers=_outgoing_headers(headers, has_body=body is not None),
                timeout=(min(self._connect_timeout_s, allowed_s), allowed_s),
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise PeerTimeout(self.peer, allowed_s) from error
        except AnswerTooLarge as error:
            raise PeerError(self.peer, error.status, b"", code="peer.answer_too_large") from error
        except requests.ConnectionError as error:
            raise PeerUnavailable(self.peer, _reason(error)) from error
        except requests.RequestException as error:
            raise PeerUnavailable(self.peer, type(error).__name__) from error

    @contextmanager
    def _measured(self, method: str) -> Iterator[dict[str, str | int]]:
        labels: dict[str, str | int] = {
            **_METHODS.of({"http.request.method": method.upper()}),
            "server.address": self.peer,
        }
        started = time.perf_counter()
        try:
            yield labels
        except ApiError as error:
            labels["error.type"] = error.code
            raise
        finally:
            _DURATION.record(time.perf_counter() - started, labels)


def name_peer_on_span(span: Span, _request: requests.PreparedRequest) -> None:
    """Hook of the requests instrumentation: the span says which component was called, not only which address."""
    peer = otel_context.get_value(_PEER_KEY)
    if isinstance(peer, str) and span.is_recording():
        span.set_attributes({"server.address": peer, "peer.service": peer})
        correlation_id = correlation.current()
        if correlation_id is not None:
            span.set_attribute(correlation.BAGGAGE_KEY, correlation_id)


@contextmanager
def _leaving_for(peer: str) -> Iterator[None]:
    """The context of a call: the peer's name for the span, and only the baggage that may leave."""
    context = otel_context.set_value(_PEER_KEY, peer, correlation.outgoing(otel_context.get_current()))
    token = otel_context.attach(context)
    try:
        yield
    finally:
        otel_context.detach(token)


def _outgoing_headers(headers: Mapping[str, str] | None, *, has_body: bool) -> dict[str, str]:
    made = {"Accept": "application/json", **(headers or {})}
    if has_body:
        made.setdefault("Content-Type", "application/json")
    correlation_id = correlation.current()
    if correlation_id is not None:
        made[correlation.HEADER] = correlation_id
    remaining = deadline.to_header()
    if remaining is not None:
        made[deadline.HEADER] = remaining
    return made


def _reason(error: BaseException) -> str:
    """The innermost name of what happened (``ConnectionRefusedError``): texts of urllib3 carry addresses of objects."""
    seen: BaseException | None = error
    deepest = error
    while seen is not None:
        deepest = seen
        inner = getattr(seen, "reason", None)
        nested = next((item for item in seen.args if isinstance(item, BaseException)), None)
        seen = inner if isinstance(inner, BaseException) else nested or seen.__cause__ or seen.__context__
        if seen is deepest:
            break
    return type(deepest).__name__
