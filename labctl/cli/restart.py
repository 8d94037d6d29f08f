"""``lab restart <service>``: end one component and wait until it is ready again."""

import time
from typing import Annotated

import typer

from labctl.cli.output import AsJson, emit
from labctl.runtime.choose import current
from labctl.settings import Lab
from labkit.errors import ConfigurationError, LabError


def restart(
    service: Annotated[str, typer.Argument(help="A component as `lab status` names it.")], as_json: AsJson = False
) -> None:
    """Restart one component of this machine's lab."""
    runtime = current(Lab.from_env())
    names = [state.name for state in runtime.status()]
    if not names:
        raise LabError("The lab is not running.", "./lab up")
    if service not in names:
        raise ConfigurationError(f"There is no component {service!r}.", f"This lab has: {', '.join(names)}.")
    began_s = time.monotonic()
    runtime.restart(service)
    took_s = round(time.monotonic() - began_s, 2)
    result = {"component": service, "seconds": took_s}
    emit(result, lambda: f"{service} is ready again after {took_s} s", as_json=as_json)
