"""How DuckDB joins: what is joined by a key is found by it, and not by holding every row against every other.

A left join whose condition is more than comparisons between the two sides (`x is null or x > y`) loses its key to the planner. On a small company that
is not felt; with a million deals one such query takes longer than the rest of the night.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from extractors.core.settings import Settings
from tests.demonstration import first_night_of_all

pytestmark = pytest.mark.integration

#: entities that a company has by the hundred thousand
KEYS = r"(deal|lead|contact|company|activity|visit|transition|line_item|payment|load)_(?:key|id)"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return first_night_of_all(tmp_path_factory)


def joins(plan: dict[str, Any]) -> Iterator[str]:
    """The conditions of all joins that hold every row against every other."""
    if plan["name"] == "BLOCKWISE_NL_JOIN":
        yield plan["extra_info"]["Condition"]
    for child in plan["children"]:
        yield from joins(child)


def without_their_key(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Those of them that name an entity's key on both sides."""
    row = connection.execute(f"explain (format json) {query}").fetchone()
    assert row
    (plan,) = json.loads(row[1])
    return [condition for condition in joins(plan) if re.search(rf"\b{KEYS} = \1_(?:key|id)\b", condition)]


def test_no_join_by_a_key_holds_every_row_against_every_other(settings: Settings) -> None:
    # in the project's own names, as a build attaches its files
    queries = sorted((settings.home / "build" / "target" / "compiled").rglob("*.sql"))
    found = {}
    with duckdb.connect() as connection:
        for name, file in (
            ("warehouse", settings.warehouse_file),
            ("marts", settings.marts_file),
            ("detail", settings.detail_file),
        ):
            connection.execute(f"attach '{file}' as {name} (read_only)")
        connection.execute("use warehouse")
        explained = 0
        for path in queries:
            if path.parts[-2] == "seeds":
                continue
            if conditions := without_their_key(connection, path.read_text().strip().rstrip(";")):
                found[path.stem] = conditions
            explained += 1
    assert explained > 400
    assert not found


def test_a_key_beside_an_or_is_found() -> None:
    """The guard above can fail."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table visits (deal_key int, entered_at int, exited_at int); create table moves (deal_key int, moved_at int)"
        )
        insert = "insert into {} select i, i, i from range(10000) as numbers (i)"
        connection.execute(insert.format("visits") + "; " + insert.format("moves").replace("i, i, i", "i, i"))
        joined = "select * from moves left join visits on visits.deal_key = moves.deal_key and {}"
        assert without_their_key(
            connection, joined.format("(visits.exited_at is null or visits.exited_at > moves.moved_at)")
        )
        assert not without_their_key(connection, joined.format("coalesce(visits.exited_at, 9) > moves.moved_at"))
