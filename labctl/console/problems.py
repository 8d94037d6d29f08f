"""Errors of the console: one JSON shape for the API, one page for people."""

from typing import Any

from flask import Flask, Response, current_app, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from labkit.errors import LabError

API_PREFIX = "/api/"


class ApiProblem(LabError):
    """An error with its HTTP ``status`` and a machine-readable ``code``."""

    def __init__(self, status: int, code: str, message: str, hint: str = "", context: dict[str, Any] | None = None):
        super().__init__(message, hint, context)
        self.status = status
        self.code = code


def register_problems(app: Flask) -> None:
    """Answer every error in the form its reader expects."""
    app.register_error_handler(ApiProblem, _api_problem)
    app.register_error_handler(LabError, _lab_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _api_problem(problem: ApiProblem) -> tuple[Response, int] | tuple[str, int]:
    return _answer(problem.status, problem.code, problem)


def _lab_error(error: LabError) -> tuple[Response, int] | tuple[str, int]:
    status = {3: 503, 2: 400}.get(error.exit_code, 404)
    return _answer(status, {503: "backend.unavailable", 400: "input.invalid"}.get(status, "not_found"), error)


def _http_error(error: HTTPException) -> tuple[Response, int] | tuple[str, int] | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    hints = {
        404: "`/` links to every page.",
        413: "The body is too large.",
        415: "Send JSON: Content-Type application/json.",
    }
    said = LabError(error.description or error.name, hints.get(status, ""))
    return _answer(status, error.name.lower().replace(" ", "_"), said)


def _unexpected(error: Exception) -> tuple[Response, int] | tuple[str, int]:
    current_app.logger.exception("request.failed", exc_info=error)
    said = LabError("The console made a mistake; its log says more.", "`./lab support-bundle` collects the log.")
    return _answer(500, "console.defect", said)


def _answer(status: int, code: str, error: LabError) -> tuple[Response, int] | tuple[str, int]:
    if not request.path.startswith(API_PREFIX):
        return render_template("problem.html", status=status, error=error), status
    details = {"message": error.message, "hint": error.hint, "context": dict(error.context)}
    answer = jsonify({"error": {"code": code, **details}})
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="lab operator"'
    return answer, status
