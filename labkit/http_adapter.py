"""Reading an answer whole, in bounded time and size, inside the span of the call."""

import time
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

_CHUNK_BYTES = 65_536


class AnswerTooLarge(Exception):
    """The body went on beyond the limit; ``status`` is the answer's."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class WholeAnswerAdapter(HTTPAdapter):
    """Reads the body within the call's time and size, where requests would bound only the pause between two bytes."""

    def __init__(self, max_bytes: int, pool_size: int) -> None:
        super().__init__(pool_connections=2, pool_maxsize=pool_size)
        self._max_bytes = max_bytes

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        _connect_s, allowed_s = kwargs["timeout"]
        until = time.monotonic() + allowed_s
        response = super().send(request, *args, **kwargs)
        try:
            response._content = b"".join(self._chunks(response, until))
        except BaseException:
            response.close()
            raise
        response._content_consumed = True  # type: ignore[attr-defined]
        response.raw.release_conn()
        return response

    def _chunks(self, response: requests.Response, until: float) -> Iterator[bytes]:
        size = 0
        while chunk := _read_some(response):
            size += len(chunk)
            if size > self._max_bytes:
                raise AnswerTooLarge(response.status_code)
            if time.monotonic() > until:
                raise requests.ReadTimeout("the answer did not end in time", response=response)
            yield chunk


def _read_some(response: requests.Response) -> bytes:
    """What has arrived, as soon as it has: ``read`` would wait for the whole amount."""
    try:
        chunk: bytes = response.raw.read1(_CHUNK_BYTES, decode_content=True)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error, response=response) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error, response=response) from error
    return chunk
