"""The session: bounded, honest about failure, and careful with the token."""

import time
from typing import Any

import pytest
import requests

from labctl.backends import http
from labctl.backends.errors import BackendUnavailable, NotFound, QueryRefused
from labctl.backends.http import Session
from labkit.errors import CannotTell, ConfigurationError


def ask(session: Session, path: str = "/loki/api/v1/labels") -> object:
    """GET a path as Loki's client would."""
    return session.get_json(path, backend="Loki")


def test_the_token_is_sent_to_the_lab_api(session: Session, network: Any) -> None:
    """An operator's verb carries the bearer token."""
    network.answer("{}")
    session.post_json("/api/lab/services/orders/restart", {}, backend="lab")
    assert network.asked[0].headers["Authorization"] == "Bearer operator-secret"


@pytest.mark.parametrize("path", ["/loki/api/v1/labels", "/api/laboratory", "/", "/shop", "/api"])
def test_the_token_is_sent_nowhere_else(session: Session, network: Any, path: str) -> None:
    """A path beside /api/lab never sees the token, also on the same origin."""
    network.answer("{}")
    ask(session, path)
    assert "Authorization" not in network.asked[0].headers


@pytest.mark.parametrize(
    "target",
    ["http://evil.test/", "https://lab.test:3000/x", "http://lab.test:3001/x", "//evil.test/x", "http://lab.test/"],
)
def test_a_redirect_to_another_origin_is_refused(session: Session, network: Any, target: str) -> None:
    """Nothing is asked of another host, scheme or port, whoever says so."""
    network.answer("", 302, {"Location": target})
    with pytest.raises(BackendUnavailable, match="another origin"):
        ask(session, "/api/lab")
    assert len(network.asked) == 1


def test_a_redirect_within_the_origin_is_followed_without_the_token(session: Session, network: Any) -> None:
    """A trailing slash may be added, but the token does not go on a path that a server chose."""
    network.answer("", 301, {"Location": "/api/lab/"})
    network.answer('{"ok": true}')
    assert ask(session, "/api/lab") == {"ok": True}
    assert "Authorization" not in network.asked[1].headers


def test_a_circle_of_redirects_ends(session: Session, network: Any) -> None:
    """A server that redirects for ever is given up."""
    network.answer("", 302, {"Location": "/again"})
    with pytest.raises(BackendUnavailable, match="circle"):
        ask(session)


def test_an_unreachable_lab_names_url_and_remedy(session: Session, network: Any) -> None:
    """Without a lab the message says where was asked, and the hint what to do."""
    network.fail(requests.ConnectionError("refused"))
    with pytest.raises(CannotTell) as caught:
        ask(session)
    assert caught.value.exit_code == 3
    assert "http://lab.test:3000/loki/api/v1/labels" in caught.value.message
    assert "./lab up" in caught.value.hint
    assert "LAB_URL" in caught.value.hint


def test_a_question_is_asked_again_after_a_broken_connection(session: Session, network: Any) -> None:
    """A kept connection that died with a restarted server costs one more try."""
    network.fail(requests.ConnectionError("reset"))
    network.answer("[]")
    assert ask(session) == []


def test_a_verb_that_changes_something_is_never_repeated(session: Session, network: Any) -> None:
    """A POST whose answer is lost may have been done."""
    network.fail(requests.ConnectionError("reset"))
    network.answer("{}")
    with pytest.raises(BackendUnavailable):
        session.post_json("/api/lab/services/orders/restart", {}, backend="lab")
    assert len(network.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, QueryRefused), (401, QueryRefused), (403, QueryRefused), (422, QueryRefused), (404, NotFound)]
    + [(status, BackendUnavailable) for status in (429, 500, 502, 503, 504)],
)
def test_a_bad_status_becomes_the_error_its_reader_can_act_on(
    session: Session, network: Any, status: int, kind: type[Exception]
) -> None:
    """The input is wrong, the thing is not there, or nobody can tell: never an empty answer."""
    network.answer('{"error": {"message": "the reason", "hint": ""}}', status)
    with pytest.raises(kind, match="the reason") as caught:
        ask(session)
    assert "Loki" in str(caught.value)


@pytest.mark.parametrize("body", ["", "<html>hello</html>", "{truncated"])
def test_an_answer_that_is_not_json_says_that_another_program_answers(
    session: Session, network: Any, body: str
) -> None:
    """A stranger on the port is not an empty Loki."""
    network.answer(body)
    with pytest.raises(CannotTell, match="not in JSON"):
        ask(session)


def test_a_huge_answer_is_refused(session: Session, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by us, not by who answers."""
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    network.answer(b"x" * 5000)
    with pytest.raises(CannotTell, match="larger than"):
        ask(session)


def test_an_answer_that_trickles_in_ends_at_the_deadline(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for the whole answer, not for each byte of it."""
    times = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    network.answer(b"x" * 10)
    with pytest.raises(CannotTell, match="in time"):
        Session("http://lab.test", timeout_s=1, transport=network).get_json("/", backend="Loki")


@pytest.mark.parametrize("url", ["ftp://lab.test", "http://user:secret@lab.test", "http://", "nonsense"])
def test_a_url_that_is_no_plain_http_address_is_refused(url: str) -> None:
    """A password in the URL would replace the token's header; the message does not repeat it."""
    with pytest.raises(ConfigurationError) as caught:
        Session(url)
    assert "secret" not in caught.value.message


def test_no_cookie_is_kept(session: Session, network: Any) -> None:
    """A server cannot mark the session."""
    network.answer("{}", headers={"Set-Cookie": "a=b"})
    ask(session)
    ask(session)
    assert "Cookie" not in network.asked[1].headers
