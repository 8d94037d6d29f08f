"""A part of the pipeline is stopped on purpose: the right hop is named, and the shop sells on."""

import json
from collections.abc import Iterator

import pytest

from labctl.prove.outage import wait_until_ready
from labctl.prove.polling import poll
from labctl.prove.shopper import Shopper
from labctl.prove.world import World
from tests.e2e.conftest import Cli

# The question that only this backend can answer.
QUESTIONS = {
    "loki": ("logs", "search", "service=orders"),
    "jaeger": ("traces", "list"),
    "prometheus": ("metrics", "query", "up"),
}


@pytest.fixture(scope="module")
def without(request: pytest.FixtureRequest, world: World) -> Iterator[str]:
    """A component that is stopped while the tests that ask for it run; it is ready again afterwards."""
    component = str(request.param)
    wait_until_ready(world, component)
    world.control.stop(component)
    try:
        poll(f"{component} to be down", lambda: world.backends.lab.state().component(component).state == "down")
        yield component
    finally:
        world.control.start(component)
        wait_until_ready(world, component)


@pytest.mark.parametrize("without", ["loki", "collector"], indirect=True)
def test_lost_line_names_the_hop(without: str, cli: Cli) -> None:
    """With a hop of the pipeline stopped, `logs test` fails and names that hop for every service."""
    ran = cli("logs", "test", "--timeout", "4", "--json")
    assert ran.code == 1, ran.output[-2000:]
    found = json.loads(ran.output)
    assert {one["lost_by"] for one in found["services"]} == {without}
    assert all(without in one["reason"].lower() for one in found["services"])


@pytest.mark.parametrize("without", ["loki", "collector", "jaeger", "prometheus"], indirect=True)
def test_doctor_names_what_is_down(without: str, cli: Cli) -> None:
    """A stopped component is a failed check with a command that mends it, and exit code 1."""
    ran = cli("doctor", "--json")
    assert ran.code == 1, ran.output[-2000:]
    wrong = [one for one in json.loads(ran.output)["checks"] if one["verdict"] == "fail"]
    assert [one for one in wrong if f"{without} is down" in one["summary"] and one["mend"]], wrong


@pytest.mark.parametrize("without", ["loki", "collector", "jaeger", "prometheus"], indirect=True)
def test_shop_sells_without_telemetry(without: str, world: World) -> None:
    """A pipeline that is away costs no sale."""
    assert Shopper(world.lab.url).buy_something().order_id


@pytest.mark.parametrize("without", QUESTIONS, indirect=True)
def test_question_that_cannot_be_asked_is_no_empty_answer(without: str, cli: Cli) -> None:
    """With its backend away a command says "cannot tell" (3) and names the backend; it never prints nothing."""
    ran = cli(*QUESTIONS[without])
    assert ran.code == 3, ran.output[-2000:]
    assert without in ran.output.lower()
