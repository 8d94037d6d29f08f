"""What the source of every service must look like, whoever adds to it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/__init__.py"))
STOREFRONT = ROOT / "services" / "storefront"
by_name = pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)


def imports(file: Path) -> set[str]:
    """The top-level packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@by_name
def test_routes_only_parse_call_and_serialise(service: Path) -> None:
    """No try, no tracer, no SQL: whoever reads routes.py reads the API and nothing else."""
    source = (service / "routes.py").read_text(encoding="utf-8")
    assert not any(isinstance(node, ast.Try) for node in ast.walk(ast.parse(source)))
    assert imports(service / "routes.py").isdisjoint({"opentelemetry", "psycopg", "requests"})
    assert not re.search(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b", source)


@by_name
def test_domain_is_pure(service: Path) -> None:
    """No framework, no telemetry, no I/O and no clock: rules can be tried without a service."""
    impure = {
        "flask",
        "opentelemetry",
        "psycopg",
        "requests",
        "labkit",
        "time",
        "os",
        "secrets",
        "threading",
        "logging",
    }
    assert imports(service / "domain.py").isdisjoint(impure)
    assert not re.search(r"\b(now|today|utcnow)\(\)", (service / "domain.py").read_text(encoding="utf-8"))


def test_the_page_brings_everything_it_needs_itself() -> None:
    """No script, style or image of another host and nothing inline: the content security policy forbids both."""
    page = (STOREFRONT / "templates" / "shop.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)="(https?:)?//""", page)
    assert not re.search(r"""\sstyle=|\son[a-z]+="|<style|<script(?![^>]*src=)""", page)


def test_the_script_of_the_page_never_sets_markup() -> None:
    """Product names and error messages are text; setting them as markup would be an open door."""
    script = (STOREFRONT / "static" / "shop.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", script)
    assert "http://" not in script
    assert "https://" not in script
