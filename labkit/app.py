"""The Flask application every service starts from: context in, headers out, one shape of error, one line a request."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import flask
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from labkit import correlation, deadline, logs, telemetry
from labkit.errors import ApiError, CannotTell, LabError
from labkit.operations import Check, Operations, Startup, Verb
from labkit.request_body import (
    parse_json,
    query_int,
    require_choice,
    require_int,
    require_list,
    require_object,
    require_str,
)
from labkit.settings import AppSettings

__all__ = [
    "ApiError",
    "add_check",
    "add_startup",
    "add_verb",
    "new_app",
    "on_shutdown",
    "operations",
    "parse_json",
    "query_int",
    "require_choice",
    "require_int",
    "require_list",
    "require_object",
    "require_str",
    "run_startup",
]

_log = logs.get_logger(__name__)
_CODES = {
    400: ("request.malformed", "check the request against the API of the service"),
    404: ("route.unknown", "check the path"),
    405: ("method.not_allowed", "the Allow header names the methods of this path"),
    413: ("body.too_large", "send less"),
    415: ("body.not_json", "send Content-Type: application/json"),
}


def new_app(import_name: str, settings: AppSettings) -> flask.Flask:
    """A Flask app with everything in place that all services share; register blueprints on it.

    It is instrumented (the SERVER span is the current span in a view), takes and gives ``X-Correlation-ID``, takes
    ``X-Request-Deadline``, answers every error in the one JSON shape and sets ``traceresponse`` on every answer.
    """
    app = flask.Flask(import_name)
    FlaskInstrumentor.instrument_app(app, enable_commenter=False)  # type: ignore[no-untyped-call]
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["labkit"] = Operations(settings.service, settings.release)
    app.extensions["labkit.settings"] = settings
    app.before_request(_enter)
    app.after_request(_finish)
    app.teardown_request(_leave)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_error)
    return app


def operations(app: flask.Flask) -> Operations:
    """The checks, startup tasks, verbs and closers of this app."""
    found = app.extensions["labkit"]
    assert isinstance(found, Operations)  # noqa: S101 - new_app put it there
    return found


def add_check(app: flask.Flask, name: str, check: Check) -> None:
    """A condition of readiness: raise to say "not ready"; the message of the exception is shown by ``/readyz``."""
    operations(app).add_check(name, check)


def add_startup(app: flask.Flask, name: str, task: Callable[[], None]) -> None:
    """A task for the background of a fresh worker (schema, seeding), tried every second until it succeeds.

    The service is not ready before. It must be safe to run again.
    """
    operations(app).startups.append(Startup(name, task))


def run_startup(app: flask.Flask) -> None:
    """Run the startup tasks in this thread, once; for tests."""
    operations(app).run_startups_once()


def add_verb(app: flask.Flask, verb: Verb) -> None:
    """One more endpoint of the management port."""
    operations(app).verbs.append(verb)


def on_shutdown(app: flask.Flask, close: Callable[[], None]) -> None:
    """Something to close after the last request; the last one registered is closed first."""
    operations(app).closers.append(close)


def _enter() -> None:
    """Attach what the request brings: correlation id, deadline. Runs inside the SERVER span."""
    settings: AppSettings = flask.current_app.extensions["labkit.settings"]
    flask.g.started_s = time.perf_counter()
    header = flask.request.headers.get(correlation.HEADER)
    context = correlation.into(otel_context.get_current(), correlation.choose(header), {})
    granted_s = deadline.from_header(flask.request.headers.get(deadline.HEADER))
    budget_s = settings.request_budget_s if granted_s is None else min(granted_s, settings.request_budget_s)
    flask.g.context_token = otel_context.attach(deadline.with_budget(context, budget_s))
    telemetry.set_attributes({correlation.BAGGAGE_KEY: correlation.current() or ""})
    if granted_s == 0:
        raise deadline.DeadlineExceeded("the service began")
    length = flask.request.content_length
    if length is not None and length > settings.max_body_bytes:
        raise _too_large(settings.max_body_bytes)


def _finish(response: flask.Response) -> flask.Response:
    """Headers for the caller, and the one line of this request."""
    traceresponse = telemetry.traceresponse()
    if traceresponse is not None:
        response.headers["traceresponse"] = traceresponse
    correlation_id = correlation.current()
    if correlation_id is not None:
        response.headers[correlation.HEADER] = correlation_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    _log_completed(response.status_code)
    return response


def _log_completed(status: int) -> None:
    rule = flask.request.url_rule
    started_s: float | None = flask.g.get("started_s")
    fields: dict[str, Any] = {
        "http.request.method": flask.request.method,
        "http.route": rule.rule if rule is not None else "other",
        "http.response.status_code": status,
    }
    if started_s is not None:
        fields["duration_ms"] = round((time.perf_counter() - started_s) * 1000, 2)
    code = flask.g.get("error_code")
    if code is not None:
        fields["error.code"] = code
    write = _log.warning_event if status >= 500 else _log.event
    write("request.completed", **fields)


def _leave(_error: BaseException | None) -> None:
    token = flask.g.pop("context_token", None)
    if token is not None:
        otel_context.detach(token)


def _answer_http_error(error: HTTPException) -> AnyResponse:
    """An error of werkzeug or Flask (404, 405, 413 ...) in our shape; redirects pass as they are."""
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    if status == 413:
        return _answer(_too_large(flask.current_app.config["MAX_CONTENT_LENGTH"]))
    code, hint = _CODES.get(status, (f"http.{status}", ""))
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "error"
    response = _answer(ApiError(status, code, f"{flask.request.method} {flask.request.path}: {phrase}", hint))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _answer_error(error: Exception) -> flask.Response:
    """An error of ours as its own answer; any other as 500, logged once with its stack."""
    if isinstance(error, ApiError):
        if error.status >= 500:
            telemetry.record_error(error)
        return _answer(error)
    telemetry.record_error(error)
    _log.error_event("request.failed", exc_info=error)
    if isinstance(error, LabError):
        status = 503 if isinstance(error, CannotTell) else 500
        return _answer(ApiError(status, "internal.error", error.message, error.hint, error.context))
    return _answer(
        ApiError(500, "internal.error", "the service failed to handle this request", "look up the trace id in the logs")
    )


def _answer(error: ApiError) -> flask.Response:
    flask.g.error_code = error.code
    body = error.as_json()
    inner = body["error"]
    assert isinstance(inner, dict)  # noqa: S101 - the shape of as_json
    inner["trace_id"] = telemetry.trace_id_hex()
    inner["correlation_id"] = correlation.current()
    response = flask.jsonify(body)
    response.status_code = error.status
    response.headers.update(dict(error.headers))
    trace.get_current_span().set_attribute("lab.error.code", error.code)
    return response


def _too_large(limit_bytes: int) -> ApiError:
    return ApiError(
        413,
        "body.too_large",
        f"the body is larger than {limit_bytes} bytes",
        "send less",
        {"limit_bytes": limit_bytes},
        headers={"Connection": "close"},
    )
