"""Settings from the environment: every value checked once, every error names its variable.

A variable that is unset or empty takes the default; without a default that is a ``ConfigurationError``.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from labkit.errors import ConfigurationError

Environ = Mapping[str, str]
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens or is reached; ``str()`` gives ``host:port``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def env_str(environ: Environ, name: str, default: str | None = None) -> str:
    """The text of a variable; ``default=None`` makes it required."""
    value = environ.get(name, "")
    if value:
        return value
    if default is None:
        raise _invalid(name, "is not set", f"set {name}")
    return default


def env_int(
    environ: Environ,
    name: str,
    default: int | None = None,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
) -> int:
    """A whole number within the bounds (both included)."""
    text = env_str(environ, name, None if default is None else str(default))
    try:
        value = int(text)
    except ValueError:
        raise _invalid(name, f"is {text!r}, not a whole number", f"set {name} to a whole number") from None
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise _invalid(name, f"is {value}, outside {minimum}..{maximum}", f"set {name} to a number in that range")
    return value


def env_float_s(
    environ: Environ,
    name: str,
    default: float | None = None,
    *,
    minimum: float = 0.001,
    maximum: float = 3600.0,
) -> float:
    """A number of seconds within the bounds; never NaN or infinite."""
    text = env_str(environ, name, None if default is None else str(default))
    try:
        value = float(text)
    except ValueError:
        raise _invalid(name, f"is {text!r}, not a number of seconds", f"set {name} to seconds, e.g. 2.5") from None
    if not math.isfinite(value) or not minimum <= value <= maximum:
        raise _invalid(name, f"is {text} s, outside {minimum}..{maximum} s", f"set {name} to seconds in that range")
    return value


def env_choice(environ: Environ, name: str, choices: Collection[str], default: str | None = None) -> str:
    """One of the words in ``choices``."""
    value = env_str(environ, name, default)
    if value not in choices:
        raise _invalid(name, f"is {value!r}", f"set {name} to one of: {', '.join(sorted(choices))}")
    return value


def env_address(environ: Environ, name: str, default: str | None = None) -> Address:
    """A ``host:port``; an IPv6 host stands in brackets."""
    text = env_str(environ, name, default)
    host, separator, port_text = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    valid_port = port_text.isascii() and port_text.isdigit() and 0 <= int(port_text) <= 65535
    if not separator or not host or not valid_port or "/" in host or " " in host:
        raise _invalid(name, f"is {text!r}, not host:port", f"set {name} to host:port, e.g. 127.0.0.1:8080")
    return Address(host, int(port_text))


def env_url(environ: Environ, name: str, default: str | None = None) -> str:
    """An ``http`` or ``https`` URL without user, query or fragment; a trailing slash is removed."""
    text = env_str(environ, name, default)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.query or parts.fragment:
        raise _invalid(name, "is not a plain http URL", f"set {name} to a URL such as http://127.0.0.1:8080")
    return text.rstrip("/")


def read_secret(environ: Environ, name: str) -> str:
    """The secret ``name`` of this process: the text of ``<LAB_SECRETS_DIR>/<name>``.

    Raises ``ConfigurationError`` when the file is missing, unreadable or empty. The error carries the path, never
    any of the content.
    """
    if not _SECRET_NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is not the name of a secret", "use lower-case words joined by dashes")
    path = Path(env_str(environ, "LAB_SECRETS_DIR")) / name
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"secret {name!r} cannot be read at {path}: {type(error).__name__}",
            "LAB_SECRETS_DIR must be this component's own directory; `labkit.init` creates it",
            {"path": str(path)},
        ) from error
    if not value:
        raise ConfigurationError(f"secret {name!r} at {path} is empty", "remove the file and run `labkit.init` again")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """What every service needs to know about itself; embed it as field ``app`` of the service's own settings."""

    service: str
    release: str = "dev"
    request_budget_s: float = 10.0
    max_body_bytes: int = 1_048_576
    log_level: str = "INFO"

    @classmethod
    def from_env(cls, service: str, environ: Environ, *, request_budget_s: float = 10.0) -> "AppSettings":
        """LAB_RELEASE, LAB_REQUEST_BUDGET_S, LAB_MAX_BODY_BYTES, LAB_LOG_LEVEL, each with the default of its field."""
        return cls(
            service=service,
            release=env_str(environ, "LAB_RELEASE", "dev"),
            request_budget_s=env_float_s(environ, "LAB_REQUEST_BUDGET_S", request_budget_s, maximum=300.0),
            max_body_bytes=env_int(environ, "LAB_MAX_BODY_BYTES", 1_048_576, minimum=1024, maximum=67_108_864),
            log_level=env_choice(environ, "LAB_LOG_LEVEL", LOG_LEVELS, "INFO"),
        )


def _invalid(name: str, problem: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{name} {problem}", hint, {"variable": name})
