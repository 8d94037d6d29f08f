"""The one family of errors of OpsLab.

A message says what happened and where; the hint says what to do next. Subclasses differ only in what the
caller can do about them, which is why each carries the exit code that the command line documents.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar


class LabError(Exception):
    """Something failed. ``exit_code`` 1: the question was asked and the answer is "failed".

    ``context`` holds the facts a reader needs to check the message (paths, ports, versions); its values are
    shown to people and written to JSON, so never put a secret there.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", context: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: Mapping[str, object] = MappingProxyType(dict(context or {}))

    def as_json(self) -> dict[str, object]:
        """The one JSON shape of an error: ``{"error": {"message", "hint", "context"}}``."""
        return {"error": {"message": self.message, "hint": self.hint, "context": dict(self.context)}}


class ConfigurationError(LabError):
    """Usage or configuration is wrong; the caller must change the input. Exit code 2."""

    exit_code: ClassVar[int] = 2


class CannotTell(LabError):
    """The question could not be asked (a backend is down, the answer did not come). Exit code 3."""

    exit_code: ClassVar[int] = 3


class ApiError(LabError):
    """An error that has an answer: an HTTP status and a machine-readable code from a closed set (``product.unknown``).

    ``labkit.app`` and ``labkit.management`` serialise it; ``headers`` are added to that answer (``Retry-After``).
    Message and hint are shown to the caller as they are.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        context: Mapping[str, object] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint, context)
        self.status = status
        self.code = code
        self.headers: Mapping[str, str] = MappingProxyType(dict(headers or {}))

    def as_json(self) -> dict[str, object]:
        """The one JSON shape, with the code: ``{"error": {"code", "message", "hint", "context"}}``."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint, "context": dict(self.context)}}
