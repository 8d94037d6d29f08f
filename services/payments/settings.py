"""Settings of payments, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.settings import AppSettings, env_float_s, env_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``provider_timeout_s``: the longest wait for the provider; a caller's deadline may shorten it."""

    app: AppSettings
    provider_url: str
    provider_timeout_s: float = 3.0

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError naming the variable that is wrong."""
        return cls(
            app=AppSettings.from_env("payments", environ, request_budget_s=5.0),
            provider_url=env_url(environ, "THIRDPARTY_URL"),
            provider_timeout_s=env_float_s(environ, "PROVIDER_TIMEOUT_S", 3.0),
        )
