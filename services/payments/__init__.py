"""Payments: checks an instrument, turns it into a token and asks the payment provider."""

import os
import secrets
from datetime import UTC, date, datetime

import flask

from labkit.app import new_app, on_shutdown
from labkit.http import Client
from payments.clients import HttpPaymentProvider
from payments.routes import Deps, payments
from payments.settings import Settings


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> flask.Flask:
    """The application; settings come from the environment and dependencies from the settings unless given."""
    settings = Settings.from_env(os.environ) if settings is None else settings
    app = new_app(__name__, settings.app)
    app.extensions["payments"] = _deps(app, settings) if deps is None else deps
    app.register_blueprint(payments)
    return app


def _deps(app: flask.Flask, settings: Settings) -> Deps:
    client = Client(settings.provider_url, peer="thirdparty", timeout_s=settings.provider_timeout_s)
    on_shutdown(app, client.close)
    return Deps(HttpPaymentProvider(client), _today, secrets.token_bytes(32))


def _today() -> date:
    return datetime.now(UTC).date()
