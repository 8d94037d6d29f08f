"""Answers over HTTP, and what their status means to the caller."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from labctl.backends.errors import BackendUnavailable, NotFound, QueryRefused

# What the gateway says without words.
SILENT_STATUS = {502: "the gateway cannot reach it", 504: "the gateway had no answer from it in time"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read completely. ``url`` is what answered, after redirects within the origin."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


def decode(answer: Answer, backend: str) -> object:
    """The JSON of a good answer; raises by status otherwise, in the words of the backend."""
    if answer.status >= 400:
        raise _failure(answer, backend)
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise BackendUnavailable(
            backend,
            answer.url,
            f"{answer.url} answered {answer.status}, but not in JSON: that is not {backend}.",
            "Another program may hold the port: `./lab doctor` tells, LAB_PORT or LAB_URL moves.",
            answer.status,
        ) from error


def _failure(answer: Answer, backend: str) -> BackendUnavailable | QueryRefused | NotFound:
    said = _said(answer)
    context = {"backend": backend, "url": answer.url, "status": answer.status}
    if answer.status in (401, 403):
        hint = "Set LAB_TOKEN to the operator token of the lab at LAB_URL."
        return QueryRefused(backend, answer.url, f"{backend} refused the token: {said}", hint, answer.status)
    if answer.status == 404:
        return NotFound(f"{backend} has no {urlsplit(answer.url).path}: {said}", "", context)
    if answer.status < 500 and answer.status != 429:
        return QueryRefused(backend, answer.url, f"{backend} refused the question: {said}", "", answer.status)
    return BackendUnavailable(
        backend,
        answer.url,
        f"{backend} at {answer.url} cannot answer ({answer.status}): {said}",
        "`./lab status` shows which part is down; `./lab up` starts what is missing.",
        answer.status,
    )


def _said(answer: Answer) -> str:
    """The backend's own explanation, from its JSON error or its first line of text."""
    text = answer.body[:4000].decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        return text.splitlines()[0][:500] if text else SILENT_STATUS.get(answer.status, "no explanation")
    for key in ("error", "message"):
        value = found.get(key) if isinstance(found, dict) else None
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value:
            return value
    return text[:500]
