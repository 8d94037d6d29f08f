"""The pipeline is broken under load: nothing is lost that was promised to be kept.

Apart from the tests that stop a component: theirs stays stopped until their module ends.
"""

import pytest

from labctl.prove.kill import MOST_LOST_SPANS, SERVICES, run_kill
from labctl.prove.outage import run_outage
from labctl.prove.world import World


@pytest.mark.usefixtures("ready")
def test_outage_of_the_collector_loses_no_order(world: World) -> None:
    """30 s without a collector under 20 requests a second: every order is in PostgreSQL, in Loki and in Jaeger."""
    outage = run_outage(world)
    assert outage.refused == 0, outage.first_refusal
    assert outage.evidence.is_complete, outage.as_json()
    # 20 requests a second, two for each purchase, over 30 s and the lead before and after.
    assert outage.evidence.orders >= 300


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_loses_few_spans(world: World, service: str) -> None:
    """SIGKILL to the process that serves, under load, takes at most ten finished spans with it."""
    kill = run_kill(world, service, after_s=4.0)
    assert kill.answered_before > 0
    assert kill.lost_spans <= MOST_LOST_SPANS, kill.as_json()
    assert kill.back_after_s != float("inf"), kill.as_json()
