"""The third parties of the shop: systems that somebody else runs. Today the payment provider."""

import os
import threading
import time
from collections.abc import Callable
from random import Random

import flask

from labkit.app import new_app
from thirdparty.domain import Latency
from thirdparty.routes import Deps, payment_provider
from thirdparty.settings import Settings
from thirdparty.store import ChargeStore


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> flask.Flask:
    """The application; settings come from the environment and dependencies from the settings unless given."""
    settings = Settings.from_env(os.environ) if settings is None else settings
    app = new_app(__name__, settings.app)
    app.extensions["thirdparty"] = _deps(settings) if deps is None else deps
    app.register_blueprint(payment_provider)
    return app


def _deps(settings: Settings) -> Deps:
    latency = Latency(median_s=settings.latency_median_s, ceiling_s=settings.latency_ceiling_s)
    random = Random(settings.latency_seed or None)  # noqa: S311 - a latency, not a secret
    return Deps(ChargeStore(settings.remembered_charges), _thinker(latency, random))


def _thinker(latency: Latency, random: Random) -> Callable[[], None]:
    """A function that sleeps as the profile says. The lock keeps the sequence of draws whole among threads."""
    lock = threading.Lock()

    def think() -> None:
        with lock:
            delay_s = latency.sample_s(random)
        time.sleep(delay_s)

    return think
