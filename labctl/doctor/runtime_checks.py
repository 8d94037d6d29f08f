"""Which runtime this machine offers: an engine with Compose, or plain processes."""

import re

from labctl.doctor.finding import Finding, check, failed, passed, warned
from labctl.doctor.patient import Patient

OLDEST_ENGINE = (20, 10)
OLDEST_COMPOSE = (2, 20)


@check("engine", "machine")
def engine(patient: Patient) -> Finding:
    """Docker with Compose v2; none at all is fine."""
    asked = patient.machine.run("docker", "version", "--format", "{{.Server.Version}}")
    if asked.code is None:
        return _without(patient, "no docker command")
    if asked.code != 0:
        return _without(patient, f"docker does not answer: {_first_line(asked.output)}")
    version = version_of(asked.output)
    if version < OLDEST_ENGINE:
        return warned(
            f"Docker Engine {asked.output} is older than 20.10.", "Update Docker, or use lab up --runtime native"
        )
    return _compose(patient, asked.output)


def _compose(patient: Patient, engine_version: str) -> Finding:
    asked = patient.machine.run("docker", "compose", "version", "--short")
    if asked.code != 0:
        return warned(
            f"Docker Engine {engine_version} without Compose.",
            "Install the Compose plugin (docker-compose-plugin), or use lab up --runtime native",
        )
    if version_of(asked.output) < OLDEST_COMPOSE:
        return warned(
            f"Compose {asked.output} is older than 2.20.", "Update the plugin, or use lab up --runtime native"
        )
    return passed(f"Docker Engine {engine_version} with Compose {asked.output}")


def _without(patient: Patient, why: str) -> Finding:
    if patient.is_docker:
        return failed(f"This lab was brought up in Docker, but now {why}.", "Start Docker, or lab up --runtime native")
    return passed(f"{why}; the lab runs as local processes")


def version_of(text: str) -> tuple[int, ...]:
    """``(2, 40)`` of ``v2.40.3-desktop.1``; ``(0,)`` when there is no number."""
    numbers = re.findall(r"\d+", text)
    return tuple(int(number) for number in numbers[:2]) or (0,)


def _first_line(text: str) -> str:
    return text.splitlines()[-1][:200] if text else "no explanation"
