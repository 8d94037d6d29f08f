"""``/``: every part of the lab, and what to try first."""

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from labctl.backends.lab import Component
from labctl.console.parts import parts_of

blueprint = Blueprint("status", __name__)
TROUBLES = ("down", "starting", "unknown")
# How each part is opened, where it has a page.
PAGES = {
    "storefront": "/shop",
    "loki": "/logs",
    "jaeger": "/traces",
    "alertmanager": "/alertmanager",
    "grafana": "/grafana",
}
ROLES = {
    "gateway": "the front door",
    "console": "this page",
    "storefront": "shop, cart and checkout",
    "catalog": "products, search and prices",
    "orders": "orders, kept in PostgreSQL",
    "payments": "payments by card, bank and crypto",
    "thirdparty": "the payment provider, outside the shop",
    "postgres": "the shop's database",
    "collector": "takes in all telemetry and hands it on",
    "loki": "logs",
    "jaeger": "traces",
    "prometheus": "metrics and alert rules; ./lab metrics query asks it",
    "alertmanager": "alerts",
    "grafana": "dashboards",
}


@blueprint.get("/")
def status() -> str:
    """The status page."""
    return render_template("status.html", **_facts())


@blueprint.get("/fragments/status")
def status_fragment() -> str:
    """The changing part of the page, for its script."""
    return render_template("_status.html", **_facts())


@blueprint.get("/healthz")
def healthz() -> Response:
    """The console itself answers; says nothing about the lab."""
    return jsonify({"status": "ok"})


@blueprint.get("/favicon.ico")
def favicon() -> AnyResponse:
    """Browsers ask for it unasked."""
    return redirect(url_for("static", filename="icon.svg"))


def _facts() -> dict[str, object]:
    parts = parts_of(current_app).components()
    return {"parts": parts, "roles": ROLES, "pages": PAGES, "summary": summary(parts), "tone": _tone(parts)}


def summary(parts: Sequence[Component]) -> str:
    """One sentence on the whole lab."""
    counted = [part for part in parts if not _is_absent(part)]
    ready = sum(part.state == "ready" for part in counted)
    if ready == len(counted):
        return f"All {ready} parts are ready."
    troubled = ((state, [part.name for part in counted if part.state == state]) for state in TROUBLES)
    said = " ".join(f"{state.capitalize()}: {', '.join(names)}." for state, names in troubled if names)
    return f"{ready} of {len(counted)} parts are ready. {said}"


def _tone(parts: Sequence[Component]) -> str:
    states = {part.state for part in parts if not _is_absent(part)}
    return "down" if "down" in states else "starting" if states - {"ready"} else "ready"


def _is_absent(part: Component) -> bool:
    return part.state == "unknown" and part.detail.startswith("optional")
