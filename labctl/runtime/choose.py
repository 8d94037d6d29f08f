"""Which runtime a lab gets: the one asked for, the one it already has, or what this machine offers."""

from labctl.runtime.base import Runtime
from labctl.runtime.compose import ComposeRuntime, find_engine
from labctl.runtime.native import NativeRuntime
from labctl.settings import Lab
from labkit.errors import ConfigurationError

CHOICES = ("auto", "docker", "native")


def current(lab: Lab) -> Runtime:
    """The runtime that this lab was brought up in; native when it never was."""
    if lab.is_remote:
        raise ConfigurationError(
            f"LAB_URL points at {lab.url}, which is not a lab of this LAB_HOME.",
            "This command works on this machine's lab: unset LAB_URL.",
            {"url": lab.url},
        )
    return ComposeRuntime(lab) if lab.remembered_runtime() == "docker" else NativeRuntime(lab)


def choose(lab: Lab, wish: str) -> Runtime:
    """The runtime for ``up``. Raises ConfigurationError for an unknown wish, an engine that cannot, or a lab that
    already runs in the other runtime."""
    if wish not in CHOICES:
        raise ConfigurationError(f"--runtime {wish!r} is unknown.", f"Choose one of {', '.join(CHOICES)}.")
    running = current(lab)
    is_running = lab.remembered_runtime() is not None and _is_up(running)
    if is_running and wish in ("auto", running.name):
        return running
    if is_running:
        raise ConfigurationError(
            f"This lab already runs in the {running.name} runtime.", "Run `lab down` first.", {"runtime": running.name}
        )
    if wish == "native":
        return NativeRuntime(lab)
    engine = find_engine()
    if not engine.why_not:
        return ComposeRuntime(lab)
    if wish == "auto":
        return NativeRuntime(lab)
    raise ConfigurationError(
        f"The lab cannot run in Docker: {engine.why_not}.", "Start or install it, or use `lab up --runtime native`."
    )


def _is_up(runtime: Runtime) -> bool:
    try:
        return bool(runtime.status())
    except ConfigurationError:
        return False
