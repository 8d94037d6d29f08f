"""Who may import whom: the one rule that keeps services, library and operator's side apart."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(p.parent.name for p in (ROOT / "services").glob("*/__init__.py"))
FILE_SET = {"__init__.py", "settings.py", "routes.py", "domain.py", "telemetry.py", "README.md"}


def imported_roots(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every top-level package that a Python file below ``folder`` imports."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield file, node.module.split(".")[0]


def offenders(folder: Path, forbidden: set[str]) -> list[str]:
    """``file imports package`` for each forbidden import."""
    return [f"{file.relative_to(ROOT)} imports {root}" for file, root in imported_roots(folder) if root in forbidden]


def test_labkit_imports_neither_services_nor_operator_side() -> None:
    """A library that knew its users could not be copied into another company."""
    assert offenders(ROOT / "labkit", {"labctl", *SERVICES}) == []


@pytest.mark.parametrize("service", SERVICES)
def test_service_imports_only_labkit_of_ours(service: str) -> None:
    """Services talk over HTTP; an import between them would be a hidden edge of the picture."""
    assert offenders(ROOT / "services" / service, {"labctl", *SERVICES} - {service}) == []


def test_operator_side_never_imports_a_service() -> None:
    """The console must work while services are broken."""
    assert offenders(ROOT / "labctl", set(SERVICES)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_service_has_the_same_files_as_every_other(service: str) -> None:
    """The same file set everywhere is how a reader finds anything in any service."""
    files = {p.name for p in (ROOT / "services" / service).iterdir()}
    assert files >= FILE_SET


def test_there_are_services_to_hold_to_the_rules() -> None:
    """Guards the parametrised tests above against an empty folder."""
    assert {"storefront", "catalog", "orders", "payments", "thirdparty"} <= set(SERVICES)
