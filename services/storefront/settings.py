"""Settings of the storefront, read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labkit.settings import AppSettings, env_float_s, env_int, env_url, read_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``session_key`` signs the session cookie; ``session_s`` is how long a login lasts."""

    app: AppSettings
    catalog_url: str
    orders_url: str
    session_key: str = field(repr=False)
    session_s: int = 43_200
    catalog_timeout_s: float = 3.0
    orders_timeout_s: float = 6.0

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError naming the variable that is wrong."""
        return cls(
            app=AppSettings.from_env("storefront", environ, request_budget_s=10.0),
            catalog_url=env_url(environ, "CATALOG_URL"),
            orders_url=env_url(environ, "ORDERS_URL"),
            session_key=read_secret(environ, "session-key"),
            session_s=env_int(environ, "STOREFRONT_SESSION_S", 43_200, minimum=60),
            catalog_timeout_s=env_float_s(environ, "STOREFRONT_CATALOG_TIMEOUT_S", 3.0),
            orders_timeout_s=env_float_s(environ, "STOREFRONT_ORDERS_TIMEOUT_S", 6.0),
        )
