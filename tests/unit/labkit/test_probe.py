"""The parts of the probe that need no network."""

import ast
from pathlib import Path

import pytest

import labkit
from labkit import probe


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://loki:3100/ready", ("loki", 3100, "/ready")),
        ("http://loki:3100", ("loki", 3100, "/")),
        ("http://host/a/b?c=1", ("host", 80, "/a/b?c=1")),
        ("http://[::1]:80/", ("::1", 80, "/")),
        ("https://host/", None),
        ("loki:3100", None),
        ("http://:80/", None),
        ("http://host:port/", None),
        ("http://host/a b", None),
        ("http://host/\r\nHost: evil", None),
    ],
)
def test_a_url_is_split_or_refused(url: str, parts: tuple[str, int, str] | None) -> None:
    """Plain http only, and nothing that could add a header."""
    assert probe.parse_url(url) == parts


def test_the_probe_imports_next_to_nothing() -> None:
    """It runs every two seconds in every container, without site-packages."""
    tree = ast.parse(Path(probe.__file__).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"socket", "sys", "time"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    package = ast.parse(Path(str(labkit.__file__)).read_text())
    assert [type(node) for node in package.body] == [ast.Expr]
