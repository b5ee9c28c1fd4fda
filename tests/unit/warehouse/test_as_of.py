"""Which table and which day are meant, and which days nothing can be said about."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from extractors.core.errors import ConfigurationError
from warehouse.as_of import Run, _require_sensible, find_table, published_tables, read_day

pytestmark = pytest.mark.unit

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 5)
RUNS = [Run(str(day), day, *[datetime.combine(day, datetime.min.time(), UTC)] * 2) for day in (FIRST, LAST)]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("pipeline_board", "mart_sales__pipeline_board"),
        ("Pipeline_Daily", "mart_sales__pipeline_daily"),
        ("mart_ops__freshness", "mart_ops__freshness"),
        ("values", "mart_metrics__values"),
        ("dim_deals", "dim_deals"),
        ("fct_deal_changes", "fct_deal_changes"),
    ],
)
def test_a_table_by_its_name_or_the_part_behind_its_audience(name: str, table: str) -> None:
    assert find_table(name) == table


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("pipline_board", "mart_sales__pipeline_board"), ("board", "mart_sales__pipeline_board"), ("deals", "dim_deals")],
)
def test_a_name_nobody_knows_is_answered_with_the_nearest(name: str, suggestion: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_table(name)
    assert suggestion in caught.value.mend


def test_nothing_personal_and_nothing_that_is_no_table_can_be_asked_for() -> None:
    tables = published_tables()
    assert not any(table.endswith("_details") for table in tables)
    assert "fct_deal_pipeline_moves" not in tables  # a part of another model's query


@pytest.mark.parametrize("text", ["", "2026-6-1", "20260601", "2026-W23-1", "2026-02-29", "0000-01-01", "yesterday", "2026-06-01T00:00"])  # fmt: skip
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--known is no day"):
        read_day(text, "--known")


@pytest.mark.parametrize(
    ("day", "known", "day_of_knowledge"),
    [
        (LAST, None, LAST),
        (FIRST, None, LAST),
        (FIRST, FIRST, FIRST),
        (
            date(2026, 6, 3),
            date(2026, 6, 3),
            date(2026, 6, 3),
        ),  # no run on that day: what was known is what Monday's run knew
        (date(2026, 1, 1), FIRST, FIRST),
    ],
)
def test_days_that_something_can_be_said_about(day: date, known: date | None, day_of_knowledge: date) -> None:
    assert _require_sensible(day, known, RUNS, date(2026, 1, 1)) == day_of_knowledge


@pytest.mark.parametrize(
    ("day", "known", "words"),
    [
        (date(2026, 6, 6), None, "in the future"),
        (LAST, FIRST, "in the future of what was known on 2026-06-01"),
        (FIRST, date(2026, 6, 6), "after the last load"),
        (date(2026, 5, 1), date(2026, 5, 31), "nothing was known yet"),
        (date(2025, 12, 31), None, "no deal yet"),
    ],
)
def test_days_that_nothing_can_be_said_about(day: date, known: date | None, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _require_sensible(day, known, RUNS, date(2026, 1, 1))
