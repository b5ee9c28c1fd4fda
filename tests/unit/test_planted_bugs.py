"""Every row of what goes wrong has a bug that its tests were seen to fail by, and every bug of the table can still be planted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.plants.plant import Plant
from tests.faults.plants.table import PLANTS, ROWS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def rows_of_the_page() -> list[list[str]]:
    """The cells of every row that has a number: row, fault, what happens, tests, seen to fail by."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"^\| [HSPX]\d\d.*\|$", page, re.MULTILINE)
    ]


def test_every_row_stands_on_the_page_with_what_it_was_seen_to_fail_by() -> None:
    told: set[str] = set()
    faults: set[tuple[str, str]] = set()
    for row, fault, _, tests, seen in rows_of_the_page():
        assert (row, fault) not in faults, f"{row} stands there twice"
        faults.add((row, fault))
        assert tests, f"{row} has no test"
        assert seen, f"{row} was never seen to fail"
        assert not re.search(r"\bnot (tried )?yet\b", seen), f"{row} was never seen to fail"
        told |= set(re.findall(r"[HSPX]\d\d", row))
    assert set(ROWS) - told == set()
    assert {row for plant in PLANTS for row in plant.row_names} == set(ROWS)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_one_that_there_could_be(plant: Plant) -> None:
    """Its text is there once, its tests are written, and the page names both in the rows it belongs to."""
    assert (ROOT / plant.file).read_text().count(plant.old) == 1, f"{plant.file} was changed: plant it elsewhere"
    for test in plant.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), test
    named = [f"`{test.partition('::')[2]}`" for test in plant.tests]
    for number in plant.row_names:
        assert any(
            number in row and plant.says in seen and all(name in tests for name in named)
            for row, _, _, tests, seen in rows_of_the_page()
        ), f"docs/reliability.md, {number}: {plant.says}; {', '.join(named)}"
