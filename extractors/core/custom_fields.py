"""Fields of a company's own that become columns of staging, as `WATERTIGHT_CUSTOM_FIELDS` lists them.

A list such as `hubspot.deals.partner_code, salesforce.opportunities.Margin__c:decimal, pipedrive.deals.9f…e2:date as signed_on`: source, table
of that source, the field's own name, then the type (text unless said) and the column's name. Columns begin with `custom_`, so that they
never meet a column of the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: types that may be asked for → what the column is
TYPES = {
    "varchar": "varchar",
    "decimal": "decimal(38,6)",
    "bigint": "bigint",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
PREFIX = "custom_"
_ITEM = re.compile(
    r"(?P<source>[a-z]+)\.(?P<table>[a-z_]+)\.(?P<name>[A-Za-z0-9_]{1,128})"
    r"(?:\s*:\s*(?P<type>[a-z]+))?(?:\s+as\s+(?P<column>[a-z][a-z0-9_]{0,59}))?"
)


@dataclass(frozen=True)
class CustomField:
    """One field: where it comes from, and the column that it becomes. `type` is a key of TYPES."""

    source: str
    table: str
    name: str
    type: str
    column: str

    @property
    def place(self) -> str:
        return f"{self.source}.{self.table}.{self.name}"


def parse(text: str) -> tuple[CustomField, ...]:
    """The fields of a list. Raises ValueError saying which entry is wrong and why."""
    fields = [_parsed(item.strip()) for item in text.split(",") if item.strip()]
    columns = [(field.source, field.table, field.column) for field in fields]
    for field, column in zip(fields, columns, strict=True):
        if columns.count(column) > 1:
            raise ValueError(f"two fields of {field.source}.{field.table} would be the column {field.column}")
    return tuple(fields)


def names_of(fields: Iterable[CustomField], source: str, table: str) -> tuple[str, ...]:
    """The names of the fields listed for a table of a source."""
    return tuple(field.name for field in fields if (field.source, field.table) == (source, table))


def _parsed(item: str) -> CustomField:
    found = _ITEM.fullmatch(item)
    if found is None:
        shown = "".join(each if each.isprintable() else "?" for each in item)[:80]
        raise ValueError(
            f"{shown!r} is not source.table.field, source.table.field:type or source.table.field:type as column; "
            "names have letters, digits and underscores only"
        )
    kind = found["type"] or "varchar"
    if kind not in TYPES:
        raise ValueError(f"{item!r} has the type {kind!r}; use one of {', '.join(TYPES)}")
    column = found["column"] or found["name"].lower()[:60]
    return CustomField(found["source"], found["table"], found["name"], kind, PREFIX + column)
