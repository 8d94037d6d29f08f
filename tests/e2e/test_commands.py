"""The commands of the workshop against the running lab."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from labctl.bundle.packing import redactor_of
from labctl.doctor.machine import Machine
from labctl.doctor.pipeline import FRESH_UP
from labctl.prove.polling import poll
from labctl.prove.shopper import Placed
from labctl.prove.world import World
from tests.e2e.conftest import Cli

SERVICES = {"storefront", "catalog", "orders", "payments", "thirdparty"}


def answer(cli: Cli, *arguments: str) -> Any:
    """The JSON that a good command prints."""
    ran = cli(*arguments, "--json")
    assert ran.code == 0, ran.output[-3000:]
    return json.loads(ran.output[ran.output.index("{") :] if "{" in ran.output else ran.output)


def test_logs_test_passes(ready: None, cli: Cli) -> None:
    """A tagged line of every service comes back from Loki."""
    found = answer(cli, "logs", "test")
    assert found["passed"]
    assert {one["service"] for one in found["services"]} == SERVICES
    assert all(one["delay_ms"] > 0 for one in found["services"])


def test_logs_tail_checks_itself(ready: None, cli: Cli) -> None:
    """Test mode makes its own lines and sees them arrive live."""
    ran = cli("logs", "tail", "--test-mode")
    assert ran.code == 0, ran.output[-3000:]


def test_doctor_finds_nothing_wrong(ready: None, cli: Cli) -> None:
    """On a lab that works nothing fails and nothing is unknown."""
    ran = cli("doctor", "--json")
    wrong = [one for one in json.loads(ran.output)["checks"] if one["verdict"] not in ("pass", "warn")]
    assert (ran.code, wrong) == (0, [])


def test_doctor_asks_every_hop(ready: None, cli: Cli) -> None:
    """The running lab's hops are looked at, not only the machine."""
    asked = {one["check"] for one in json.loads(cli("doctor", "--json").output)["checks"]}
    assert {"gateway", "collector", "loki", "jaeger", "prometheus", "a log line travels"} <= asked


def test_status_names_every_component(ready: None, cli: Cli, world: World) -> None:
    """`status` knows all that compose.yaml has, and all of it is ready."""
    ran = cli("status", "--json")
    assert ran.code == 0, ran.output[-2000:]
    for name in (
        *SERVICES,
        "postgres",
        "loki",
        "jaeger",
        "prometheus",
        "alertmanager",
        "collector",
        "gateway",
        "console",
    ):
        assert f'"{name}"' in ran.output


def test_second_up_is_idempotent(ready: None, cli: Cli) -> None:
    """`up` on a running lab succeeds, changes nothing and shows one more purchase."""
    ran = cli("up")
    assert ran.code == 0, ran.output[-3000:]
    assert "/traces/" in ran.output or "/jaeger/trace/" in ran.output


def test_trace_is_shown_by_id(cli: Cli, purchase: Placed) -> None:
    """`traces show` has the purchase's spans with a critical path."""
    found = answer(cli, "traces", "show", purchase.trace_id)
    assert set(found["services"]) == SERVICES
    assert found["critical_path"]


def test_lines_of_a_trace_and_of_a_journey_are_found(cli: Cli, purchase: Placed) -> None:
    """`logs trace` and `logs correlation` find the purchase; the journey has more lines than its last step."""
    of_trace = cli("logs", "trace", purchase.trace_id, "--json")
    of_journey = cli("logs", "correlation", purchase.correlation_id, "--json")
    assert (of_trace.code, of_journey.code) == (0, 0), of_trace.output[-1500:] + of_journey.output[-1500:]
    assert purchase.order_id in of_trace.output
    assert purchase.order_id in of_journey.output
    assert len(of_journey.output) > len(of_trace.output)


def test_metrics_are_queried(cli: Cli, purchase: Placed) -> None:
    """`metrics query` prints what Prometheus has, and every target of it is up."""
    found = answer(cli, "metrics", "query", FRESH_UP)
    assert found["series"]
    assert {one["values"][-1][1] for one in found["series"]} == {1}


def test_log_level_is_changed_at_run_time(ready: None, cli: Cli, world: World) -> None:
    """`logs level` changes what a service logs without a restart."""
    try:
        assert cli("logs", "level", "payments", "debug").code == 0
        assert world.backends.lab.log_level("payments").lower() == "debug"
    finally:
        assert cli("logs", "level", "payments", "info").code == 0


def test_restart_brings_a_service_back(ready: None, cli: Cli, world: World) -> None:
    """`restart` ends one service cleanly and the runtime starts it again."""
    ran = cli("restart", "payments")
    assert ran.code == 0, ran.output[-2000:]
    poll(
        "payments to be ready", lambda: world.backends.lab.state().component("payments").state == "ready", timeout_s=30
    )


def test_support_bundle_has_no_secret(cli: Cli, world: World, tmp_path: Path) -> None:
    """What may be sent to somebody else holds no secret value in any form, and no file of secrets."""
    target = tmp_path / "bundle.tar.gz"
    ran = cli("support-bundle", "--output", str(target))
    assert ran.code == 0, ran.output[-2000:]
    redactor, is_complete = redactor_of(world.lab, os.environ, Machine())
    assert is_complete
    assert redactor.finds_in(world.lab.operator_token() or "")
    with tarfile.open(target) as bundle:
        names = bundle.getnames()
        assert not [name for name in names if "/secrets/" in name]
        for member in bundle.getmembers():
            file = bundle.extractfile(member)
            assert file is not None
            assert not redactor.finds_in(file.read().decode()), member.name
    assert {Path(name).name for name in names} >= {"status.json", "doctor.json", "versions.json", "manifest.json"}
    assert target.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("page", ["", "/traces", "/logs", "/shop"])
def test_pages_answer(world: World, page: str) -> None:
    """The pages of the lab are there for people without a terminal."""
    import requests

    session = requests.Session()
    session.trust_env = False
    found = session.get(world.lab.url + page, timeout=10)
    assert found.status_code == 200
    assert found.headers["Content-Type"].startswith("text/html")


def test_trace_page_shows_the_purchase(world: World, purchase: Placed) -> None:
    """The link that `up` prints leads to the waterfall."""
    import requests

    session = requests.Session()
    session.trust_env = False
    found = session.get(f"{world.lab.url}/traces/{purchase.trace_id}", timeout=10)
    assert found.status_code == 200
    assert all(name in found.text for name in SERVICES)
