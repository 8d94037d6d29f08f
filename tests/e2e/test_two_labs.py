"""A second lab beside the first: neither touches the other, and a lab that goes leaves nothing, however it goes."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from labctl.backends import Backends
from labctl.backends.errors import NotFound
from labctl.backends.loki import Window
from labctl.prove.control_native import NativeControl
from labctl.prove.polling import poll
from labctl.prove.restarts import Leftovers, leftovers, run_lab
from labctl.prove.shopper import Shopper
from labctl.prove.world import World
from labctl.settings import Lab
from labctl.testing.own_lab import environment_for

pytestmark = pytest.mark.native_only


@dataclass(frozen=True)
class Second:
    """The other lab, and the environment in which commands find it."""

    lab: Lab
    environ: dict[str, str]
    backends: Backends


@pytest.fixture(scope="module")
def second(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    """A second native lab, brought up while the first runs."""
    # pytest's own folders have long names; sockets do not like that.
    home = Path(tmp_path_factory.mktemp("lab2"))
    environ = environment_for(home, "native", {})
    lab = Lab.from_env(environ)
    try:
        up = run_lab("up", "--runtime", "native", environ=environ)
        assert up.code == 0, up.output[-4000:]
        yield Second(lab, environ, Backends.at(lab.url, lab.operator_token()))
    finally:
        run_lab("down", "--volumes", environ=environ)


def is_gone(lab: Lab) -> Leftovers:
    """What is left of ``lab``, once nothing more goes away by itself."""
    return poll(f"nothing to be left of the lab on {lab.port}", lambda: leftovers(lab), lambda left: not left)


def test_labs_do_not_see_each_others_telemetry(world: World, second: Second) -> None:
    """A purchase in one lab is in that lab's backends only."""
    placed = Shopper(second.lab.url).buy_something()
    poll("the trace in the second lab", lambda: second.backends.jaeger.trace(placed.trace_id))
    query = f'{{service_name="orders"}} |= "order.placed" | order_id="{placed.order_id}"'
    poll("the line in the second lab", lambda: second.backends.loki.query_range(query, Window.last(120)))
    with pytest.raises(NotFound):
        world.backends.jaeger.trace(placed.trace_id)
    assert world.backends.loki.query_range(query, Window.last(120)) == []


def test_labs_have_secrets_of_their_own(world: World, second: Second) -> None:
    """The operator's token of one lab opens nothing in the other."""
    assert second.lab.operator_token() != world.lab.operator_token()


def test_labs_share_no_port(world: World, second: Second) -> None:
    """Every port that either listens on is its own."""
    mine = set(NativeControl(world.lab).listening_addresses())
    other = set(NativeControl(second.lab).listening_addresses())
    assert mine
    assert other
    assert not mine & other


def test_killed_supervisor_leaves_nothing_after_down(world: World, second: Second) -> None:
    """SIGKILL to the supervisor, then `down`: no process, no port, no socket is left, and the first lab lives on."""
    os.kill(NativeControl(second.lab).supervisor_pid(), signal.SIGKILL)
    down = run_lab("down", environ=second.environ)
    assert down.code == 0, down.output[-2000:]
    is_gone(second.lab)
    assert Shopper(world.lab.url).buy_something().order_id


def test_lab_comes_up_again_with_its_data_and_goes_without_trace(world: World, second: Second) -> None:
    """After the kill `up` works, orders of before are still there, and a plain `down` leaves nothing."""
    before = run_lab("up", "--runtime", "native", environ=second.environ)
    assert before.code == 0, before.output[-4000:]
    orders = NativeControl(second.lab).sql("orders", "SELECT count(*)::text FROM orders")
    assert int(orders[0]) >= 2
    down = run_lab("down", environ=second.environ)
    assert down.code == 0, down.output[-2000:]
    is_gone(second.lab)
    assert Shopper(world.lab.url).buy_something().order_id
