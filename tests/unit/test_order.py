"""The files that the tests begin with are there, and come first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import LONGEST, pytest_collection_modifyitems

pytestmark = pytest.mark.unit


def item(name: str, kind: str, number: int) -> Any:
    marker = SimpleNamespace(name=kind)
    return SimpleNamespace(
        path=Path(f"{name}.py"), number=number, get_closest_marker=lambda asked: marker if asked == kind else None
    )


def test_every_long_file_exists() -> None:
    names = {path.stem for path in Path(__file__).parents[1].rglob("test_*.py")}
    assert set(LONGEST) <= names


def test_long_files_come_first_and_within_a_file_nothing_moves() -> None:
    items = [
        item("test_load", "unit", 1),
        item(LONGEST[1], "integration", 3),
        item("test_load", "unit", 2),
        item("test_gates", "integration", 5),
        item(LONGEST[0], "integration", 4),
        item(LONGEST[1], "integration", 1),
    ]
    pytest_collection_modifyitems(items)
    assert [(each.path.stem, each.number) for each in items] == [
        (LONGEST[0], 4), (LONGEST[1], 3), (LONGEST[1], 1), ("test_gates", 5), ("test_load", 1), ("test_load", 2)
    ]  # fmt: skip
