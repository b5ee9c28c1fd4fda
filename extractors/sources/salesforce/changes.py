"""One object: read whole on the first load, by change stamp afterwards, its histories beside it.

`SystemModstamp` moves with every change, a deletion and an undeletion included; histories have the instant of the change. A window ends five
minutes before now and the next one begins ten minutes before that, since a transaction stamps its rows when it writes them and shows them
when it commits.

A history must not say more than the records that land with it, or less. What was changed after the window's end is missing from the window,
while its earlier history is not: those records are therefore read in a second, small query (which also says whose totals cannot be compared), and
of the history only what those records already show is kept; the rest comes with the next window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from extractors.core.cursor import instant_text, parse_instant, window_after
from extractors.core.errors import IntegrityError
from extractors.core.spec import ControlTotals, Record
from extractors.sources.salesforce.connection import SalesforceConnection
from extractors.sources.salesforce.fields import fields_of
from extractors.sources.salesforce.query import Query, read
from extractors.sources.salesforce.values import Row, payload_of, text_of

if TYPE_CHECKING:
    from extractors.core.run import Extraction

AskTotals = Callable[["Extraction", SalesforceConnection], ControlTotals]


@dataclass(frozen=True)
class History:
    """A history object: its table, and the field that names the row it is about."""

    entity: str
    table: str
    parent: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Object:
    """An object that is read by change. `needs`: fields without which its models mean nothing. `is_optional`: may be hidden. `goes_with`: the stamp of
    the record that its rows come and go with unstamped: they are read with every change of that record, too.
    """

    entity: str
    table: str
    needs: tuple[str, ...]
    histories: tuple[History, ...] = ()
    is_optional: bool = False
    ask_totals: AskTotals | None = None
    goes_with: str = ""


def extract_changes(kind: Object) -> Callable[[Extraction], None]:
    """The extract function of one object."""

    def extract(extraction: Extraction) -> None:
        connection = cast(SalesforceConnection, extraction.connection)
        fields = fields_of(extraction, connection, kind.entity, kind.table, kind.needs, kind.is_optional)
        if fields is not None:
            Reading(extraction, connection, kind, fields).run()

    return extract


class Reading:
    """The queries about one object in one run."""

    def __init__(
        self, extraction: Extraction, connection: SalesforceConnection, kind: Object, fields: dict[str, str]
    ) -> None:
        settings = extraction.settings
        self._extraction = extraction
        self._connection = connection
        self._kind = kind
        self._fields = fields
        lookback = timedelta(minutes=settings.salesforce_lookback_minutes)
        settle = timedelta(minutes=settings.settle_minutes)
        self._window = window_after(extraction.state.cursor, extraction.now, lookback, settle)
        # Nothing older than this is still to be committed.
        self._guard = self._window.end - lookback
        #: rows landed that changed since then: id → stamp
        self._recent: dict[str, datetime] = {}

    def run(self) -> None:
        kind, window = self._kind, self._window
        # A row has one stamp: what is touched behind the end of every window would be in none of them.
        end = window.end if kind.histories else None
        where = _between("SystemModstamp", window.start, end)
        if where and kind.goes_with:
            where = f"{where} OR {_between(kind.goes_with, window.start, end)}"
        self._extraction.land(self._records(where))
        if not kind.histories:
            return
        totals = kind.ask_totals(self._extraction, self._connection) if kind.ask_totals else None
        before = dict(self._recent)
        self._extraction.land(self._records(_between("SystemModstamp", self._guard, None), before))
        if totals is not None:
            late = {key for key, at in self._recent.items() if at >= window.end or before.get(key) != at}
            self._extraction.report_control_totals(ControlTotals(totals.as_of, totals.totals, tuple(sorted(late))))
        for history in kind.histories:
            self._extraction.land(self._entries(history), history.table)

    def _records(self, where: str, landed: dict[str, datetime] | None = None) -> Iterator[Record]:
        query = Query(self._kind.entity, self._fields, where, "SystemModstamp")
        for rows in read(self._connection, query, self._extraction.settings.salesforce_bulk_rows):
            self._extraction.page_read()
            for row in rows:
                record = record_of(row, "SystemModstamp", self._kind.entity)
                at = parse_instant(record.updated_at or "")
                if landed is not None and landed.get(record.source_id) == at:
                    continue
                if at >= self._guard:
                    self._recent[record.source_id] = at
                yield record

    def _entries(self, history: History) -> Iterator[Record]:
        extraction = self._extraction
        fields = fields_of(extraction, self._connection, history.entity, history.table, history.needs, is_optional=True)
        if fields is None:
            return
        query = Query(history.entity, fields, _between("CreatedDate", self._window.start, None), "CreatedDate")
        for rows in read(self._connection, query, extraction.settings.salesforce_bulk_rows):
            extraction.page_read()
            for row in rows:
                record = record_of(row, "CreatedDate", history.entity)
                at, parent = parse_instant(record.updated_at or ""), text_of(row, history.parent) or ""
                # What happened after its record was read waits for the next window.
                if at < self._guard or at <= self._recent.get(parent, self._guard - timedelta(days=1)):
                    # A history's row goes with its record and tells nothing by itself.
                    yield record._replace(is_deleted=False)


def record_of(row: Row, stamp: str, entity: str) -> Record:
    """The record of a row. Raises IntegrityError when it has no id or stamp."""
    source_id, updated_at = text_of(row, "Id"), text_of(row, stamp) if stamp else None
    if source_id is None or (stamp and updated_at is None):
        raise IntegrityError(f"Salesforce gave a row of {entity} without its id or stamp.", "Start again later.")
    return Record(source_id, updated_at, row.get("IsDeleted") == b"true", payload_of(row))


def _between(field: str, start: datetime | None, end: datetime | None) -> str:
    """Conditions for [start, end); None = open."""
    bounds = [f"{field} {sign} {instant_text(at)}" for sign, at in ((">=", start), ("<", end)) if at is not None]
    return " AND ".join(bounds)
