"""Settings of orders, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.database import DatabaseSettings
from labkit.settings import AppSettings, env_float_s, env_int, env_url

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``claim_s``: how long one request may be at work on an idempotency key before another may take over.

    It must outlast the payment, or two requests would pay at once; payments and the provider would still charge once,
    because both know the order by its id.
    """

    app: AppSettings
    database: DatabaseSettings
    payments_url: str
    payment_timeout_s: float = 4.0
    claim_s: float = 6.0
    idempotency_key_s: int = DAY_S

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError naming the variable that is wrong."""
        return cls(
            app=AppSettings.from_env("orders", environ, request_budget_s=8.0),
            database=DatabaseSettings.from_env("orders", environ),
            payments_url=env_url(environ, "PAYMENTS_URL"),
            payment_timeout_s=env_float_s(environ, "ORDERS_PAYMENT_TIMEOUT_S", 4.0),
            claim_s=env_float_s(environ, "ORDERS_CLAIM_S", 6.0),
            idempotency_key_s=env_int(environ, "ORDERS_IDEMPOTENCY_KEY_S", DAY_S, minimum=60),
        )
