"""One HTTP session to one lab: bounded in time and size, and careful with the operator's token.

The token goes to its own origin only, and there only to ``/api/lab``. Redirects to another origin are refused, so a
backend (or whoever answers on its port) cannot lead a request, and what it carries, elsewhere.
"""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.cookies import RequestsCookieJar
from requests.utils import get_environ_proxies

from labctl.backends.answers import Answer, decode
from labctl.backends.errors import BackendUnavailable
from labkit.errors import ConfigurationError

Params = Iterable[tuple[str, str]]

TOKEN_PATH = "/api/lab"  # noqa: S105 - a path, not a secret
CONNECT_TIMEOUT_S = 3.0
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
# The largest honest answer (1,500 whole traces, 5,000 log lines) is a few tens of MB.
MAX_ANSWER_BYTES = 128 * 1024 * 1024
UNREACHABLE_HINT = "Start the lab with `./lab up`; if it runs elsewhere, set LAB_URL to its front door."


class Session:
    """Asks one origin. ``timeout_s`` bounds the whole request, also when an answer trickles in byte by byte."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 10.0,
        transport: requests.adapters.BaseAdapter | None = None,
    ) -> None:
        """Raises ConfigurationError when ``url`` is no http(s) address or carries a password.

        ``transport`` replaces the network, for tests.
        """
        self.url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._origin = _origin(_checked(self.url))
        self._requests = requests.Session()
        self._requests.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        # trust_env would let a .netrc entry replace our Authorization header; proxies and CA bundle are taken by hand.
        self._requests.trust_env = False
        self._requests.proxies = dict(get_environ_proxies(self.url))
        if transport:
            self._requests.mount("http://", transport)
            self._requests.mount("https://", transport)
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        if bundle:
            self._requests.verify = bundle

    def get_json(
        self,
        path: str,
        params: Params = (),
        *,
        backend: str,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> object:
        """GET ``path`` and decode its JSON.

        Raises BackendUnavailable (no usable answer), QueryRefused (4xx), NotFound (404); all name ``backend``.
        """
        answer = self.send("GET", path, params, backend=backend, headers=headers, timeout_s=timeout_s)
        return decode(answer, backend)

    def post_json(self, path: str, body: object, *, backend: str, timeout_s: float | None = None) -> object:
        """POST ``body`` as JSON and decode the JSON answer; raises like :meth:`get_json`. Never repeated."""
        return decode(self.send("POST", path, body=body, backend=backend, timeout_s=timeout_s), backend)

    def send(
        self,
        method: str,
        path: str,
        params: Params = (),
        *,
        backend: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever its status. Raises BackendUnavailable without one."""
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"path must be absolute: {path!r}")
        deadline = time.monotonic() + (timeout_s or self._timeout_s)
        sent_headers = {"Accept": "application/json", **(headers or {}), **self._authorization(path)}
        question = _Question(method, self.url + path, tuple(params), body, sent_headers, backend)
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._exchange(question, deadline)
            if answer.status not in REDIRECTS or method != "GET":
                return answer
            bare = {name: value for name, value in sent_headers.items() if name != "Authorization"}
            target = self._same_origin_target(answer, backend)
            question = replace(question, url=target, params=(), headers=bare)
        message = f"{backend} at {question.url} redirects in a circle."
        raise BackendUnavailable(backend, question.url, message, UNREACHABLE_HINT)

    def _authorization(self, path: str) -> dict[str, str]:
        if self._token and (path == TOKEN_PATH or path.startswith(TOKEN_PATH + "/")):
            return {"Authorization": f"Bearer {self._token}"}
        return {}

    def _same_origin_target(self, answer: Answer, backend: str) -> str:
        target = urljoin(answer.url, answer.headers.get("Location", ""))
        if _origin(urlsplit(target)) == self._origin:
            return target
        raise BackendUnavailable(
            backend,
            answer.url,
            f"{backend} at {answer.url} redirects to another origin, {target}; not followed.",
            "Set LAB_URL to the front door itself.",
            answer.status,
        )

    def _exchange(self, question: "_Question", deadline: float) -> Answer:
        # A kept-alive connection may die with a restarted backend just as it is used: a question may be asked twice.
        tries = 2 if question.method == "GET" else 1
        while True:
            tries -= 1
            try:
                return self._exchange_once(question, deadline)
            except (requests.RequestException, OSError) as error:
                if tries and isinstance(error, requests.ConnectionError) and time.monotonic() < deadline:
                    continue
                message = f"{question.backend} at {question.url} did not answer: {_reason(error)}."
                raise BackendUnavailable(question.backend, question.url, message, UNREACHABLE_HINT) from error

    def _exchange_once(self, question: "_Question", deadline: float) -> Answer:
        left = max(0.05, deadline - time.monotonic())
        with self._requests.request(
            question.method,
            question.url,
            params=question.params,
            json=question.body,
            headers=dict(question.headers),
            timeout=(min(CONNECT_TIMEOUT_S, left), left),
            allow_redirects=False,
            stream=True,
        ) as response:
            url = response.url.partition("?")[0]  # questions are long, and the place matters
            return Answer(response.status_code, url, response.headers, _read(response, deadline))


@dataclass(frozen=True)
class _Question:
    method: str
    url: str
    params: tuple[tuple[str, str], ...]
    body: object
    headers: Mapping[str, str]
    backend: str


def _read(response: requests.Response, deadline: float) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_content(64 * 1024):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise requests.RequestException(f"the answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            raise requests.Timeout("the answer did not end in time")
    return b"".join(chunks)


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password):
        return parts
    raise ConfigurationError(
        "LAB_URL must be an http or https address without a user or password in it.",
        "For example http://127.0.0.1:3000; a token goes into LAB_TOKEN.",
        {"variable": "LAB_URL"},
    )


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words; requests nests the useful one four exceptions deep."""
    if isinstance(error, requests.Timeout):
        return "no complete answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(error).splitlines()[0][:300] or type(error).__name__
