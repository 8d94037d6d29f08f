"""What callers send that is no request: each a clear answer in the one shape, with the ids to look it up."""

import socket
from typing import Any

import pytest

from tests.integration.labkit.running import Service

pytestmark = pytest.mark.integration


def _error(answer: Any) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert answer.headers["Content-Type"] == "application/json"
    assert error["trace_id"] == answer.headers["traceresponse"].split("-")[1]
    assert error["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert error["message"]
    return error


def test_a_body_of_10_mb_is_413(service: Service) -> None:
    """Too large is said, not cut off, whether or not the route reads a body."""
    for path in ("/echo", "/hello/body"):
        answer = service.post(path, data=b"x" * 10_000_000, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert _error(answer)["context"] == {"limit_bytes": 1_048_576}


def test_a_chunked_body_of_10_mb_is_413(service: Service) -> None:
    """A body without a declared length is measured while it is read."""
    pieces = (b"x" * 65_536 for _ in range(160))
    answer = service.post("/echo", data=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert _error(answer)["code"] == "body.too_large"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"a": ', "application/json", 400, "body.invalid_json"),
        (b"\xff\xfe", "application/json", 400, "body.invalid_json"),
        (b'{"a": NaN}', "application/json", 400, "body.invalid_json"),
        (b"[" * 100_000, "application/json", 400, "body.invalid_json"),
        (b"[1]", "application/json", 400, "body.not_an_object"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "body.not_json"),
    ],
    ids=["cut", "not-utf-8", "nan", "nested", "list", "form"],
)
def test_a_body_that_is_not_a_json_object_is_refused(
    service: Service, body: bytes, content_type: str, status: int, code: str
) -> None:
    """Each kind of wrong body has its own code."""
    answer = service.post("/echo", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert _error(answer)["code"] == code


def test_a_wrong_method_is_405_and_names_the_right_one(service: Service) -> None:
    """The Allow header survives our error shape."""
    answer = service.post("/hello/x")
    assert answer.status_code == 405
    assert _error(answer)["code"] == "method.not_allowed"
    assert "GET" in answer.headers["Allow"]


def test_an_unknown_path_is_404(service: Service) -> None:
    """Also where no route matches there is a trace."""
    answer = service.get("/nowhere")
    assert answer.status_code == 404
    assert _error(answer)["code"] == "route.unknown"


def test_an_invalid_correlation_id_is_replaced(service: Service) -> None:
    """What does not look like an id is not taken over into logs and headers."""
    answer = service.get("/hello/x", headers={"X-Correlation-ID": "short"})
    assert answer.headers["X-Correlation-ID"] != "short"
    assert len(answer.headers["X-Correlation-ID"]) == 32


def test_a_deadline_of_zero_is_504(service: Service) -> None:
    """Who has no time left gets no work done."""
    answer = service.get("/chain", headers={"X-Request-Deadline": "0"})
    assert answer.status_code == 504
    assert _error(answer)["code"] == "deadline.exceeded"


def test_a_management_body_over_the_limit_is_413(service: Service) -> None:
    """The management port bounds what it reads."""
    answer = service.manage("POST", "/testline", data=b"x" * 100_000)
    assert answer.status_code == 413


def test_a_dripping_management_client_does_not_keep_others_out(service: Service) -> None:
    """Connections that send nothing are bounded in number; a probe still gets through once they are gone."""
    silent = [socket.create_connection(("127.0.0.1", service.management_port)) for _ in range(15)]
    try:
        assert service.manage("GET", "/livez", timeout=1).status_code == 200
    finally:
        for connection in silent:
            connection.close()
