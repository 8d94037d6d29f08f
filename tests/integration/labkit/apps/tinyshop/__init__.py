"""A service of a few lines that does what a service can do to its runtime: answer, call, ask, wait, fail, log."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flask

from labkit.app import add_check, add_verb, new_app, on_shutdown, parse_json
from labkit.database import DatabaseSettings, Pool
from labkit.http import Client
from labkit.logs import get_logger
from labkit.management import Verb
from labkit.settings import Address, AppSettings, env_address, read_secret

_log = get_logger(__name__)


def create_app(settings: AppSettings | None = None, deps: None = None) -> flask.Flask:
    """Wire the routes."""
    chosen = AppSettings.from_env("tinyshop", os.environ) if settings is None else settings
    app = new_app(__name__, chosen)
    pool, client = _pool(), _client()
    if pool is not None:
        add_check(app, "postgres", pool.check)
        on_shutdown(app, pool.close)
    on_shutdown(app, lambda: _log.event("tinyshop.closed"))
    add_verb(app, Verb("POST", "/double", _double))

    @app.get("/hello/<name>")
    def hello(name: str) -> dict[str, str]:
        return {"hello": name}

    @app.get("/chain")
    def chain() -> dict[str, Any]:
        return {"answer": client.get("/hello/chain", timeout_s=2.0).json()}

    @app.get("/rows")
    def rows() -> dict[str, Any]:
        assert pool is not None
        with pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT generate_series(1, 3) AS number")
            return {"rows": cursor.fetchall()}

    @app.get("/wait")
    def wait() -> dict[str, str]:
        while Path(flask.request.args["while"]).exists():
            time.sleep(0.02)
        return {"waited": "yes"}

    @app.post("/echo")
    def echo() -> dict[str, Any]:
        return parse_json(flask.request)

    @app.get("/boom")
    def boom() -> dict[str, str]:
        raise RuntimeError("charge of 4111 1111 1111 1111 failed, password=hunter2")

    @app.post("/leak")
    def leak() -> dict[str, str]:
        number = parse_json(flask.request)["number"]
        flask.current_app.logger.warning("paying with %s", number)
        _log.event("card.seen", note=f"number {number}", cvc="123", number=number, nested={"pan": number})
        return {"leaked": "no"}

    return app


def _double(body: Mapping[str, Any]) -> tuple[int, Mapping[str, object]]:
    return 200, {"doubled": int(body["value"]) * 2}


def _client() -> Client:
    address: Address = env_address(os.environ, "LAB_BIND")
    return Client(f"http://{address}", peer="tinyshop", timeout_s=2.0)


def _pool() -> Pool | None:
    if "POSTGRES_ADDR" not in os.environ:
        return None
    return Pool(
        DatabaseSettings(
            address=env_address(os.environ, "POSTGRES_ADDR"),
            database="postgres",
            user="postgres",
            password=read_secret(os.environ, "database"),
            max_size=2,
        )
    )
