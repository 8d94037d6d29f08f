"""What the storefront remembers of a visitor: a signed cookie in the visitor's browser, and nothing on the server.

The cookie holds the user, the correlation id of the journey, the cart, and what was checked out last. It is signed,
not encrypted: nothing in it is secret. Any replica can serve any visitor.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import flask
from flask import session

from labkit import correlation
from labkit.app import ApiError
from storefront.domain import EMPTY_CART, Cart

COOKIE = "opslab_shop"
LOGIN_PATH = "/shop/api/login"
_CORRELATION = "HTTP_X_CORRELATION_ID"


def log_in(user_id: str, correlation_id: str) -> None:
    """Begin a journey: whatever was remembered before is forgotten."""
    session.clear()
    session.permanent = True
    session["user"] = user_id
    session["correlation"] = correlation_id


def log_out() -> None:
    """End the journey."""
    session.clear()


def user_or_none() -> str | None:
    """Who is logged in."""
    user: str | None = session.get("user")
    return user


def user() -> str:
    """Who is logged in. ApiError 401 ``session.missing``."""
    found = user_or_none()
    if found is None:
        raise ApiError(
            401,
            "session.missing",
            "Nobody is logged in.",
            'POST /shop/api/login with {"user": "<name>"} and keep the cookie.',
        )
    return found


def cart() -> Cart:
    """The cart of this visitor."""
    return _cart(session.get("cart", []))


def keep_cart(changed: Cart) -> None:
    """Replace the cart."""
    session["cart"] = _pairs(changed)


def cart_for(key: str) -> Cart:
    """What a checkout with this key is about: the cart, or for the last key once more what it was about then."""
    return _cart(session["last_checkout"]["cart"]) if _is_last(key) else cart()


def checked_out(key: str, bought: Cart) -> None:
    """Empty the cart and remember what the key stood for, so that it can be repeated; a repetition changes nothing."""
    if _is_last(key):
        return
    keep_cart(EMPTY_CART)
    session["last_checkout"] = {"key": _short(key), "cart": _pairs(bought)}


class JourneyCorrelation:
    """WSGI middleware: a request of a logged-in visitor that brings no correlation id gets the one of the journey.

    It runs before everything else, so that spans, log lines and downstream calls all see the same id. A login begins
    a new journey and takes none over.
    """

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._next = app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if not correlation.is_valid(environ.get(_CORRELATION)) and environ.get("PATH_INFO") != LOGIN_PATH:
            remembered = self._remembered(environ)
            if correlation.is_valid(remembered):
                environ[_CORRELATION] = remembered
        forward: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]] = self._next
        return forward(environ, start_response)

    def _remembered(self, environ: WSGIEnvironment) -> object:
        if COOKIE not in environ.get("HTTP_COOKIE", ""):
            return None
        found = self._app.session_interface.open_session(self._app, self._app.request_class(environ))
        return None if found is None else found.get("correlation")


def _is_last(key: str) -> bool:
    last = session.get("last_checkout")
    return last is not None and last["key"] == _short(key)


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _pairs(cart: Cart) -> list[list[Any]]:
    return [[product_id, quantity] for product_id, quantity in cart.quantities.items()]


def _cart(pairs: Iterable[Iterable[Any]]) -> Cart:
    return Cart({str(product_id): int(quantity) for product_id, quantity in pairs})
