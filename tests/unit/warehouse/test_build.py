"""What the night prints of a failing data test: the likely cause once, and the guilty rows with their keys."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from warehouse.build import Node, _failing_rows, _sentence

pytestmark = pytest.mark.unit


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def test_a_cause_is_said_once_before_its_guilty_rows(connection: duckdb.DuckDBPyConnection) -> None:
    query = """
        select 'd' || number as guilty_key, null as old_value, 'amount' as field, 'The last event was lost.' as likely_cause
        from range(5) as rows (number)
        union all
        select 'x', 'p1', 'stage', 'Another cause.'
    """
    assert _failing_rows(connection, query) == [
        (
            "The last event was lost. (guilty_key = d0, field = amount), (guilty_key = d1, field = amount), "
            "(guilty_key = d2, field = amount), …"
        ),
        "Another cause. (guilty_key = x, old_value = p1, field = stage)",
    ]


def test_a_test_without_a_sentence_still_names_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    assert _failing_rows(connection, "select 7 as deal_key") == ["(deal_key = 7)"]


def test_a_query_that_does_not_run_again_leaves_the_count(connection: duckdb.DuckDBPyConnection) -> None:
    assert _failing_rows(connection, "select * from gone") == []
    node = Node("old_values_follow", "test", "fail", 0.1, 3, "Got 3 results")
    assert _sentence(node) == "Failed: test old_values_follow found 3 rows."
