"""Small lists, read whole every night; formula fields; and the weekly list of ids."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.spec import ControlTotal, ControlTotals, Record
from extractors.sources.salesforce.changes import Object, record_of
from extractors.sources.salesforce.connection import NotThereError, SalesforceConnection
from extractors.sources.salesforce.fields import fields_of
from extractors.sources.salesforce.query import Query, read
from extractors.sources.salesforce.totals import PLACES, place_of
from extractors.sources.salesforce.values import Row, payload_of, text_of

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

#: what is added to a record type: the stages of its sales process
STAGE_NAMES = "StageNames"


@dataclass(frozen=True)
class Listing:
    """An object that is read whole. `where` narrows it."""

    entity: str
    table: str
    needs: tuple[str, ...]
    is_optional: bool = False
    where: str = ""


def extract_listings(listings: Sequence[Listing]) -> Callable[[Extraction], None]:
    """The extract function of several lists: they share one session."""

    def extract(extraction: Extraction) -> None:
        for listing in listings:
            extraction.land(_listed(extraction, listing), listing.table)

    return extract


def _listed(extraction: Extraction, listing: Listing) -> Iterator[Record]:
    connection = cast(SalesforceConnection, extraction.connection)
    fields = fields_of(
        extraction,
        connection,
        listing.entity,
        listing.table,
        listing.needs,
        listing.is_optional,
        also_held={STAGE_NAMES},
    )
    if fields is None:
        return
    stamp = "SystemModstamp" if "SystemModstamp" in fields else ""
    query = Query(listing.entity, fields, listing.where, stamp)
    for rows in read(connection, query, extraction.settings.salesforce_bulk_rows):
        extraction.page_read()
        for row in rows:
            whole = _with_stage_names(connection, row) if listing.entity == "RecordType" else row
            yield record_of(whole, stamp, listing.entity)


class _Choice(msgspec.Struct):
    value: str


class _Choices(msgspec.Struct):
    values: list[_Choice]


def _with_stage_names(connection: SalesforceConnection, row: Row) -> Row:
    """Adds the stages of the record type's sales process, which only the user interface's API tells; null where it does not."""
    record_type = text_of(row, "Id")
    path = connection.path(f"/ui-api/object-info/Opportunity/picklist-values/{record_type}/StageName")
    try:
        found = connection.get(path, _Choices)
    except NotThereError:
        log.warning("Salesforce does not tell the stages of record type %s: all stages count as its own", record_type)
        return row | {STAGE_NAMES: b"null"}
    return row | {STAGE_NAMES: msgspec.json.encode([each.value for each in found.values])}


def extract_formulas(entity: str, table: str) -> Callable[[Extraction], None]:
    """The formula fields of every live row: they change without moving any stamp, so no window finds them."""

    def extract(extraction: Extraction) -> None:
        connection = cast(SalesforceConnection, extraction.connection)
        fields = fields_of(extraction, connection, entity, table, (), is_optional=False, calculated=True) or {}
        if fields.keys() == {"Id"}:
            return
        for rows in read(
            connection, Query(entity, fields, "IsDeleted = false"), extraction.settings.salesforce_bulk_rows
        ):
            extraction.page_read()
            extraction.land(Record(text_of(row, "Id") or "", None, False, payload_of(row)) for row in rows)

    return extract


def extract_sweep(kind: Object) -> Callable[[Extraction], None]:
    """The ids of every live row: those held and not listed have left the recycle bin, or were erased at once.

    For opportunities also count and amount per place and currency, worked out from the rows themselves: asked for an amount, Salesforce
    answers in the org's own currency. Opportunities that changed since shortly before the window's end are named, and left out of them.
    """
    entity, with_totals = kind.entity, kind.ask_totals is not None

    def extract(extraction: Extraction) -> None:
        connection = cast(SalesforceConnection, extraction.connection)
        shown = fields_of(extraction, connection, entity, kind.table, kind.needs, kind.is_optional)
        if shown is None:
            return
        names = ("Id", "CreatedDate", "SystemModstamp", *((*PLACES, "Amount") if with_totals else ()))
        fields = {name: shown[name] for name in names if name in shown}
        counts: dict[tuple[str, str, str | None], int] = defaultdict(int)
        amounts: dict[tuple[str, str, str | None], Decimal] = defaultdict(Decimal)
        recent: list[str] = []
        since = extraction.window_end - timedelta(minutes=extraction.settings.salesforce_lookback_minutes)

        def records() -> Iterator[Record]:
            query = Query(entity, fields, "IsDeleted = false", "SystemModstamp")
            for rows in read(connection, query, extraction.settings.salesforce_bulk_rows):
                extraction.page_read()
                for row in rows:
                    record = record_of(row, "SystemModstamp", entity)
                    if parse_instant(record.updated_at or "") >= since:
                        recent.append(record.source_id)
                    elif with_totals:
                        place = place_of(row)
                        counts[place] += 1
                        amount = row.get("Amount", b"null")
                        amounts[place] += Decimal("0" if amount == b"null" else amount.decode())
                    yield record

        extraction.land(records())
        if with_totals:
            totals = tuple(
                ControlTotal(*place, counts[place], f"{amounts[place]:f}") for place in sorted(counts, key=str)
            )
            extraction.report_control_totals(ControlTotals(extraction.window_end, totals, (), tuple(recent)))

    return extract
