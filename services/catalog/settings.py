"""Settings of the catalogue, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.database import DatabaseSettings
from labkit.settings import AppSettings, env_int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``products`` and ``seed`` say which assortment is generated; changing either replaces it at the next start."""

    app: AppSettings
    database: DatabaseSettings
    products: int = 24_000
    seed: int = 20_261

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError naming the variable that is wrong."""
        return cls(
            app=AppSettings.from_env("catalog", environ, request_budget_s=5.0),
            database=DatabaseSettings.from_env("catalog", environ),
            products=env_int(environ, "CATALOG_PRODUCTS", 24_000, minimum=1, maximum=1_000_000),
            seed=env_int(environ, "CATALOG_SEED", 20_261),
        )
