"""Orders: places an order and has it paid, exactly once per idempotency key."""

import os

import flask

from labkit.app import add_check, add_startup, new_app, on_shutdown
from labkit.database import Pool
from labkit.http import Client
from orders.clients import HttpPayments
from orders.routes import Deps, orders
from orders.settings import Settings
from orders.store import PostgresOrders


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> flask.Flask:
    """The application; settings come from the environment and dependencies from the settings unless given."""
    settings = Settings.from_env(os.environ) if settings is None else settings
    app = new_app(__name__, settings.app)
    app.extensions["orders"] = _deps(app, settings) if deps is None else deps
    app.register_blueprint(orders)
    return app


def _deps(app: flask.Flask, settings: Settings) -> Deps:
    pool = Pool(settings.database)
    store = PostgresOrders(pool, claim_s=settings.claim_s, kept_s=settings.idempotency_key_s)
    client = Client(settings.payments_url, peer="payments", timeout_s=settings.payment_timeout_s)
    add_startup(app, "schema", store.migrate)
    add_check(app, "database", pool.check)
    on_shutdown(app, pool.close)
    on_shutdown(app, client.close)
    return Deps(store, HttpPayments(client))
