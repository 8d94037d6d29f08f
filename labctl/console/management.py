"""What the console asks of a service's management port, on behalf of an operator."""

import http.client
from typing import Any

from labctl.console.plain_http import Reply, exchange
from labctl.console.problems import ApiProblem
from labctl.console.settings import ConsoleSettings

TIMEOUT_S = 3.0
MAX_MESSAGE = 300


class Management:
    """The management ports of all services."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings

    def get(self, service: str, path: str) -> dict[str, Any]:
        """The JSON of GET ``path``.

        Raises ApiProblem: 404 for an unknown service, 502 or 504 without an answer, else as the service says.
        """
        return self._ask(service, "GET", path, None)

    def post(self, service: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of POST ``path``; raises like :meth:`get`."""
        return self._ask(service, "POST", path, body)

    def _ask(self, service: str, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        address = self._settings.services.get(service)
        if address is None:
            names = ", ".join(self._settings.services)
            raise ApiProblem(404, "service.unknown", f"There is no service {service!r}.", f"Services: {names}.")
        token = self._settings.secret(f"management-{service}")
        if token is None:
            raise ApiProblem(503, "token.unset", f"There is no management token for {service} yet.", "`./lab up`")
        context = {"service": service}
        try:
            reply = exchange(address, path, method=method, token=token, body=body, timeout_s=TIMEOUT_S)
        except TimeoutError as error:
            message = f"{service}'s management port did not answer within {TIMEOUT_S:g} s."
            raise ApiProblem(504, "service.timeout", message, f"`./lab restart {service}`", context) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"{service}'s management port does not answer: {error or type(error).__name__}."
            raise ApiProblem(502, "service.unreachable", message, f"`./lab restart {service}`", context) from error
        return _checked(service, reply)


def _checked(service: str, reply: Reply) -> dict[str, Any]:
    found = reply.json()
    if reply.status < 300:
        return found
    said = found.get("error")
    details = said if isinstance(said, dict) else {}
    message = str(details.get("message") or f"{service} answered {reply.status}.")[:MAX_MESSAGE]
    # The service refusing *our* token is the lab's fault, not the operator's: never pass 401 or 403 on.
    is_callers = 400 <= reply.status < 500 and reply.status not in (401, 403)
    status = reply.status if is_callers else 502
    raise ApiProblem(
        status, "service.refused", message, str(details.get("hint") or "")[:MAX_MESSAGE], {"service": service}
    )
