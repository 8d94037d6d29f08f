"""The catalogue: products, search and prices."""

import os

import flask

from catalog import assortment, telemetry
from catalog.routes import Deps, catalog
from catalog.settings import Settings
from catalog.store import PostgresProducts
from labkit.app import add_check, add_startup, new_app, on_shutdown
from labkit.database import Pool


def create_app(settings: Settings | None = None, deps: Deps | None = None) -> flask.Flask:
    """The application; settings come from the environment and dependencies from the settings unless given."""
    settings = Settings.from_env(os.environ) if settings is None else settings
    app = new_app(__name__, settings.app)
    app.extensions["catalog"] = _deps(app, settings) if deps is None else deps
    app.register_blueprint(catalog)
    return app


def _deps(app: flask.Flask, settings: Settings) -> Deps:
    pool = Pool(settings.database)
    store = PostgresProducts(pool)
    add_startup(app, "products", lambda: _fill(store, settings))
    add_check(app, "database", pool.check)
    on_shutdown(app, pool.close)
    return Deps(store)


def _fill(store: PostgresProducts, settings: Settings) -> None:
    """The schema and the products; nothing is written when they are there already."""
    store.migrate()
    version = assortment.version(settings.products, settings.seed)
    written = store.load(version, assortment.products(settings.products, settings.seed))
    telemetry.assortment_ready(version, written)
