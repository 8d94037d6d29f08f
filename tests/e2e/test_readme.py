"""The README is executable: every command in it runs, and every page it names answers."""

import json
import re
import shlex

import pytest
import requests

from labctl.prove.polling import poll
from labctl.prove.restarts import run_lab
from labctl.prove.shopper import Placed
from labctl.prove.world import World
from labctl.settings import CHECKOUT
from tests.e2e.conftest import Cli

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.S)
    for line in block.splitlines()
    if line.strip()
]
# Who runs those that cannot run inside a lab under test: they would end it, or start themselves.
RUN_ELSEWHERE = {"./lab test": ".ci/run", "./lab down": "labctl/testing/own_lab.py"}
RUNNABLE = [command for command in COMMANDS if command not in RUN_ELSEWHERE]
PAGES = sorted(set(re.findall(r"<http://127\.0\.0\.1:3000(/[a-z]*)>", README)))


@pytest.mark.parametrize("command", RUNNABLE)
def test_readme_command_runs(ready: None, cli: Cli, world: World, purchase: Placed, command: str) -> None:
    """It exits 0 on the running lab, exactly as it is written."""
    program, *arguments = shlex.split(command)
    assert program == "./lab"
    if arguments == ["up"]:
        arguments += ["--runtime", world.control.runtime]
    ran = cli(*arguments)
    assert ran.code == 0, ran.output[-2000:]
    assert ran.output.strip()


@pytest.mark.parametrize(("command", "where"), RUN_ELSEWHERE.items())
def test_command_that_cannot_run_here_is_run_elsewhere(command: str, where: str) -> None:
    """The exceptions above are in the README, and are executed where this table says."""
    assert command in COMMANDS
    verb = command.split()[1]
    assert re.search(rf"lab {verb}|\"{verb}\"", (CHECKOUT / where).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_readme_page_answers(world: World, page: str) -> None:
    """Every page that the README links to is there."""
    assert requests.get(world.lab.url + page, timeout=10).status_code == 200


def test_links_that_up_prints_show_the_purchase(ready: None, cli: Cli, world: World) -> None:
    """The trace page and the log page behind the links are about that very purchase."""
    ran = cli("up", "--runtime", world.control.runtime, "--json")
    told = json.loads(ran.output[ran.output.index("{") :])
    for page in ("trace", "logs"):
        # The log page is asked by correlation id: the trace id is there only if the journey's lines are.
        poll(
            f"the {page} page to show the purchase",
            lambda page=page: told["purchase"]["trace_id"] in requests.get(told["links"][page], timeout=10).text,
        )


def test_readme_files_exist() -> None:
    """Every relative link leads to a file or folder of the repository."""
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (CHECKOUT / link).exists()] == []


def test_lab_without_a_verb_says_what_to_type_next(world: World) -> None:
    """`./lab` alone is the first thing that a stranger types."""
    ran = run_lab()
    assert ran.code == 0
    assert "next:" in ran.output
