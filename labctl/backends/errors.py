"""What can go wrong when a backend is asked, by what the caller can do about it."""

from labkit.errors import CannotTell, ConfigurationError, LabError


class BackendUnavailable(CannotTell):
    """The backend did not answer, or answered that it cannot: nothing is known. Exit code 3.

    ``backend`` is its name for people (``Loki``), ``url`` what was asked, ``status`` the HTTP status if any.
    """

    def __init__(self, backend: str, url: str, message: str, hint: str, status: int | None = None) -> None:
        super().__init__(message, hint, {"backend": backend, "url": url, "status": status})
        self.backend = backend
        self.status = status


class QueryRefused(ConfigurationError):
    """The backend understood and refused the question (bad query, bad token): change the input. Exit code 2."""

    def __init__(self, backend: str, url: str, message: str, hint: str, status: int) -> None:
        super().__init__(message, hint, {"backend": backend, "url": url, "status": status})
        self.backend = backend
        self.status = status


class NotFound(LabError):
    """The backend answered, and has no such thing. Exit code 1."""
