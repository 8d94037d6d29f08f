"""Where this lab lives: folders, ports and address, read once from the environment.

Everything else asks a :class:`Lab`; nothing else reads ``LAB_*`` variables of the operator's side.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import ConfigurationError

DEFAULT_PORT = 3000
DEFAULT_OTLP_PORT = 4318
CHECKOUT = Path(__file__).resolve().parent.parent

# Inner ports lie below Linux's ephemeral range (32768 and up), 32 for each lab. 398 blocks fit between
# 20000 and 32735, so labs on neighbouring LAB_PORTs never meet; two labs whose ports differ by a multiple
# of 398 do, and then LAB_INNER_PORT moves one of them.
INNER_FIRST = 20000
INNER_BLOCK = 32
INNER_BLOCKS = 398


@dataclass(frozen=True)
class Lab:
    """One lab on this machine. Ports are TCP on 127.0.0.1; ``url`` is where its front door answers."""

    checkout: Path
    home: Path
    port: int
    otlp_port: int
    inner_port: int
    url: str
    token: str | None
    is_remote: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Lab":
        """Read the environment; what it does not say comes from the last ``lab up`` in the same LAB_HOME.

        Raises ConfigurationError when a port is not a number between 1 and 65535 or LAB_URL is no http URL.
        """
        env = os.environ if environ is None else environ
        home = Path(env.get("LAB_HOME") or CHECKOUT / ".lab").expanduser().absolute()
        remembered = _remembered(home)
        port = _port(env, "LAB_PORT", remembered.get("port", DEFAULT_PORT))
        moved_otlp = DEFAULT_OTLP_PORT + port - DEFAULT_PORT
        otlp_default = moved_otlp if 1024 <= moved_otlp <= 65535 else DEFAULT_OTLP_PORT
        same_port = remembered.get("port") == port
        otlp_port = _port(env, "LAB_OTLP_PORT", remembered["otlp_port"] if same_port else otlp_default)
        block_start = INNER_FIRST + (port % INNER_BLOCKS) * INNER_BLOCK
        inner_port = _port(env, "LAB_INNER_PORT", remembered["inner_port"] if same_port else block_start)
        local_url = f"http://127.0.0.1:{port}"
        url = _url(env.get("LAB_URL") or local_url)
        return cls(
            checkout=CHECKOUT,
            home=home,
            port=port,
            otlp_port=otlp_port,
            inner_port=inner_port,
            url=url,
            token=env.get("LAB_TOKEN") or None,
            is_remote=url != local_url,
        )

    @property
    def instance(self) -> str:
        """Short name of this lab on this machine, by its LAB_HOME; marks every process that belongs to it."""
        return hashlib.sha256(str(self.home).encode()).hexdigest()[:12]

    @property
    def socket_dir(self) -> Path:
        """Where this user's labs keep their sockets: a short path, since a socket's may have 107 bytes only."""
        base = os.environ.get("XDG_RUNTIME_DIR")
        return Path(base) / "opslab" if base else Path("/tmp") / f"opslab-{os.getuid()}"  # noqa: S108 - mode 0700

    @property
    def secrets_dir(self) -> Path:
        """Native runtime only; in containers secrets live in a volume."""
        return self.home / "secrets"

    @property
    def logs_dir(self) -> Path:
        """One file per component of the native runtime."""
        return self.home / "logs"

    @property
    def data_dir(self) -> Path:
        """What the stores keep; removed by ``down --volumes``."""
        return self.home / "data"

    @property
    def project(self) -> str:
        """Name of the Compose project: one per front port, so that two labs share no container or volume."""
        return "opslab" if self.port == DEFAULT_PORT else f"opslab-{self.port}"

    def operator_token(self) -> str | None:
        """The token for changes through ``/api/lab``, or None when this machine has none for ``url``.

        A token is bound to its origin: the one in LAB_HOME is for the local lab only and never sent to
        another LAB_URL, which needs LAB_TOKEN.
        """
        if self.token:
            return self.token
        if self.is_remote:
            return None
        file = self.secrets_dir / "console" / "operator"
        return file.read_text(encoding="utf-8").strip() if file.is_file() else None

    def remember(self, runtime: str) -> None:
        """Write what later commands in the same LAB_HOME should find without being told."""
        self.home.mkdir(parents=True, exist_ok=True)
        state = {
            "port": self.port,
            "otlp_port": self.otlp_port,
            "inner_port": self.inner_port,
            "runtime": runtime,
        }
        scratch = self.home / "lab.json.new"
        scratch.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
        scratch.replace(self.home / "lab.json")

    def remembered_runtime(self) -> str | None:
        """``docker`` or ``native`` if a lab was brought up from this LAB_HOME, else None."""
        runtime = _remembered(self.home).get("runtime")
        return str(runtime) if runtime else None


def _remembered(home: Path) -> dict[str, int]:
    file = home / "lab.json"
    if not file.is_file():
        return {}
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error}", "Remove that file; `lab up` writes it again.", {"file": str(file)}
        ) from error
    return dict(state)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise ConfigurationError(
        f"{name}={text!r} is not a port.", f"Set {name} to a number between 1 and 65535.", {"variable": name}
    )


def _url(text: str) -> str:
    if text.startswith(("http://", "https://")):
        return text.rstrip("/")
    raise ConfigurationError(
        f"LAB_URL={text!r} is not an http or https address.",
        "Set it to the lab's front door, for example http://127.0.0.1:3000.",
        {"variable": "LAB_URL"},
    )
