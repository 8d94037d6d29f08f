"""The console: status page, trace view, log search and ``/api/lab``; works while the parts it shows are broken."""

from flask import Flask, Response

from labctl.console import api, log_page, status_page, trace_pages
from labctl.console.board import Board
from labctl.console.parts import KEY, Parts
from labctl.console.probes import probes_of
from labctl.console.problems import register_problems
from labctl.console.settings import ConsoleSettings
from labctl.console.view import register_filters

MAX_BODY_BYTES = 16 * 1024
# No inline script or style, nothing from another host, in no frame.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(settings: ConsoleSettings | None = None, board: Board | None = None) -> Flask:
    """Wire settings, state board, backends and pages. The board is not started: see :mod:`labctl.console.serve`."""
    known = settings or ConsoleSettings.from_env()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions[KEY] = Parts.of(known, board or Board(probes_of(known)))
    for blueprint in (api.blueprint, status_page.blueprint, trace_pages.blueprint, log_page.blueprint):
        app.register_blueprint(blueprint)
    register_filters(app)
    register_problems(app)
    app.after_request(_secure)
    return app


def _secure(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response
