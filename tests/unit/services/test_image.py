"""The image of the services: what every builder understands, and nothing that a container does not need."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8")


def stage(name: str) -> str:
    """The lines of one stage."""
    return next(part for part in re.split(r"(?m)^(?=FROM )", DOCKERFILE) if re.match(rf"FROM \S+ AS {name}\n", part))


def test_the_base_image_is_pinned_by_an_exact_tag() -> None:
    """A build next year gets the same interpreter."""
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.\d+\.\d+-slim-[a-z]+$", DOCKERFILE, re.MULTILINE)


def test_packages_come_from_a_lock_with_hashes() -> None:
    """Every installation, or a changed package could slip in."""
    installs = [line for line in DOCKERFILE.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line and "--no-cache-dir" in line for line in installs)


@pytest.mark.parametrize("name", ["service", "console"])
def test_a_target_runs_as_a_numbered_user_that_is_not_root(name: str) -> None:
    """Numbers, because Kubernetes cannot tell whether a name is root."""
    users = re.findall(r"(?m)^USER (\S+)$", stage(name))
    assert users
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", users[-1])


@pytest.mark.parametrize("name", ["service", "console"])
def test_a_target_is_compiled_and_run_as_a_module(name: str) -> None:
    """At run time the file system is read-only; which module runs is the command."""
    assert "compileall" in stage(name)
    assert 'ENTRYPOINT ["python", "-m"]' in stage(name)
    assert not re.search(r"(?m)^CMD", stage(name))


def test_the_classic_builder_understands_every_line() -> None:
    """Engine 20.10 without BuildKit: no frontend image, no mounts, no here-documents."""
    assert not re.search(r"(?m)^#\s*syntax=|--mount|--chmod|--link|<<", DOCKERFILE)


def test_nothing_enters_the_build_but_what_is_listed() -> None:
    """No secret, no repository and no virtual environment travels to the engine."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    assert {"!labkit", "!services", "!locks"} <= set(lines)
    assert not any(line.startswith(("!.lab", "!.git", "!tests")) for line in lines)
