"""Settings of the third parties, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.settings import AppSettings, env_float_s, env_int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``latency_seed`` makes two runs wait equally long; 0 takes a fresh seed."""

    app: AppSettings
    latency_median_s: float = 0.015
    latency_ceiling_s: float = 1.0
    latency_seed: int = 20_261
    remembered_charges: int = 10_000

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError naming the variable that is wrong."""
        return cls(
            app=AppSettings.from_env("thirdparty", environ, request_budget_s=5.0),
            latency_median_s=env_float_s(environ, "PROVIDER_LATENCY_MEDIAN_S", 0.015),
            latency_ceiling_s=env_float_s(environ, "PROVIDER_LATENCY_CEILING_S", 1.0),
            latency_seed=env_int(environ, "PROVIDER_LATENCY_SEED", 20_261, minimum=0),
            remembered_charges=env_int(environ, "PROVIDER_REMEMBERED_CHARGES", 10_000, minimum=1),
        )
