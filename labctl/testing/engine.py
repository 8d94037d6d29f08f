"""A container engine for the compose tier: the machine's own, or one started for the time of the tests."""

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labctl.doctor.machine import Machine
from labctl.testing.needs import Missing, Progress

# Started by the tests' own code, because only tests may put stand-ins under upstream's image names.
STARTER = "tests.compose.engine"


@contextmanager
def engine(progress: Progress) -> Iterator[Mapping[str, str]]:
    """Variables with which an engine is found, and what cannot be had on it. Raises Missing."""
    machine = Machine()
    if machine.run("docker", "info").code == 0 and machine.run("docker", "compose", "version").code == 0:
        yield {}
        return
    starter: Any = importlib.import_module(STARTER)
    reason = starter.missing()
    if reason:
        raise Missing(reason, "Install Docker, or docker.io, debootstrap and iptables as root")
    progress("starting a container engine with stand-in images; Grafana cannot be had there and is left out by name")
    with starter.running(progress) as variables, in_environment(variables):
        yield {**variables, "LAB_WITHOUT": os.environ.get("LAB_WITHOUT", "grafana")}


@contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for this process too: it asks the engine itself what a lab has left behind."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
