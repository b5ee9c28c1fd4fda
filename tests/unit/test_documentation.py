"""The documentation says what the code does, or the build fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from extractors.core.settings import Settings
from extractors.sources import SOURCES
from extractors.sources.files.contract import CONTRACTS
from tests.metrics_page.entries import entries
from warehouse.as_of import published_tables

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DATA_TESTS = ROOT / "dbt_project" / "tests"
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    DATA_TESTS / "generic" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_every_file_of_the_contract_stands_in_its_table() -> None:
    page = (ROOT / "docs" / "files.md").read_text()
    for contract in CONTRACTS:
        columns = ", ".join(f"**{each.name}**" if each.is_required else each.name for each in contract.columns)
        assert f"| `{contract.name}` | {columns} |\n" in page
    assert len(re.findall(r"^\| `", page, re.MULTILINE)) == len(CONTRACTS)


def test_every_source_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for source in SOURCES.values():
        for setting in re.findall(r"\b[A-Z]+_[A-Z_]+\b", source.how_to_set_up):
            assert f"`{setting}`" in readme, f"{source.title}: README does not name {setting}"


def test_every_data_test_is_explained() -> None:
    """When it runs, what a failure means, its guilty keys, the likely cause, who mends it; no section without its test."""
    page = (DATA_TESTS / "generic" / "README.md").read_text()
    sections = dict(re.findall(r"^## ([a-z_]+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert sections.keys() == {path.stem for path in DATA_TESTS.glob("generic/*.sql")}
    for name, section in sections.items():
        labels = re.findall(r"^- \*\*(.+?)\*\*: \S", section, re.MULTILINE)
        assert labels == ["When", "A failure means", "Guilty keys", "Likely cause", "Who mends it"], name
    for path in DATA_TESTS.glob("singular/*.sql"):
        assert f"`{path.stem}`" in page, f"{path.name} is not in the list of the tests of the marts"
    for path in DATA_TESTS.rglob("*.sql"):
        assert "likely_cause" in path.read_text(), f"{path.name} does not say its likely cause"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_every_test_that_the_page_on_reliability_names_is_there() -> None:
    """A row without its test is a promise."""
    named = set(re.findall(r"`((?:test|core|marts)_[a-z0-9_]+)`", (ROOT / "docs" / "reliability.md").read_text()))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    written = {name for text in sources for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)}
    written |= {path.stem for path in (ROOT / "dbt_project" / "tests" / "singular").glob("*.sql")}
    assert len(named) > 50
    assert named <= written, sorted(named - written)


def test_the_settings_of_memory_and_threads_are_documented_with_their_defaults() -> None:
    for name in ("memory_mb", "ingest_memory_mb", "threads"):
        field = Settings.model_fields[name]
        assert f"#{field.alias}={field.default}\n" in (ROOT / ".env.example").read_text()
        assert f"`{field.alias}` ({field.default})" in (ROOT / "docs" / "operations.md").read_text()


def test_the_page_on_performance_says_what_misses_its_goal() -> None:
    """Written by `make bench`: no figure without its deals and rounds, and a ratio above its goal is called so."""
    page = (ROOT / "docs" / "performance.md").read_text()
    goals = page.partition("## Goals\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in goals.splitlines()[2:]]
    assert len(rows) > 15
    for work, _, goal, ratio, _, met, _, _, _, deals, rounds in rows:
        if ratio == "not measured":
            assert not met + deals + rounds, work
            continue
        assert int(deals.replace(",", "")) > 0, work
        assert int(rounds) > 0, work
        if not goal or float(ratio) != float(goal.removeprefix("≤ ")):  # rounded as they are shown
            expected = "" if not goal else "yes" if float(ratio) < float(goal.removeprefix("≤ ")) else "**no**"
            assert met == expected, work


def test_the_page_of_metrics_says_what_the_marts_say() -> None:
    """Its answers are asked of the demonstration company by tests/integration/test_metrics.py."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    explained = entries()
    assert sorted(re.findall(r"^### (.+)$", page, re.MULTILINE)) == sorted(entry.title for entry in explained)
    for entry in explained:
        section = page.partition(f"### {entry.title}\n")[2].partition("\n### ")[0]
        said = [*(f"`{name}`" for name in entry.names), entry.question, entry.formula, *entry.edge_cases]
        assert [sentence for sentence in said if sentence not in section] == [], f"{entry.title}: make metrics-page"
        assert "```sql\nselect " in section


def test_the_exposures_name_what_is_read() -> None:
    """The dashboard reads what its modules name; PostgreSQL gets every table of the published file."""
    described = yaml.safe_load((ROOT / "dbt_project" / "models" / "_exposures.yml").read_text())["exposures"]
    named = {each["name"]: [reference.split("'")[1] for reference in each["depends_on"]] for each in described}
    read = {
        name
        for path in (ROOT / "dashboard").glob("*.py")
        for name in re.findall(r"\b(?:mart|dim|fct)_[a-z_]+", path.read_text())
    }
    assert sorted(read - {*named["dashboard"]}) == [], "add them to models/_exposures.yml"
    assert named["postgresql"] == published_tables(), "models/_exposures.yml lists the published tables, in this order"
