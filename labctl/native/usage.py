"""Who runs programs from a folder: nothing is removed from under a lab that runs."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from labkit.errors import LabError

SHOWN = 5


def refuse_while_used(folders: Iterable[Path]) -> None:
    """Raise LabError, naming the processes, when one runs a program below ``folders`` or was told a path there."""
    wanted = tuple(str(folder) for folder in folders)
    users = {pid: name for pid, name, words in _processes() if any(_is_below(word, wanted) for word in words)}
    if users:
        named = ", ".join(f"{name} (process {pid})" for pid, name in sorted(users.items())[:SHOWN])
        more = f" and {len(users) - SHOWN} more" if len(users) > SHOWN else ""
        raise LabError(
            f"In use by {named}{more}.",
            "End it first (a lab: `lab down`, for each LAB_HOME), then run the same command again.",
            {"processes": users},
        )


def _processes() -> Iterable[tuple[int, str, list[str]]]:
    """Process id, name, and its program with its arguments; of other users' processes what the system tells."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter(["name", "exe", "cmdline"]):
        if process.pid not in ours:
            words = [process.info["exe"] or "", *(process.info["cmdline"] or [])]
            yield process.pid, process.info["name"] or "?", words


def _is_below(word: str, folders: tuple[str, ...]) -> bool:
    """``word`` is one of ``folders``, lies in one, or is an option that ends in such a path."""
    path = word[word.find("/") :] if "/" in word else ""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
