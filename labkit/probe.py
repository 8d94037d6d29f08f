"""Is it there yet? ``python -m labkit.probe --timeout-s 120 URL...`` waits until every URL answers 2xx;
``python -m labkit.probe --healthcheck URL`` asks once, as a container's health check.

Standard library only, and as little of it as possible: a health check runs every two seconds in every container.
Exit codes: 0 all answered, 1 a health check failed, 2 wrong usage, 3 the time is over.
"""

import socket
import sys
import time

_ATTEMPT_TIMEOUT_S = 2.0
_PAUSE_S = 0.25
_USAGE = "usage: python -m labkit.probe (--healthcheck URL | [--timeout-s SECONDS] URL...)\n"


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    if len(arguments) == 2 and arguments[0] == "--healthcheck" and parse_url(arguments[1]) is not None:
        answer = ask(arguments[1], _ATTEMPT_TIMEOUT_S)
        _say(f"{arguments[1]}: {answer}")
        return 0 if answer.startswith("2") else 1
    timeout_s, urls = 60.0, arguments
    if arguments[:1] == ["--timeout-s"] and len(arguments) > 1:
        try:
            timeout_s, urls = float(arguments[1]), arguments[2:]
        except ValueError:
            urls = []
    if not urls or timeout_s <= 0 or any(parse_url(url) is None for url in urls):
        sys.stderr.write(_USAGE)
        return 2
    return _wait(urls, timeout_s)


def parse_url(url: str) -> tuple[str, int, str] | None:
    """Host, port and path of an ``http`` URL; None for anything else."""
    if not url.startswith("http://"):
        return None
    authority, slash, path = url[len("http://") :].partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon:
        host, port = authority, "80"
    if not host or not port.isdigit() or any(character <= " " for character in url):
        return None
    return host.strip("[]"), int(port), slash + path or "/"


def ask(url: str, timeout_s: float) -> str:
    """The status of one GET (``200``, ``503 ...``), or in a few words why there is none."""
    target = parse_url(url)
    if target is None:
        return "not an http URL"
    host, port, path = target
    until = time.monotonic() + timeout_s
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            return _status(connection, until)
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except OSError as error:
        return error.strerror or type(error).__name__


def _status(connection: socket.socket, until: float) -> str:
    received = b""
    while b"\n" not in received and len(received) < 4096:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        chunk = connection.recv(512)
        if not chunk:
            break
        received += chunk
    words = received.partition(b"\n")[0].decode("ascii", "replace").split(None, 1)
    if len(words) != 2 or not words[0].startswith("HTTP/"):
        return "the answer is not HTTP"
    return words[1].strip()


def _wait(urls: list[str], timeout_s: float) -> int:
    started = time.monotonic()
    waiting = dict.fromkeys(urls, "")
    while True:
        for url, before in list(waiting.items()):
            answer = ask(url, min(_ATTEMPT_TIMEOUT_S, max(0.1, started + timeout_s - time.monotonic())))
            after_s = time.monotonic() - started
            if answer.startswith("2"):
                del waiting[url]
                _say(f"{after_s:6.1f} s  ready    {url}")
            elif answer != before:
                waiting[url] = answer
                _say(f"{after_s:6.1f} s  waiting  {url}: {answer}")
        if not waiting:
            return 0
        if time.monotonic() - started >= timeout_s:
            break
        time.sleep(_PAUSE_S)
    for url, answer in waiting.items():
        _say(f"not ready after {timeout_s:g} s: {url}: {answer}")
    return 3


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
