"""Settings of the services: defaults that work together, and errors that name the variable."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import catalog.settings
import orders.settings
import payments.settings
import storefront.settings
import thirdparty.settings
from labkit.errors import ConfigurationError

FromEnv = Callable[[Mapping[str, str]], object]
SERVICES: dict[str, FromEnv] = {
    "storefront": storefront.settings.Settings.from_env,
    "catalog": catalog.settings.Settings.from_env,
    "orders": orders.settings.Settings.from_env,
    "payments": payments.settings.Settings.from_env,
    "thirdparty": thirdparty.settings.Settings.from_env,
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment that suits every service."""
    for secret in ("session-key", "database"):
        (tmp_path / secret).write_text(f"the-{secret}")
    return {
        "LAB_SECRETS_DIR": str(tmp_path),
        "POSTGRES_ADDR": "127.0.0.1:5432",
        "CATALOG_URL": "http://catalog:8080",
        "ORDERS_URL": "http://orders:8080",
        "PAYMENTS_URL": "http://payments:8080",
        "THIRDPARTY_URL": "http://thirdparty:8080",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_settings_show_no_secret(service: str, environ: dict[str, str]) -> None:
    """Settings end up in error messages and debuggers."""
    shown = repr(SERVICES[service](environ))
    assert "the-" not in shown


@pytest.mark.parametrize(
    ("service", "variable", "value"),
    [
        pytest.param("storefront", "CATALOG_URL", "", id="missing url"),
        pytest.param("storefront", "STOREFRONT_SESSION_S", "1", id="session too short"),
        pytest.param("catalog", "POSTGRES_ADDR", "postgres", id="address without port"),
        pytest.param("catalog", "CATALOG_PRODUCTS", "many", id="no number"),
        pytest.param("orders", "ORDERS_CLAIM_S", "-1", id="negative seconds"),
        pytest.param("payments", "PROVIDER_TIMEOUT_S", "nan", id="not a number"),
        pytest.param("thirdparty", "PROVIDER_REMEMBERED_CHARGES", "0", id="no memory"),
    ],
)
def test_a_wrong_setting_is_named(service: str, variable: str, value: str, environ: dict[str, str]) -> None:
    """Whoever starts a service reads which variable to mend."""
    with pytest.raises(ConfigurationError, match=variable):
        SERVICES[service]({**environ, variable: value})


def test_time_limits_shrink_on_the_way_down(environ: dict[str, str]) -> None:
    """A caller waits longer than the one it calls, or the deeper one works for nobody."""
    front = storefront.settings.Settings.from_env(environ)
    middle = orders.settings.Settings.from_env(environ)
    back = payments.settings.Settings.from_env(environ)
    assert front.app.request_budget_s > front.orders_timeout_s > middle.payment_timeout_s > back.provider_timeout_s
    assert middle.claim_s > middle.payment_timeout_s
