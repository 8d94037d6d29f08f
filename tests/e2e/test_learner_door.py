"""Telemetry of a learner comes in by the open door and can never pass for the shop's."""

import time
import uuid

import pytest
import requests

from labctl.backends.loki import Window
from labctl.prove.polling import poll
from labctl.prove.world import World


def log_record(text: str) -> dict[str, object]:
    """An OTLP log whose resource and record both claim to be the shop's storefront."""
    claims = [
        {"key": "service.name", "value": {"stringValue": "storefront"}},
        {"key": "lab.origin", "value": {"stringValue": "shop"}},
    ]
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": text}, "attributes": claims[1:]}
    return {"resourceLogs": [{"resource": {"attributes": claims}, "scopeLogs": [{"logRecords": [record]}]}]}


def test_claim_to_be_the_shop_is_overwritten(world: World) -> None:
    """Whatever a sender at the open port says of its origin, its line is stamped as the learner's."""
    text = f"impostor {uuid.uuid4()}"
    url = f"http://127.0.0.1:{world.lab.otlp_port}/v1/logs"
    assert requests.post(url, json=log_record(text), timeout=5).status_code == 200
    lines = poll(
        "the line to be in Loki",
        lambda: world.backends.loki.query_range(f'{{service_name="storefront"}} |= "{text}"', Window.last(60)),
    )
    assert [line.labels["lab_origin"] for line in lines] == ["learner"]
    assert "shop" not in {value for line in lines for value in (*line.labels.values(), *line.metadata.values())}


@pytest.mark.native_only
def test_inner_door_asks_for_a_token(world: World) -> None:
    """Without the services' token nothing comes in as the shop's; in containers the port is not even reachable."""
    url = f"http://127.0.0.1:{world.lab.inner_port + 10}/v1/logs"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert requests.post(url, json=log_record("intruder"), headers=headers, timeout=5).status_code == 401
