"""The lab's own API as its clients see it."""

import json
from typing import Any

import pytest

from labctl.backends.errors import QueryRefused
from labctl.backends.http import Session
from labctl.backends.lab import LabApi
from labkit.errors import CannotTell

STATE = {
    "name": "opslab",
    "version": "1",
    "runtime": "native",
    "components": [
        {"name": "orders", "kind": "service", "state": "ready", "detail": "", "latency_ms": 1.5, "version": "1"},
        {"name": "loki", "kind": "logs", "state": "down", "detail": "nothing listens", "latency_ms": None},
    ],
}


def test_the_state_of_every_component_is_read(session: Session, network: Any) -> None:
    """Services are told from other parts, and what is not listed is unknown."""
    network.answer(json.dumps(STATE))
    state = LabApi(session).state()
    assert state.services == ("orders",)
    assert state.component("loki").detail == "nothing listens"
    assert state.component("jaeger").state == "unknown"


def test_another_program_is_not_an_empty_lab(session: Session, network: Any) -> None:
    """Port 3000 is popular: JSON of something else is "cannot tell"."""
    network.answer('{"hello": "world"}')
    with pytest.raises(CannotTell, match="not a lab"):
        LabApi(session).state()


def test_a_service_name_cannot_leave_its_place_in_the_path(session: Session, network: Any) -> None:
    """A name with slashes is one path segment."""
    network.answer('{"level": "INFO"}')
    LabApi(session).set_log_level("../../x", "debug")
    assert "/api/lab/services/..%2F..%2Fx/loglevel" in str(network.asked[0].url)


def test_a_refused_token_says_which_variable_mends_it(session: Session, network: Any) -> None:
    """401 is usage, not "cannot tell"."""
    network.answer('{"error": {"message": "wrong token"}}', 401)
    with pytest.raises(QueryRefused) as caught:
        LabApi(session).restart("orders")
    assert "LAB_TOKEN" in caught.value.hint
