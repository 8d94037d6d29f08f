"""``/api/lab``: the state of the lab, and what an operator may do with a service."""

import re
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import BadRequest

from labctl.backends.lab import SERVICE_KIND, Component
from labctl.backends.lines import LEVELS
from labctl.console.auth import require_operator
from labctl.console.parts import Parts, component_json, parts_of
from labctl.console.pipeline import pipeline_counters
from labctl.console.problems import ApiProblem

blueprint = Blueprint("api", __name__, url_prefix="/api/lab")
TAG = re.compile(r"[A-Za-z0-9._-]{1,64}")


@blueprint.get("")
def lab() -> Response:
    """Every component with its state; ``age_ms`` says how old the answer is."""
    return jsonify(parts_of(current_app).lab_state())


@blueprint.get("/pipeline")
def pipeline() -> Response:
    """The collector's counters per signal."""
    return jsonify(pipeline_counters(_parts().settings.peers.get("collector-metrics")))


@blueprint.get("/services/<service>")
def service(service: str) -> Response:
    """One service's state and log level."""
    level = _parts().management.get(service, "/loglevel")
    return jsonify({**component_json(_component(service)), "log_level": level.get("level")})


@blueprint.post("/services/<service>/restart")
def restart(service: str) -> tuple[Response, int]:
    """End the service's process cleanly; the runtime starts it again."""
    _body(allowed=())
    return jsonify({"service": service, **_parts().management.post(service, "/restart", {})}), 202


@blueprint.get("/services/<service>/loglevel")
def log_level(service: str) -> Response:
    """The service's present log level."""
    return jsonify({"service": service, **_parts().management.get(service, "/loglevel")})


@blueprint.post("/services/<service>/loglevel")
def set_log_level(service: str) -> Response:
    """Set the service's log level."""
    level = _body(allowed=("level",)).get("level")
    if not isinstance(level, str) or level.lower() not in LEVELS:
        raise ApiProblem(400, "level.unknown", f"{level!r} is not a log level.", f"Levels: {', '.join(LEVELS)}.")
    answer = _parts().management.post(service, "/loglevel", {"level": level.upper()})
    return jsonify({"service": service, **answer})


@blueprint.post("/services/<service>/testline")
def test_line(service: str) -> Response:
    """Let the service write one log line that carries ``tag``."""
    tag = _body(allowed=("tag",)).get("tag")
    if not isinstance(tag, str) or not TAG.fullmatch(tag):
        raise ApiProblem(400, "tag.invalid", "The tag must be 1 to 64 letters, digits, dots, dashes or underscores.")
    return jsonify({"service": service, **_parts().management.post(service, "/testline", {"tag": tag})})


def _parts() -> Parts:
    return parts_of(current_app)


def _component(name: str) -> Component:
    parts = _parts().board.look().parts
    return next((part for part in parts if part.name == name), Component(name, SERVICE_KIND, "unknown"))


def _body(allowed: tuple[str, ...]) -> dict[str, Any]:
    """The JSON object of a verb that changes something; the token is checked before anything is read."""
    require_operator(request, _parts().settings)
    if not request.is_json:
        raise ApiProblem(415, "body.not_json", "Send a JSON object.", "Content-Type: application/json")
    try:
        found = request.get_json()
    except BadRequest as error:
        raise ApiProblem(400, "body.invalid", "The body is not JSON.") from error
    if not isinstance(found, dict):
        raise ApiProblem(400, "body.invalid", "The body must be a JSON object.")
    unknown = sorted(set(found) - set(allowed))
    if unknown:
        known = ", ".join(allowed) or "none"
        raise ApiProblem(400, "field.unknown", f"Unknown field {unknown[0]!r}.", f"Fields: {known}.")
    return found
