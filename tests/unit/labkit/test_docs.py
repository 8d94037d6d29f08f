"""The page about labkit says what is there, and its example runs."""

import re
from pathlib import Path

import pytest

import labkit

PACKAGE = Path(str(labkit.__file__)).parent
PAGE = (PACKAGE.parent / "docs" / "labkit.md").read_text()
# Parts of another module, which their own docstrings name.
PARTS = {"http_adapter", "http_errors", "management_http", "pool_metrics", "telemetry_environment"}


def test_the_page_names_every_module() -> None:
    """A new module is put into the table, or is a part of one that is there."""
    table = {name for row in re.findall(r"^\| (`.+?) \|", PAGE, re.M) for name in re.findall(r"`(\w+)`", row)}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert modules - PARTS == table & modules
    assert modules >= PARTS


def test_the_example_is_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twenty lines make an app with its route, its check and what it must close."""
    monkeypatch.setenv("CATALOG_URL", "http://127.0.0.1:1")
    (example,) = re.findall(r"```python\n(# services/hello.*?)```", PAGE, re.S)
    namespace: dict[str, object] = {"__name__": "hello_example"}
    exec(compile(example, "docs/labkit.md", "exec"), namespace)  # noqa: S102 - our own page, as a reader would run it
    app = namespace["create_app"]()  # type: ignore[operator]
    assert "/hello/<product_id>" in {rule.rule for rule in app.url_map.iter_rules()}
    assert list(app.extensions["labkit"].checks) == ["always"]
