"""Takes secrets out of text: every value this lab knows as a secret, and whatever looks like one."""

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from labctl.settings import Lab
from labkit.redaction import redact_text

REDACTED = "[redacted]"
# Shorter values would also be found in innocent words; the lab's own secrets have 32 characters and more.
SHORTEST_CHARACTERS = 8
SECRET_VARIABLE = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|API_?KEY", re.IGNORECASE)
_SET_COOKIE = re.compile(r"(?i)(set-cookie|cookie)(\"?\s*[:=]\s*)([^\r\n]+)")


class Redactor:
    """Knows the secret values of one lab. Their encoded forms (URL, base64) count too."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line.strip() for value in values for line in value.splitlines()}
        forms = {form for line in lines if len(line) >= SHORTEST_CHARACTERS for form in _forms(line)}
        self._values = sorted(forms, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """``text`` without secrets."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return redact_text(_SET_COOKIE.sub(rf"\1\2{REDACTED}", text))

    def finds_in(self, text: str) -> bool:
        """Whether a known secret is (still) in ``text``."""
        return any(value in text for value in self._values)


def values_on_disk(lab: Lab) -> list[str]:
    """The content of every file below ``LAB_HOME/secrets``. Raises OSError when one cannot be read."""
    root = lab.secrets_dir
    files = [path for path in root.rglob("*") if path.is_file()] if root.is_dir() else []
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def values_in_environment(environ: Mapping[str, str]) -> list[str]:
    """Values of variables whose names say that they are secrets."""
    return [value for name, value in environ.items() if SECRET_VARIABLE.search(name) and not name.endswith("_FILE")]


def _forms(value: str) -> Iterable[str]:
    raw = value.encode()
    return (
        value,
        quote(value, safe=""),
        base64.b64encode(raw).decode(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    )
