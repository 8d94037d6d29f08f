"""The linters are tests: a warning that nobody runs is no rule."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["ruff", "check", "."], id="lint"),
        pytest.param(["ruff", "format", "--check", "."], id="format"),
        pytest.param(["mypy", "labkit", "labctl"], id="types of library and operator side"),
        pytest.param(["mypy", "services"], id="types of services"),
    ],
)
def test_static_check_finds_nothing(arguments: list[str]) -> None:
    """Lint, format and strict types are clean over everything of ours."""
    result = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
