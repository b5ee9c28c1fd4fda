"""The answers of one publication's marts, packed for the page."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import duckdb

from dashboard.questions import MEMBERS, NIGHT, QUESTIONS
from warehouse.database import reader


def read_content(marts: Path) -> dict[str, Any]:
    """Everything that the page shows of the marts file, ready to be written as JSON.

    Returns `{"night": {…}, "members": {list: {"columns", "rows"}}, "answers": {question: {"columns", "rows"}}}`. Amounts are decimals,
    rates floats from 0 to 1, instants ISO-8601 in UTC; the members' keys stay out, a row names a member by its number in its list.
    Raises WatertightError when the file lacks what is asked.
    """
    with reader(marts) as connection:
        members = {}
        for name, question in MEMBERS.items():
            connection.execute(f"create temporary table {name} as {question}")
            members[name] = _answer(connection, f"from {name} order by 1", leave_out=("_key",))
        night = _answer(connection, NIGHT)
        return {
            "night": dict(zip(night["columns"], night["rows"][0], strict=True)),
            "members": members,
            "answers": {name: _answer(connection, question) for name, question in QUESTIONS.items()},
        }


def _answer(connection: duckdb.DuckDBPyConnection, question: str, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    cursor = connection.execute(question)
    columns = [column[0] for column in cursor.description or ()]
    kept = (
        [number for number, name in enumerate(columns) if not name.endswith(leave_out)]
        if leave_out
        else range(len(columns))
    )
    links = {number for number, name in enumerate(columns) if name == "crm_url"}
    return {
        "columns": [columns[number] for number in kept],
        "rows": [
            [_link(row[number]) if number in links else _plain(row[number]) for number in kept]
            for row in cursor.fetchall()
        ],
    }


def _link(address: str | None) -> str | None:
    """The address if a browser may follow it: what a source wrote there must not run in the page."""
    try:
        return address if address and urlsplit(address).scheme in ("http", "https") else None
    except ValueError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
