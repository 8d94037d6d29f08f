"""The lab that the environment names (LAB_URL, LAB_PORT, LAB_HOME), as fixtures."""

import os
from collections.abc import Callable

import pytest

from labctl.backends import Backends
from labctl.doctor.examination import front_door_answers
from labctl.prove.polling import poll
from labctl.prove.restarts import Verb, run_lab
from labctl.prove.shopper import Placed, Shopper
from labctl.prove.world import World
from labctl.settings import Lab

Cli = Callable[..., Verb]


@pytest.fixture(scope="session")
def world() -> World:
    """The running lab. Without one the tests are skipped; under `lab test`, which brings one up, they fail."""
    lab = Lab.from_env()
    if not front_door_answers(lab.url):
        message = f"no lab answers at {lab.url}: use `lab test --tier e2e`, or `lab up` first"
        if os.environ.get("LAB_E2E"):
            pytest.fail(message)
        pytest.skip(message)
    return World.of(lab)


@pytest.fixture(scope="session")
def backends(world: World) -> Backends:
    """Loki, Jaeger, Prometheus and the lab's API through the front door."""
    return world.backends


@pytest.fixture
def shopper(world: World) -> Shopper:
    """A customer who is logged in."""
    customer = Shopper(world.lab.url)
    customer.login()
    return customer


@pytest.fixture(scope="session")
def purchase(world: World) -> Placed:
    """One purchase by card, complete in Jaeger."""
    placed = Shopper(world.lab.url).buy_something()
    poll(
        "the whole trace of a purchase",
        lambda: world.backends.jaeger.trace(placed.trace_id).services,
        lambda names: len(names) == 5,
    )
    return placed


@pytest.fixture(scope="session")
def cli(world: World) -> Cli:
    """Runs `lab <arguments>` against the running lab."""
    return run_lab


@pytest.fixture
def ready(world: World) -> None:
    """Everything is ready when the test begins, whatever the one before has broken."""
    poll(
        "all components to be ready",
        lambda: [part for part in world.backends.lab.state().components if part.state not in ("ready", "unknown")],
        lambda unwell: not unwell,
        timeout_s=60,
    )
