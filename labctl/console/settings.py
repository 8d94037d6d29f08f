"""Where the console listens, and where the parts of the lab are: read once from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.settings import Address, env_address

DEFAULT_BIND = "127.0.0.1:8080"
_MANAGEMENT = re.compile(r"([A-Z][A-Z0-9_]*)_MANAGEMENT_ADDR")
# In the order of a purchase; services unknown here follow by name.
SERVICE_ORDER = ("storefront", "catalog", "orders", "payments", "thirdparty")
PEERS = {
    "gateway": "GATEWAY_ADDR",
    "postgres": "POSTGRES_ADDR",
    "collector": "COLLECTOR_HEALTH_ADDR",
    "collector-metrics": "COLLECTOR_METRICS_ADDR",
    "loki": "LOKI_ADDR",
    "jaeger": "JAEGER_QUERY_ADDR",
    "jaeger-health": "JAEGER_HEALTH_ADDR",
    "prometheus": "PROMETHEUS_ADDR",
    "alertmanager": "ALERTMANAGER_ADDR",
    "grafana": "GRAFANA_ADDR",
}


@dataclass(frozen=True)
class ConsoleSettings:
    """A peer without an address is not part of this lab and is not shown."""

    bind: Address
    runtime: str
    version: str
    secrets_dir: Path | None
    peers: Mapping[str, Address]
    services: Mapping[str, Address]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "ConsoleSettings":
        """Raises ConfigurationError naming the variable that is wrong."""
        env = os.environ if environ is None else environ
        secrets = env.get("LAB_SECRETS_DIR")
        return cls(
            bind=env_address(env, "LAB_BIND", DEFAULT_BIND),
            runtime=env.get("LAB_RUNTIME") or "unknown",
            version=env.get("LAB_VERSION") or env.get("LAB_RELEASE") or "dev",
            secrets_dir=Path(secrets) if secrets else None,
            peers={peer: env_address(env, name) for peer, name in PEERS.items() if env.get(name)},
            services=_services(env),
        )

    def secret(self, name: str) -> str | None:
        """A secret as it is now (init may write it after we start), or None while it is not there."""
        if self.secrets_dir is None:
            return None
        try:
            return (self.secrets_dir / name).read_text(encoding="utf-8").strip() or None
        except OSError:
            return None


def _services(env: Mapping[str, str]) -> dict[str, Address]:
    found = {
        match[1].lower().replace("_", "-"): env_address(env, name)
        for name, value in env.items()
        if value and (match := _MANAGEMENT.fullmatch(name))
    }
    rank = {name: position for position, name in enumerate(SERVICE_ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda name: (rank.get(name, len(rank)), name))}
