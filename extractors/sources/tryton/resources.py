"""What is read of Tryton besides the history: opportunities, their states, parties, contact mechanisms, employees, totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import TransientError
from extractors.core.run import Extraction
from extractors.core.spec import ControlTotal, ControlTotals, Record
from extractors.sources.tryton.connection import TrytonConnection, connection_of
from extractors.sources.tryton.history import FIELDS, MODEL, changed_since, opportunity_payload
from extractors.sources.tryton.protocol import plain

#: Tryton has one road for all opportunities and no name for it
PIPELINE = "opportunity"
OPPORTUNITY_FIELDS = [*FIELDS, "contact", "description", "reference", "converted_by"]
_SWEEP_FIELDS = ["state", "amount", "currency.code", "create_date", "write_date"]
_SWEEP_PAGE = 5000
# Tryton gives the fields in an order that changes with every start of the server.
_encode = msgspec.json.Encoder(order="sorted").encode


def extract_opportunities(extraction: Extraction) -> None:
    """Lands the opportunities changed since the window's start, as they are now.

    Nothing bounds the window above: a record changed before its end and once more after it would otherwise be missed tonight.
    """
    connection = connection_of(extraction)
    listed = extraction.settings.custom_names("tryton", extraction.resource.name)
    fields = [*dict.fromkeys([*OPPORTUNITY_FIELDS, *listed])]
    for rows in connection.pages(extraction, MODEL, changed_since(extraction.window_start), fields):
        extraction.land(map(_opportunity, rows))


def extract_states(extraction: Extraction) -> None:
    """Lands the states in Tryton's own order, with their English labels."""
    connection = connection_of(extraction)
    states = _states(connection)
    extraction.page_read()
    extraction.land(
        Record(state, None, False, _encode({"pipeline_id": PIPELINE, "state": state, "label": label, "order": order}))
        for order, (state, label) in enumerate(states, start=1)
    )


def extract_changed(model: str, fields: list[str]) -> Callable[[Extraction], None]:
    """Lands a model's records changed since the window's start."""

    def extract(extraction: Extraction) -> None:
        listed = extraction.settings.custom_names("tryton", extraction.resource.name)
        wanted = [*dict.fromkeys([*fields, *listed])]
        pages = connection_of(extraction).pages(extraction, model, changed_since(extraction.window_start), wanted)
        for rows in pages:
            extraction.land(_record(row) for row in rows)

    return extract


def extract_employees(extraction: Extraction) -> None:
    """Lands all employees every time: the name is their party's, and renaming that does not touch the employee."""
    fields = ["party", "party.name", "company", "start_date", "end_date", "active", "create_date", "write_date"]
    for rows in connection_of(extraction).pages(extraction, "company.employee", [], fields):
        for row in rows:
            row["name"] = (row.pop("party.", None) or {}).get("name")
        extraction.land(_record(row) for row in rows)


def extract_sweep(extraction: Extraction) -> None:
    """Lands the id of every opportunity there is, and reports count and amount per state and currency as Tryton lists them.

    Totals belong to the sweep: on other nights an opportunity deleted in Tryton, which only the sweep can find, would make every count
    look wrong. Opportunities changed since shortly before the window's end are left out of the totals and named, as they may
    have been read in another state; their ids are landed like all others. Tryton's own count, before and after, shows that
    the list is whole.
    """
    connection = connection_of(extraction)
    since = extraction.window_end - timedelta(minutes=extraction.settings.lookback_minutes)
    counts: dict[tuple[str, str | None], int] = defaultdict(int)
    amounts: dict[tuple[str, str | None], Decimal] = defaultdict(Decimal)
    recent: list[str] = []

    def counted() -> Iterator[Record]:
        for rows in connection.pages(extraction, MODEL, [], _SWEEP_FIELDS, _SWEEP_PAGE):
            for row in map(opportunity_payload, rows):
                changed_at = row["write_date"] or row["create_date"]
                if parse_instant(changed_at) >= since:
                    recent.append(str(row["id"]))
                else:
                    place = row["state"], row["currency_code"]
                    counts[place] += 1
                    amounts[place] += Decimal(row["amount"] or 0)
                yield Record(str(row["id"]), changed_at, False, _encode(row))

    before = connection.call(MODEL, "search_count", [])
    listed = extraction.land(counted())
    if listed < min(before, connection.call(MODEL, "search_count", [])):
        raise TransientError(f"Tryton counts {before} opportunities and listed only {listed}.", "Start again later.")
    totals = tuple(
        ControlTotal(PIPELINE, *place, counts[place], f"{amounts[place]:.2f}") for place in sorted(counts, key=str)
    )
    extraction.report_control_totals(ControlTotals(extraction.now, totals, (), tuple(recent)))


def _states(connection: TrytonConnection) -> list[tuple[str, str]]:
    said = connection.call(MODEL, "fields_get", ["state"], context={"language": "en"})
    return [(state, label) for state, label in said["state"]["selection"] if state]


def _opportunity(row: dict[str, Any]) -> Record:
    said = opportunity_payload(row)
    return Record(str(said["id"]), said["write_date"] or said["create_date"], False, _encode(said))


def _record(row: dict[str, Any]) -> Record:
    said = plain(row)
    return Record(str(said["id"]), said["write_date"] or said["create_date"], False, _encode(said))
