"""HTTP as small as it gets, for health probes and management ports: one exchange, one connection, a hard limit.

Probes run every second for every part of the lab; ``http.client`` costs a tenth of a session of ``requests``.
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from labkit.settings import Address

MAX_REPLY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def exchange(
    address: Address, path: str, *, timeout_s: float, method: str = "GET", token: str | None = None, body: object = None
) -> Reply:
    """Send one request. Raises OSError (TimeoutError, ConnectionError ...) or http.client.HTTPException."""
    headers = {"Connection": "close"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(MAX_REPLY_BYTES))
    finally:
        connection.close()
