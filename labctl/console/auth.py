"""Who may change something: whoever holds the operator's token."""

import hmac

from flask import Request

from labctl.console.problems import ApiProblem
from labctl.console.settings import ConsoleSettings

OPERATOR = "operator"


def require_operator(request: Request, settings: ConsoleSettings) -> None:
    """Raises ApiProblem (401, 403, 503) unless ``request`` carries the operator's bearer token."""
    expected = settings.secret(OPERATOR)
    if expected is None:
        raise ApiProblem(503, "operator.unset", "This lab has no operator token yet.", "Wait for init, or `./lab up`.")
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not given:
        raise ApiProblem(
            401,
            "token.missing",
            "This verb needs the operator's token.",
            "Send `Authorization: Bearer <token>`; the CLI takes it from LAB_HOME or LAB_TOKEN.",
        )
    if not hmac.compare_digest(given.strip().encode(), expected.encode()):
        raise ApiProblem(403, "token.wrong", "That is not this lab's operator token.", "Check LAB_TOKEN and LAB_URL.")
