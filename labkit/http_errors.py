"""The three ways in which a peer does not give an answer. ``labkit.http`` raises them and exports them."""

import json as json_module
from collections.abc import Mapping

from labkit.errors import ApiError


class PeerTimeout(ApiError):
    """The peer did not answer in time; whether it did the work is not known. 504 ``peer.timeout``."""

    def __init__(self, peer: str, timeout_s: float) -> None:
        super().__init__(
            504,
            "peer.timeout",
            f"{peer} did not answer within {timeout_s:.2f} s",
            "look at the trace for where the time went",
            {"peer": peer, "timeout_s": round(timeout_s, 3)},
        )
        self.peer = peer


class PeerUnavailable(ApiError):
    """The peer could not be reached: refused, reset or unknown. 503 ``peer.unavailable``."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(
            503, "peer.unavailable", f"{peer} cannot be reached: {reason}", f"see whether {peer} runs", {"peer": peer}
        )
        self.peer = peer


class PeerError(ApiError):
    """The peer answered, with an error or with something that is not an answer. 502 ``peer.error``.

    ``peer_status``, ``peer_code`` and ``peer_message`` are what the peer said, empty where it did not.
    """

    def __init__(self, peer: str, peer_status: int, body: bytes, *, code: str = "peer.error") -> None:
        error = _error_object(body)
        self.peer = peer
        self.peer_status = peer_status
        self.peer_code = str(error.get("code", ""))
        self.peer_message = str(error.get("message", ""))
        self.body = body
        context = {"peer": peer, "peer_status": peer_status, "peer_code": self.peer_code}
        said = f" ({self.peer_code})" if self.peer_code else ""
        super().__init__(
            502, code, f"{peer} answered {peer_status}{said}", f"look at the spans of {peer} in the trace", context
        )


def _error_object(body: bytes) -> Mapping[str, object]:
    try:
        found = json_module.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}
