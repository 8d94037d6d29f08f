"""``/api/lab``: what it answers, and to whom."""

from collections.abc import Callable
from typing import Any

import pytest

from labctl.backends.lab import LabApi
from labctl.console import management
from labctl.console.plain_http import Reply
from labctl.console.settings import ConsoleSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the console asked of management ports, which all answer 200."""
    calls: list[dict[str, Any]] = []

    def exchange(_address: object, path: str, **kwargs: Any) -> Reply:
        calls.append({"path": path, **kwargs})
        return Reply(200, b'{"level": "DEBUG", "trace_id": "ab", "timestamp_unix_ns": 5}')

    monkeypatch.setattr(management, "exchange", exchange)
    return calls


def answering(monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception) -> None:
    """Let every management port answer so."""

    def exchange(*_: object, **__: object) -> Reply:
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(management, "exchange", exchange)


def test_the_state_of_the_lab_is_open_to_everybody(console: Any) -> None:
    """Names, kinds, states and latencies, the console itself included."""
    answer = console.client.get("/api/lab").get_json()
    assert (answer["name"], answer["version"], answer["runtime"]) == ("opslab", "1.2.3", "native")
    assert [part["name"] for part in answer["components"]] == ["gateway", "console", "orders"]
    assert answer["components"][2] == {
        "name": "orders", "kind": "service", "state": "ready", "detail": "", "latency_ms": 2.0, "version": "",
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["restart", "loglevel", "testline"])
@pytest.mark.parametrize(
    ("header", "status"),
    [("", 401), ("Basic operator-secret", 401), ("Bearer wrong", 403), ("Bearer ", 401), ("Bearer öperator", 403)],
    ids=["none", "basic", "wrong", "empty", "not ascii"],
)
def test_a_verb_without_the_operators_token_is_refused(
    post: Callable[..., Any], asked: list[Any], verb: str, header: str, status: int
) -> None:
    """Nothing is asked of the service, and the answer has the one error shape."""
    answer = post(f"orders/{verb}", {}, Authorization=header)
    assert answer.status_code == status
    assert set(answer.get_json()["error"]) == {"code", "message", "hint", "context"}
    assert "operator-secret" not in answer.get_data(as_text=True)
    assert not asked


def test_a_verb_with_the_token_reaches_the_service_with_its_own_token(
    post: Callable[..., Any], asked: list[Any]
) -> None:
    """The operator's token stays in the console; the service sees its management token."""
    answer = post("orders/testline", {"tag": "lab-1"})
    assert (answer.status_code, answer.get_json()["trace_id"]) == (200, "ab")
    assert asked == [
        {
            "path": "/testline",
            "method": "POST",
            "token": "management-orders-secret",
            "body": {"tag": "lab-1"},
            "timeout_s": 3.0,
        }
    ]


def test_the_answers_are_what_the_client_expects(post: Callable[..., Any], asked: list[Any]) -> None:
    """Console and client agree on the names of fields."""
    assert {"trace_id", "timestamp_unix_ns"} <= set(post("orders/testline", {"tag": "x"}).get_json())
    assert post("orders/loglevel", {"level": "debug"}).get_json()["level"] == "DEBUG"
    assert post("orders/restart").status_code == 202
    assert LabApi.test_line.__doc__


