"""Reading Prometheus's answers, recorded from Prometheus 3.16.0."""

from collections.abc import Callable
from typing import Any

import pytest

from labctl.backends.errors import QueryRefused
from labctl.backends.http import Session
from labctl.backends.prometheus import Prometheus
from labkit.errors import CannotTell

Recorded = Callable[[str], str]


def test_an_instant_answer_is_read(session: Session, network: Any, recorded: Recorded) -> None:
    """One series for each target, each with one value."""
    network.answer(recorded("prometheus_vector.json"))
    series = Prometheus(session).query("up")
    assert [(one.labels["job"], one.samples[0].value) for one in series] == [("self", 1.0), ("collector", 1.0)]
    assert series[0].name == 'up{instance="127.0.0.1:33607", job="self"}'


def test_a_range_answer_is_read(session: Session, network: Any, recorded: Recorded) -> None:
    """Every step has its time."""
    network.answer(recorded("prometheus_matrix.json"))
    series = Prometheus(session).query_range("up", 0, 3, 1)
    times = [sample.timestamp_s for sample in series[0].samples]
    assert times == sorted(times)
    assert len(times) > 1


def test_a_scalar_is_one_series_without_labels(session: Session, network: Any, recorded: Recorded) -> None:
    """`42` has a value and no name."""
    network.answer(recorded("prometheus_scalar.json"))
    (only,) = Prometheus(session).query("42")
    assert (only.labels, only.samples[0].value, only.name) == ({}, 42.0, "value")


def test_exemplars_lead_to_traces(session: Session, network: Any, recorded: Recorded) -> None:
    """Each exemplar carries its trace id, its value and its moment."""
    network.answer(recorded("prometheus_exemplars.json"))
    found = Prometheus(session).query_exemplars("x", 0, 1)
    assert found
    assert all(len(one.labels["trace_id"]) == 32 and one.value > 0 for one in found)
    assert found[0].series["service_name"] == "orders"


def test_bad_promql_repeats_what_prometheus_says(session: Session, network: Any, recorded: Recorded) -> None:
    """Usage, exit code 2, with the parser's own words."""
    network.answer(recorded("prometheus_refused.json"), 400)
    with pytest.raises(QueryRefused, match="unclosed left parenthesis") as caught:
        Prometheus(session).query("sum(")
    assert "PromQL" in caught.value.hint


@pytest.mark.parametrize("body", ['{"status": "error"}', "[]", "{}"])
def test_an_answer_without_success_is_cannot_tell(session: Session, network: Any, body: str) -> None:
    """No data is taken from an answer that is not Prometheus's."""
    network.answer(body)
    with pytest.raises(CannotTell):
        Prometheus(session).query("up")
