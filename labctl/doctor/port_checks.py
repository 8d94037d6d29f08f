"""Are the lab's ports free, or held by this very lab?"""

from collections.abc import Iterator

from labctl.doctor.finding import Finding, check, failed, passed
from labctl.doctor.machine import Holder
from labctl.doctor.patient import Patient
from labctl.settings import INNER_BLOCK

# Programs that hold published ports on behalf of a container.
ENGINE_PROGRAMS = ("docker-proxy", "com.docker.backend", "rootlessport", "dockerd")


@check("ports", "machine")
def ports(patient: Patient) -> Iterator[Finding]:
    """The front door, the learner's OTLP port and the block of inner ports."""
    lab, listeners = patient.lab, patient.machine.listeners()
    wanted = [("LAB_PORT", lab.port), ("LAB_OTLP_PORT", lab.otlp_port)]
    if not patient.is_docker:
        wanted += [("LAB_INNER_PORT", lab.inner_port + offset) for offset in range(INNER_BLOCK)]
    strangers = [
        (variable, port, listeners[port])
        for variable, port in wanted
        if port in listeners and not is_ours(listeners[port], patient)
    ]
    if not strangers:
        yield passed(f"port {lab.port}, {lab.otlp_port} and the inner block at {lab.inner_port} are free or this lab's")
    for variable, port, holder in strangers:
        yield taken(variable, port, holder)


def taken(variable: str, port: int, holder: Holder) -> Finding:
    """Names the port, who holds it, and the variable that moves it."""
    who = f"{holder.program} (process {holder.pid})" if holder.pid else holder.program
    home = holder.environ.get("LAB_HOME")
    other = f", which belongs to the lab in {home}" if home and holder.environ.get("LAB_INSTANCE") else ""
    return failed(
        f"Port {port} is held by {who}{other}.",
        f"End that program, or choose another port: {variable}={free_suggestion(variable, port)} lab up",
        port=port,
        pid=holder.pid,
        program=holder.program,
        variable=variable,
    )


def free_suggestion(variable: str, port: int) -> int:
    """A port of the same kind that does not meet the present one."""
    return port + (INNER_BLOCK * 8 if variable == "LAB_INNER_PORT" else 100)


def is_ours(holder: Holder, patient: Patient) -> bool:
    """Whether this lab holds the port, as a process or through the engine."""
    return patient.holds(holder.environ) or (patient.is_docker and holder.program in ENGINE_PROGRAMS)
