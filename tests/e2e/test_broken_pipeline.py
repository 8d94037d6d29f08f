"""The pipeline is broken on purpose: the right hop is named, and nothing is lost that was promised to be kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labctl.prove.kill import MOST_LOST_SPANS, SERVICES, run_kill
from labctl.prove.outage import run_outage, wait_until_ready
from labctl.prove.polling import poll
from labctl.prove.shopper import Shopper
from labctl.prove.world import World
from tests.e2e.conftest import Cli

pytestmark = pytest.mark.usefixtures("ready")


@contextmanager
def stopped(world: World, component: str) -> Iterator[None]:
    """Without ``component`` for a while; it is ready again afterwards, whatever happened."""
    world.control.stop(component)
    try:
        poll(f"{component} to be down", lambda: world.backends.lab.state().component(component).state == "down")
        yield
    finally:
        world.control.start(component)
        wait_until_ready(world, component)


@pytest.mark.parametrize("component", ["loki", "collector"])
def test_lost_line_names_the_hop(world: World, cli: Cli, component: str) -> None:
    """With a hop of the pipeline stopped, `logs test` fails and names that hop for every service."""
    with stopped(world, component):
        ran = cli("logs", "test", "--timeout", "4", "--json")
        assert ran.code == 1, ran.output[-2000:]
        found = json.loads(ran.output)
        assert {one["lost_by"] for one in found["services"]} == {component}
        assert all(component in one["reason"].lower() for one in found["services"])


def test_doctor_names_what_is_down(world: World, cli: Cli) -> None:
    """A stopped backend is a failed check with a command that mends it, and exit code 1."""
    with stopped(world, "jaeger"):
        ran = cli("doctor", "--json")
        assert ran.code == 1, ran.output[-2000:]
        wrong = [one for one in json.loads(ran.output)["checks"] if one["verdict"] == "fail"]
        assert any("jaeger is down" in one["summary"] and one["mend"] for one in wrong), wrong


@pytest.mark.parametrize("component", ["loki", "jaeger", "prometheus", "collector"])
def test_shop_sells_without_telemetry(world: World, component: str) -> None:
    """A pipeline that is away costs no sale."""
    with stopped(world, component):
        assert Shopper(world.lab.url).buy_something().order_id


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        pytest.param("loki", ("logs", "search", "service=orders"), id="logs without Loki"),
        pytest.param("jaeger", ("traces", "list"), id="traces without Jaeger"),
        pytest.param("prometheus", ("metrics", "query", "up"), id="metrics without Prometheus"),
    ],
)
def test_question_that_cannot_be_asked_is_no_empty_answer(
    world: World, cli: Cli, component: str, arguments: tuple[str, ...]
) -> None:
    """With its backend away a command says "cannot tell" (3) and names the backend; it never prints nothing."""
    with stopped(world, component):
        ran = cli(*arguments)
    assert ran.code == 3, ran.output[-2000:]
    assert component in ran.output.lower()


def test_outage_of_the_collector_loses_no_order(world: World) -> None:
    """30 s without a collector under 20 requests a second: every order is in PostgreSQL, in Loki and in Jaeger."""
    outage = run_outage(world)
    assert outage.refused == 0, outage.first_refusal
    assert outage.evidence.is_complete, outage.as_json()
    # 20 requests a second, two for each purchase, over 30 s and the lead before and after.
    assert outage.evidence.orders >= 300


@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_loses_few_spans(world: World, service: str) -> None:
    """SIGKILL to the process that serves, under load, takes at most ten finished spans with it."""
    kill = run_kill(world, service, after_s=4.0)
    assert kill.answered_before > 0
    assert kill.lost_spans <= MOST_LOST_SPANS, kill.as_json()
    assert kill.back_after_s != float("inf"), kill.as_json()
