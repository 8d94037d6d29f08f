"""A network that answers from memory, and the answers of real servers recorded in ``fixtures/``."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3 import HTTPResponse

from labctl.backends.http import Session

FIXTURES = Path(__file__).parent / "fixtures"
ORIGIN = "http://lab.test:3000"


@dataclass
class FakeNetwork(requests.adapters.BaseAdapter):
    """Answers each request with the next prepared answer (the last one again and again), and remembers it."""

    answers: list[Any] = field(default_factory=list)
    asked: list[requests.PreparedRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Prepare an answer."""
        content = body.encode() if isinstance(body, str) else body
        self.answers.append((status, content, dict(headers or {})))

    def fail(self, error: Exception) -> None:
        """Prepare a failure of the network."""
        self.answers.append(error)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Called by requests."""
        self.asked.append(request)
        prepared = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(prepared, Exception):
            raise prepared
        status, content, headers = prepared
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers.update(headers)
        response.raw = HTTPResponse(io.BytesIO(content), headers=headers, status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Called by requests."""


@pytest.fixture
def network() -> FakeNetwork:
    """A network without answers yet."""
    return FakeNetwork()


@pytest.fixture
def session(network: FakeNetwork) -> Session:
    """A session with an operator's token on the fake network."""
    return Session(ORIGIN, "operator-secret", transport=network)


@pytest.fixture
def recorded() -> Callable[[str], str]:
    """The text of a recorded answer."""
    return lambda name: (FIXTURES / name).read_text(encoding="utf-8")
