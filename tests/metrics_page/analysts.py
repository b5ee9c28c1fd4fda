"""docs/analysts.md: its text and queries are written by hand, the answers below the queries are the demonstration company's."""

from __future__ import annotations

import re

import duckdb

from tests.metrics_page.page import table

_ASKED = re.compile(r"```sql\n(?P<query>.*?)```\n(?:\n\|.*?\|\n(?=\n|\Z))?", re.DOTALL)


def questions(page: str) -> list[str]:
    """The queries of the page, in order."""
    return [found["query"] for found in _ASKED.finditer(page)]


def fill(page: str, connection: duckdb.DuckDBPyConnection) -> str:
    """The page with every answer in its place, whatever stood there before."""
    return _ASKED.sub(
        lambda found: f"```sql\n{found['query']}```\n\n{table(connection.execute(found['query']))}\n", page
    )
