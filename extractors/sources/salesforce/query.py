"""One query, by REST or by a Bulk job, whichever its size asks for; either way every row once, counted against Salesforce's own count."""

from __future__ import annotations

import csv
import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from extractors.core.errors import IntegrityError, TransientError
from extractors.core.pagination import CursorPages
from extractors.sources.salesforce.connection import SalesforceConnection
from extractors.sources.salesforce.fields import field_chunks
from extractors.sources.salesforce.values import Row, row_of_csv, row_of_page, text_of

log = logging.getLogger(__name__)

BULK_PAGE = 50_000
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
#: an id of Salesforce's is letters and digits; anything else would make another address of the one that is asked
_JOB_ID = re.compile(r"[A-Za-z0-9]{15,18}")
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


@dataclass(frozen=True)
class Query:
    """What to ask for: an object, field → type, conditions, and the field that orders it (a datetime)."""

    entity: str
    fields: Mapping[str, str]
    where: str = ""
    stamp: str = ""

    def text(self, names: list[str], is_ordered: bool) -> str:
        where = f" WHERE {self.where}" if self.where else ""
        order = f" ORDER BY {f'{self.stamp}, ' if self.stamp else ''}Id" if is_ordered else ""
        return f"SELECT {', '.join(names)} FROM {self.entity}{where}{order}"  # noqa: S608 - names as Salesforce described them, instants of our own


class _Page(msgspec.Struct):
    totalSize: int
    done: bool
    records: list[dict[str, msgspec.Raw]]
    nextRecordsUrl: str | None = None


class _Job(msgspec.Struct):
    id: str
    state: str
    numberRecordsProcessed: int | None = None
    errorMessage: str | None = None


def read(connection: SalesforceConnection, query: Query, bulk_rows: int) -> Iterator[list[Row]]:
    """Pages of rows, deleted and archived ones included. The first REST page says how many there are, and so decides.

    Raises IntegrityError when fewer or more rows come than Salesforce counted, or one comes twice.
    """
    always = ("Id", query.stamp) if query.stamp else ("Id",)
    chunks = field_chunks(list(query.fields), always, query.text([], is_ordered=True))
    first = connection.get(connection.path("/queryAll"), _Page, {"q": query.text(chunks[0], is_ordered=True)})
    if first.totalSize > bulk_rows:
        yield from _by_job(connection, query)
    elif len(chunks) == 1:
        yield from _by_pages(connection, query, chunks[0], first)
    else:
        yield _put_together(connection, query, chunks, first)


def _by_pages(connection: SalesforceConnection, query: Query, names: list[str], first: _Page) -> Iterator[list[Row]]:
    guard = CursorPages(query.entity)
    kinds = {name: query.fields[name] for name in names}
    page, seen = first, set[str]()
    while True:
        rows = [row_of_page(kinds, record, query.entity) for record in page.records]
        ids = {text_of(row, "Id") or "" for row in rows}
        if len(ids) < len(rows) or ids & seen or page.totalSize != first.totalSize:
            raise IntegrityError(f"Salesforce gave a row of {query.entity} twice.", "Start again later.")
        seen |= ids
        if rows:
            yield rows
        if page.done != (page.nextRecordsUrl is None):
            raise IntegrityError(f"Salesforce's list of {query.entity} neither ends nor goes on.", "Start again later.")
        following = guard.follow(page.nextRecordsUrl)
        if following is None:
            break
        page = connection.get(following, _Page)
    if len(seen) != first.totalSize:
        raise IntegrityError(
            f"Salesforce announced {first.totalSize} rows of {query.entity} and gave {len(seen)}.", "Start again later."
        )


def _put_together(connection: SalesforceConnection, query: Query, chunks: list[list[str]], first: _Page) -> list[Row]:
    """More fields than fit into one address: each list of fields is read whole, and the rows are joined by id.

    A row that changed between two readings has left the window or carries another stamp: it is read with the next window.
    """
    rows = {text_of(row, "Id"): row for page in _by_pages(connection, query, chunks[0], first) for row in page}
    for names in chunks[1:]:
        start = connection.get(connection.path("/queryAll"), _Page, {"q": query.text(names, is_ordered=True)})
        more = {text_of(row, "Id"): row for page in _by_pages(connection, query, names, start) for row in page}
        rows = {
            key: row | more[key]
            for key, row in rows.items()
            if key in more and (not query.stamp or more[key][query.stamp] == row[query.stamp])
        }
    return list(rows.values())


