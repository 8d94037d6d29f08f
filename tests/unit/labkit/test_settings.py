"""Settings from the environment."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit import settings
from labkit.errors import ConfigurationError
from labkit.settings import Address, AppSettings


def test_an_unset_and_an_empty_variable_take_the_default() -> None:
    """`${NAME:-}` in compose gives an empty text; it means the same as none."""
    assert settings.env_str({}, "A", "x") == settings.env_str({"A": ""}, "A", "x") == "x"
    assert settings.env_int({"A": ""}, "A", 0) == 0


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (settings.env_str, ""),
        (settings.env_int, "many"),
        (lambda environ, name: settings.env_int(environ, name, minimum=1, maximum=9), "10"),
        (settings.env_float_s, "soon"),
        (settings.env_float_s, "nan"),
        (settings.env_float_s, "inf"),
        (settings.env_float_s, "0"),
        (settings.env_float_s, "-1"),
        (settings.env_address, "8080"),
        (settings.env_address, ":8080"),
        (settings.env_address, "host:"),
        (settings.env_address, "host:65536"),
        (settings.env_address, "host:-1"),
        (settings.env_address, "host:²"),
        (settings.env_address, "http://host:80"),
        (settings.env_url, "host:80"),
        (settings.env_url, "ftp://host"),
        (settings.env_url, "http://"),
        (settings.env_url, "http://user:secret@host"),
        (settings.env_url, "http://host:99999"),
        (settings.env_url, "http://host/?a=1"),
        (lambda environ, name: settings.env_choice(environ, name, ("a", "b")), "c"),
    ],
)
def test_a_wrong_value_is_refused_by_name(read: Callable[..., Any], value: str) -> None:
    """Every refusal is a configuration error that names the variable and says what to set."""
    with pytest.raises(ConfigurationError, match="LAB_THING") as caught:
        read({"LAB_THING": value}, "LAB_THING")
    assert caught.value.hint
    assert caught.value.context == {"variable": "LAB_THING"}


def test_an_error_does_not_show_a_password_in_a_url() -> None:
    """A URL with a password is refused without repeating it."""
    with pytest.raises(ConfigurationError) as caught:
        settings.env_url({"A": "http://user:hunter2@host"}, "A")
    assert "hunter2" not in str(caught.value.as_json())


@pytest.mark.parametrize(
    ("text", "address"),
    [("0.0.0.0:8080", Address("0.0.0.0", 8080)), ("[::1]:80", Address("::1", 80)), ("db:0", Address("db", 0))],
)
def test_an_address_round_trips(text: str, address: Address) -> None:
    """host:port in, host:port out, with brackets for IPv6."""
    assert settings.env_address({"A": text}, "A") == address
    assert str(address) == text


def test_a_url_loses_its_trailing_slash() -> None:
    """Paths are appended with their own slash."""
    assert settings.env_url({"A": "http://catalog:8080/"}, "A") == "http://catalog:8080"


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """The text of the file, without the line break that editors add."""
    (tmp_path / "otlp").write_text("value\n")
    assert settings.read_secret({"LAB_SECRETS_DIR": str(tmp_path)}, "otlp") == "value"


@pytest.mark.parametrize("name", ["../otlp", "otlp/x", "", "OTLP", "."])
def test_a_secret_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Only plain names; a name cannot leave the folder."""
    with pytest.raises(ConfigurationError, match="not the name of a secret"):
        settings.read_secret({"LAB_SECRETS_DIR": str(tmp_path)}, name)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"], ids=["missing", "empty", "blank", "binary"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty and unreadable secrets are configuration errors with the path."""
    if content is not None:
        (tmp_path / "otlp").write_bytes(content)
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        settings.read_secret({"LAB_SECRETS_DIR": str(tmp_path)}, "otlp")


def test_app_settings_have_visible_defaults() -> None:
    """The environment may be empty, and each variable changes its field."""
    assert AppSettings.from_env("shop", {}) == AppSettings(service="shop")
    assert AppSettings.from_env("shop", {}, request_budget_s=3.0).request_budget_s == 3.0
    changed = AppSettings.from_env(
        "shop",
        {
            "LAB_RELEASE": "2.0",
            "LAB_REQUEST_BUDGET_S": "4",
            "LAB_MAX_BODY_BYTES": "4096",
            "LAB_LOG_LEVEL": "DEBUG",
        },
    )
    assert changed == AppSettings(
        service="shop", release="2.0", request_budget_s=4.0, max_body_bytes=4096, log_level="DEBUG"
    )
