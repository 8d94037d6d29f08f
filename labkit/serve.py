"""``python -m labkit.serve <service>``: check the settings, prepare the environment, run gunicorn.

Exit codes: 2 for a wrong setting (one JSON line on stdout says which), otherwise gunicorn's own: 0 after a clean stop,
3 when the app cannot be imported or made.
"""

import importlib
import importlib.util
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import Any

from labkit.errors import ConfigurationError, LabError
from labkit.settings import AppSettings, Environ, env_address, env_int, read_secret

_SERVICE = re.compile(r"[a-z][a-z0-9_]{1,31}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the service named by the only argument, until a signal or ``POST /restart``."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if len(words) != 1:
            raise ConfigurationError("exactly one service must be named", "python -m labkit.serve <service>")
        _serve(words[0])
    except LabError as error:
        sys.stdout.write(json.dumps(error.as_json()) + "\n")
        return error.exit_code
    return 0


def prepare_environment(settings: AppSettings) -> None:
    """Put in place what OpenTelemetry reads; what the operator has set stays, except for who this service is."""
    from labkit import telemetry_environment  # noqa: PLC0415 - after the arguments are known to be good

    for name, value in telemetry_environment.variables().items():
        os.environ.setdefault(name, value)
    os.environ.update(telemetry_environment.identity(settings, database=_has_database(os.environ)))


def _serve(service: str) -> None:
    if not _SERVICE.fullmatch(service) or importlib.util.find_spec(service) is None:
        raise ConfigurationError(
            f"there is no service called {service!r}", "services/ must be on PYTHONPATH", {"service": service}
        )
    app_settings = AppSettings.from_env(service, os.environ)
    prepare_environment(app_settings)
    _end_by_default_on_signals()

    from labkit import gunicorn_conf, logs  # noqa: PLC0415 - heavy; only once the settings are good

    logs.configure(service, app_settings.log_level)
    hooks = gunicorn_conf.Hooks(_server_settings(app_settings, os.environ))
    gunicorn_conf.warm_up(database=_has_database(os.environ))
    _gunicorn(service, hooks.options()).run()


def _server_settings(app: AppSettings, environ: Environ) -> Any:
    from labkit.gunicorn_conf import ServerSettings  # noqa: PLC0415 - see above

    return ServerSettings(
        app=app,
        bind=env_address(environ, "LAB_BIND"),
        management_bind=env_address(environ, "LAB_MANAGEMENT_BIND"),
        management_token=read_secret(environ, "management"),
        scrape_token=read_secret(environ, "scrape"),
        threads=env_int(environ, "LAB_THREADS", 8, minimum=1, maximum=64),
        graceful_timeout_s=env_int(environ, "LAB_GRACEFUL_TIMEOUT_S", 10, minimum=1, maximum=10),
    )


def _has_database(environ: Environ) -> bool:
    return bool(environ.get("POSTGRES_ADDR"))


def _end_by_default_on_signals() -> None:
    """A parent that ignores SIGINT (a shell's background job) must not make us ignore it too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _gunicorn(service: str, options: dict[str, Any]) -> Any:
    from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # noqa: PLC0415

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            # In the worker, after the telemetry is up: what a service module does at import is instrumented.
            return importlib.import_module(service).create_app()

    return Application()


if __name__ == "__main__":
    sys.exit(main())