def _by_job(connection: SalesforceConnection, query: Query) -> Iterator[list[Row]]:
    text = query.text(list(query.fields), is_ordered=False)
    job = connection.post(connection.path("/jobs/query"), _Job, {"operation": "queryAll", "query": text})
    if _JOB_ID.fullmatch(job.id) is None:
        raise IntegrityError(
            f"Salesforce gave its Bulk job for {query.entity} an id that none has.",
            "No further address was asked. Tell whoever runs that server.",
        )
    place, wait = connection.path(f"/jobs/query/{job.id}"), FIRST_WAIT
    while job.state not in ("JobComplete", "Failed", "Aborted"):
        connection.client.clock.sleep(wait)
        wait = min(wait * 1.5, LONGEST_WAIT)
        job = connection.get(place, _Job)
    if job.state != "JobComplete":
        reason = "".join(each if each.isprintable() else " " for each in job.errorMessage or "no reason given")[
            :200
        ].rstrip(".")
        raise TransientError(
            f"Salesforce's Bulk job for {query.entity} ended as {job.state}: {reason}.", "Start again later."
        )
    if job.numberRecordsProcessed is None:
        raise IntegrityError(
            f"Salesforce's Bulk job for {query.entity} does not say how many rows it has.", "Start again later."
        )
    guard = CursorPages(query.entity)
    seen = set[str]()
    parameters = {"maxRecords": str(BULK_PAGE)}
    while True:
        document = connection.download(f"{place}/results", parameters)
        rows = _rows_of_csv(query, document.body, document.headers.get("Sforce-NumberOfRecords", ""))
        ids = {text_of(row, "Id") or "" for row in rows}
        if len(ids) < len(rows) or ids & seen:
            raise IntegrityError(
                f"Salesforce gave a row of {query.entity} twice in a Bulk result.", "Start again later."
            )
        seen |= ids
        if rows:
            yield rows
        locator = document.headers.get("Sforce-Locator")
        # The end is the text "null"; no header at all would be an answer cut short.
        if not locator:
            raise IntegrityError(
                f"Salesforce's Bulk result of {query.entity} does not say whether it goes on.", "Start again later."
            )
        following = guard.follow(None if locator == "null" else locator)
        if following is None:
            break
        parameters["locator"] = following
    if len(seen) != job.numberRecordsProcessed:
        raise IntegrityError(
            f"Salesforce's Bulk job processed {job.numberRecordsProcessed} rows of {query.entity} and {len(seen)} arrived.",
            "Nothing of it was kept; start again later.",
        )
    log.info("Salesforce %s: %d rows by Bulk job %s", query.entity, len(seen), job.id)


def _rows_of_csv(query: Query, body: bytes, announced: str) -> list[Row]:
    """The rows of one page of a Bulk result. A page cut at a line's end is valid CSV: only the announced number shows it."""
    wrong = f"Salesforce's Bulk result of {query.entity}"
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise IntegrityError(
            f"{wrong} is not whole CSV ({error}).", "Nothing of it was kept; start again later."
        ) from None
    header, cells = (lines[0], lines[1:]) if lines else ([], [])
    if sorted(header) != sorted(query.fields):
        raise IntegrityError(f"{wrong} has other columns than were asked for.", "Start again later.")
    if not announced.isdigit() or int(announced) != len(cells):
        raise IntegrityError(
            f"{wrong} announced {announced[:20] or 'no number of'} rows on a page and gave {len(cells)}.",
            "Nothing of it was kept; start again later.",
        )
    if any(len(each) != len(header) for each in cells):
        raise IntegrityError(f"{wrong} has a row of another length than its header.", "Start again later.")
    return [row_of_csv(query.fields, dict(zip(header, each, strict=True)), query.entity) for each in cells]
