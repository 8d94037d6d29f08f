"""What keeps other sites out of a visitor's session: origin checks before, security headers after."""

from urllib.parse import urlsplit

import flask
from flask import request

from labkit.app import ApiError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITE = frozenset({"same-origin", "none"})
# Everything the page needs comes from the storefront itself; nothing is inline, nothing may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def refuse_other_sites() -> None:
    """ApiError 403 ``origin.foreign`` when another site's page sends a request that changes something.

    Browsers send Origin (and newer ones Sec-Fetch-Site) with every such request; tools that are no browsers send
    neither and have no cookie to abuse. SameSite=Lax on the cookie and JSON bodies are the other two hurdles.
    """
    if request.method in SAFE_METHODS:
        return
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if (origin is not None and urlsplit(origin).netloc != request.host) or (site is not None and site not in OWN_SITE):
        raise ApiError(
            403,
            "origin.foreign",
            "This request comes from the page of another site.",
            f"Send it from a page of {request.host}, or without an Origin header.",
        )


def add_security_headers(response: flask.Response) -> flask.Response:
    """Headers of every answer of the shop."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if not request.path.startswith("/shop/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
