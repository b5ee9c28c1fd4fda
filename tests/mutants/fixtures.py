"""What the project's own unit tests state: the rows of everything a model reads, and the rows expected of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rows:
    """Rows as the unit test states them: a query, or values by column; a column left out is null."""

    table: str
    query: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class UnitTest:
    """`given` holds a table for everything that `model` reads."""

    name: str
    model: str
    given: tuple[Rows, ...]
    expected: Rows


def read(manifest: Any, variables: Mapping[str, Any]) -> tuple[UnitTest, ...]:
    """Those of the manifest, but for those that set a variable otherwise than `variables`, with which the models were compiled."""
    return tuple(
        UnitTest(
            node.name,
            node.model,
            tuple(_rows(_name(each.input), each) for each in node.given),
            _rows(node.model, node.expect),
        )
        for node in manifest.unit_tests.values()
        if node.overrides is None or node.overrides.vars.items() <= variables.items()
    )


def _name(reference: str) -> str:
    """`ref('dim_deals')` is dim_deals."""
    return reference.split("'")[-2] if "'" in reference else reference


def _rows(table: str, fixture: Any) -> Rows:
    rows = fixture.rows or []
    if isinstance(rows, str):
        if str(fixture.format.value) == "sql":
            return Rows(table, rows, ())
        rows = [
            {name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(rows.strip()))
        ]
    return Rows(table, "", tuple(rows))
