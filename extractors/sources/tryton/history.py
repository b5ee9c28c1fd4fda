"""Every state that an opportunity has been in, from Tryton's own history, in the fewest calls its API allows.

`history_revisions` gives the instants at which records changed, for a thousand records in one call. The state after a change is
a `read` in the context of an instant, for as many records as one likes, but of one instant only. Asking at each change's
own instant would be a call for every change. A state holds until the record's next change, though, so one instant shows the
states of all records whose interval it lies in: the fewest instants that lie in every interval are found by the usual greedy rule (always
take the end of the interval that ends first). Each answer carries the instant of its own change, which must be the one asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from extractors.core.errors import TransientError
from extractors.core.run import Extraction
from extractors.core.spec import Record
from extractors.sources.tryton.connection import PAGE, Domain, TrytonConnection, connection_of
from extractors.sources.tryton.protocol import instant_of, instant_text, plain, wrapped

log = logging.getLogger(__name__)

MODEL = "sale.opportunity"
FIELDS = [
    "number", "party", "company", "currency.code", "amount", "employee", "start_date", "end_date", "conversion_probability",
    "lost_reason", "state", "create_date", "write_date",
]  # fmt: skip
_NEVER = datetime.max.replace(tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_TRIES = 3
# Tryton gives the fields in an order that changes with every start of the server.
_encode = msgspec.json.Encoder(order="sorted").encode


class Revision(NamedTuple):
    """A state of a record: it holds from `since` until before `until` (None: still)."""

    record_id: int
    since: datetime
    until: datetime | None


def extract_revisions(extraction: Extraction) -> None:
    """Lands the revisions of the opportunities changed in the window, as far as they are not certainly held already.

    One record per opportunity and instant, `<id>@<instant>`: several writes of one transaction share their instant, and the last of
    them counts, as for Tryton itself.
    """
    connection = connection_of(extraction)
    for ids in connection.id_pages(extraction, MODEL, changed_since(extraction.window_start)):
        extraction.land(_revisions_of(connection, ids, extraction.window_start))


def changed_since(start: datetime | None) -> Domain:
    """The records written at or after an instant; all of them without one. A record never written has no write date."""
    if start is None:
        return []
    return ["OR", ["write_date", ">=", wrapped(start)], ["create_date", ">=", wrapped(start)]]


def _revisions_of(connection: TrytonConnection, ids: list[int], start: datetime | None) -> Iterator[Record]:
    wanted = list(ids)
    for _ in range(_TRIES):
        revisions = [
            revision
            for revision in revisions_between(_instants(connection, wanted))
            if start is None or revision.since >= start
        ]
        moved: set[int] = set()
        for instant, some in readings(revisions):
            by_id = {revision.record_id: revision for revision in some}
            rows = connection.call(MODEL, "read", sorted(by_id), FIELDS, context={"_datetime": wrapped(instant)})
            for row in rows:
                revision = by_id.pop(row["id"])
                changed_at = instant_of(row["write_date"] or row["create_date"])
                if changed_at > revision.since:
                    moved.add(revision.record_id)
                else:
                    # An older state than asked for: the change itself left nothing to read, as a deletion that was undone later.
                    yield _record(revision, row if changed_at == revision.since else None)
            if by_id:
                moved.update(by_id)
        if not moved:
            return
        log.info("the history of %d opportunities changed while it was read; they are read again", len(moved))
        wanted = sorted(moved)
    raise TransientError(
        f"The history of opportunity {wanted[0]} changes faster than it can be read.", "Start again later."
    )


def _instants(connection: TrytonConnection, ids: list[int]) -> Iterator[tuple[int, datetime]]:
    for instant, record_id, _user in connection.call(MODEL, "history_revisions", ids):
        yield record_id, instant_of(instant)


def revisions_between(instants: Iterable[tuple[int, datetime]]) -> list[Revision]:
    """The states between the instants at which records changed, per record in order of time."""
    ordered = sorted(set(instants))
    revisions = []
    for place, (record_id, since) in enumerate(ordered):
        following = ordered[place + 1] if place + 1 < len(ordered) else None
        until = following[1] if following is not None and following[0] == record_id else None
        revisions.append(Revision(record_id, since, until))
    return revisions


def readings(revisions: list[Revision]) -> Iterator[tuple[datetime, list[Revision]]]:
    """The fewest instants that show every revision, each with the revisions to be read there, at most one of a record."""
    latest = max((revision.since for revision in revisions), default=None)
    if latest is None:
        return
    waiting = sorted(revisions, key=lambda revision: (revision.until or _NEVER, revision.since))
    while waiting:
        first = waiting[0]
        instant = latest if first.until is None else first.until - _TICK
        shown = [revision for revision in waiting if revision.since <= instant]
        waiting = [revision for revision in waiting if revision.since > instant]
        for place in range(0, len(shown), PAGE):
            yield instant, shown[place : place + PAGE]


def _record(revision: Revision, row: dict[str, Any] | None) -> Record:
    at = instant_text(revision.since)
    said = opportunity_payload(row) if row is not None else {"state": None}
    said.pop("id", None)
    payload = {"opportunity_id": revision.record_id, "revision_at": at, **said}
    return Record(f"{revision.record_id}@{at}", at, False, _encode(payload))


def opportunity_payload(row: dict[str, Any]) -> dict[str, Any]:
    """An opportunity as read, unwrapped, its currency's code in the place of the currency's record."""
    said: dict[str, Any] = plain(row)
    currency = said.pop("currency.", None) or {}
    said["currency_code"] = currency.get("code")
    return said
