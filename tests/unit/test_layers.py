"""Who may import whom, read from the source of every module, imports inside functions included."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
OURS = {"extractors", "warehouse", "watertight", "simulator", "dags", "dashboard"}

#: package → what it must not import
FORBIDDEN = {
    "extractors": {"duckdb", "dbt", "airflow", *(OURS - {"extractors"})},
    "warehouse": {
        "requests",
        "httpx",
        "urllib3",
        "http",
        "urllib.request",
        "airflow",
        "simulator",
        "watertight",
        "dags",
        "dashboard",
    },
    "dashboard": {"requests", "httpx", "urllib3", "http", "airflow", "dbt", "simulator", "watertight", "dags"},
    "watertight": {"requests", "httpx", "urllib3", "simulator", "dags"},
    "simulator": {"duckdb", "dbt", "airflow", "requests", *(OURS - {"simulator"})},
    "dags": {"duckdb", "dbt", "requests", "extractors", "warehouse", "simulator", "dashboard"},
}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_layer_imports_what_it_must_not(package: str) -> None:
    modules = modules_of(package)
    assert modules
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules
        for name in imports_of(path)
        for banned in FORBIDDEN[package]
        if name == banned or name.startswith(f"{banned}.")
    }
    assert not found


def test_of_the_extractors_the_warehouse_knows_the_core_without_http_only() -> None:
    allowed = (
        "extractors.core.custom_fields",
        "extractors.core.errors",
        "extractors.core.settings",
        "extractors.core.landing",
        "extractors.core.locks",
        "extractors.core.people",
        "extractors.core.spec",
        "extractors.core.suppression",
    )
    found = {
        f"{path.name}: {name}"
        for path in modules_of("warehouse")
        for name in imports_of(path)
        if name.startswith("extractors") and not name.startswith(allowed)
    }
    assert not found


@pytest.mark.parametrize(
    "module", ["custom_fields", "errors", "settings", "landing", "locks", "spec", "people", "suppression"]
)
def test_that_part_of_the_core_brings_no_http_with_it(module: str) -> None:
    for other in imports_of(ROOT / "extractors" / "core" / f"{module}.py"):
        assert not other.startswith(("requests", "http", "extractors.core.transport")), f"{module} imports {other}"


def test_dag_files_are_thin() -> None:
    for path in modules_of("dags"):
        assert len(path.read_text().splitlines()) <= 60, f"{path.name} has grown: put logic into watertight/"


@pytest.mark.parametrize("package", sorted(OURS))
def test_no_module_is_a_drawer_for_everything(package: str) -> None:
    names = {path.stem for path in modules_of(package)} | {path.parent.name for path in modules_of(package)}
    assert not names & {"utils", "common", "helpers", "base", "manager", "util", "misc"}
