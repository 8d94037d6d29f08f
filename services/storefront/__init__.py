"""The storefront: the shop's page and API, in front of the catalogue and orders."""

import os
from datetime import timedelta

import flask

from labkit.app import new_app, on_shutdown
from labkit.http import Client
from storefront.clients import HttpCatalog, HttpOrders
from storefront.routes import Deps, shop
from storefront.settings import Settings
from storefront.store import COOKIE, JourneyCorrelation


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> flask.Flask:
    """The application; settings come from the environment and dependencies from the settings unless given."""
    settings = Settings.from_env(os.environ) if settings is None else settings
    app = new_app(__name__, settings.app)
    app.config.update(_session(settings))
    app.extensions["storefront"] = _deps(app, settings) if deps is None else deps
    app.register_blueprint(shop)
    app.wsgi_app = JourneyCorrelation(app)  # type: ignore[method-assign]  # how Flask takes middleware
    return app


def _session(settings: Settings) -> dict[str, object]:
    """The cookie. Not ``Secure``: the lab is served over http on the loopback interface.

    It is sent only when it changed: a slow search must not bring back the cart of a moment ago.
    """
    return {
        "SECRET_KEY": settings.session_key,
        "SESSION_COOKIE_NAME": COOKIE,
        "SESSION_COOKIE_PATH": "/shop",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": timedelta(seconds=settings.session_s),
    }


def _deps(app: flask.Flask, settings: Settings) -> Deps:
    catalog = Client(settings.catalog_url, peer="catalog", timeout_s=settings.catalog_timeout_s)
    orders = Client(settings.orders_url, peer="orders", timeout_s=settings.orders_timeout_s)
    on_shutdown(app, catalog.close)
    on_shutdown(app, orders.close)
    return Deps(HttpCatalog(catalog), HttpOrders(orders))