def test_log_levels_are_read_without_a_token(console: Any, asked: list[Any]) -> None:
    """Reading changes nothing."""
    assert console.client.get("/api/lab/services/orders/loglevel").get_json() == {
        "service": "orders", "level": "DEBUG", "trace_id": "ab", "timestamp_unix_ns": 5,
    }  # fmt: skip
    assert console.client.get("/api/lab/services/orders").get_json()["log_level"] == "DEBUG"


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("orders/testline", {"tag": "a b"}, "tag.invalid"),
        ("orders/testline", {"tag": "x" * 65}, "tag.invalid"),
        ("orders/testline", {"tag": 5}, "tag.invalid"),
        ("orders/testline", {}, "tag.invalid"),
        ("orders/testline", {"tag": "x", "url": "http://evil"}, "field.unknown"),
        ("orders/loglevel", {"level": "loud"}, "level.unknown"),
        ("orders/loglevel", {"level": None}, "level.unknown"),
        ("orders/restart", {"signal": 9}, "field.unknown"),
        ("orders/loglevel", ["debug"], "body.invalid"),
    ],
)
def test_wrong_input_is_refused_before_the_service_is_asked(
    post: Callable[..., Any], asked: list[Any], path: str, body: object, code: str
) -> None:
    """400 with a code for programs and words for people."""
    answer = post(path, body)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, code)
    assert not asked


def test_a_body_that_is_no_json_is_refused(console: Any) -> None:
    """Forms and broken JSON; a form could be sent by another site."""
    headers = {"Authorization": "Bearer operator-secret"}
    path = "/api/lab/services/orders/loglevel"
    assert console.client.post(path, data={"level": "debug"}, headers=headers).status_code == 415
    sent = {**headers, "Content-Type": "application/json"}
    assert console.client.post(path, data="{", headers=sent).status_code == 400


def test_a_large_body_is_refused(console: Any) -> None:
    """More than 16 KiB is no command."""
    answer = console.client.post(
        "/api/lab/services/orders/testline",
        data=b'{"tag": "' + b"x" * 20_000 + b'"}',
        headers={"Authorization": "Bearer operator-secret", "Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.get_json()["error"]["message"]


def test_an_unknown_service_is_named_with_those_there_are(post: Callable[..., Any]) -> None:
    """404, never a connection to a host that the caller chose."""
    answer = post("evil.test/restart")
    assert answer.status_code == 404
    assert "orders, payments" in answer.get_json()["error"]["hint"]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (ConnectionRefusedError(111, "Connection refused"), 502),
        (TimeoutError(), 504),
        (Reply(401, b"{}"), 502),
        (Reply(403, b"{}"), 502),
        (Reply(400, b'{"error": {"message": "no such level", "hint": "DEBUG"}}'), 400),
        (Reply(500, b"not json"), 502),
    ],
    ids=["refused", "hangs", "our token refused", "forbidden", "its own refusal", "broken"],
)
def test_trouble_with_a_service_names_the_service(
    post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, reply: Reply | Exception, status: int
) -> None:
    """The caller learns which hop failed, and is not told that its own token is wrong when it is not."""
    answering(monkeypatch, reply)
    answer = post("orders/restart")
    assert answer.status_code == status
    assert answer.get_json()["error"]["context"]["service"] == "orders"


def test_a_service_without_a_management_token_is_said(post: Callable[..., Any]) -> None:
    """Init has not run for it."""
    assert post("payments/restart").status_code == 503


def test_before_init_no_verb_works(console: Any, settings: ConsoleSettings) -> None:
    """Without an operator token on disk nobody is let in, not even with an empty one."""
    assert settings.secrets_dir
    (settings.secrets_dir / "operator").write_text("", encoding="utf-8")
    answer = console.client.post("/api/lab/services/orders/restart", json={}, headers={"Authorization": "Bearer "})
    assert answer.status_code == 503


@pytest.mark.parametrize(("method", "path", "status"), [("post", "/api/lab", 405), ("get", "/api/lab/nope", 404)])
def test_wrong_paths_and_methods_have_the_one_error_shape(console: Any, method: str, path: str, status: int) -> None:
    """Also what Flask itself refuses."""
    answer = getattr(console.client, method)(path)
    assert answer.status_code == status
    assert answer.get_json()["error"]["message"]


def test_pipeline_counters_without_a_collector_are_cannot_tell(console: Any) -> None:
    """503, never zeros."""
    assert console.client.get("/api/lab/pipeline").status_code == 503
