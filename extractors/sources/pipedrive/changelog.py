"""The history of deals: one call per deal, twenty tokens each, in order of their update time, within the day's tokens.

The cursor says how far: the history of every deal whose last change lies before it has been read. Tonight's changes go first, so that
what is held stays current; what the tokens left over is gone on with at the cursor. A first load of many deals therefore takes
several nights, and the cursor moves a piece each night. Until its turn comes a deal's changes are what its nightly versions show.

One record per deal: `{"deal_id": 7, "update_time": "…", "changes": […]}`, the whole changelog as received, newest first, and the deal's
update time when it was listed: up to there the changelog is known to be whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, NamedTuple

from extractors.core.cursor import parse_instant
from extractors.core.errors import IntegrityError
from extractors.core.spec import Record
from extractors.sources.pipedrive.answers import number_of, payload_of, stamp_of
from extractors.sources.pipedrive.connection import V1, MissingError, TokensSpentError, connection_of, stamp
from extractors.sources.pipedrive.pages import cursor_pages

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

#: tokens for one page of a changelog, and of the two lists of deals
COST = 20
LISTS = {"/deals": 10, "/deals/archived": 20}


class _Changed(NamedTuple):
    at: datetime
    number: int
    update_time: str


class _Reading:
    """One night's reading. `is_cut`: the tokens did not suffice."""

    def __init__(self, extraction: Extraction) -> None:
        self._extraction = extraction
        self._connection = connection_of(extraction)
        self._done: set[int] = set()
        self.is_cut = False

    def read(self, deals: Iterable[_Changed]) -> datetime | None:
        """Lands the changelogs of these deals as long as there are tokens; returns the update time of the last one that was read."""
        reached = None
        try:
            for deal, record in self._extraction.in_flight(self._ask, self._affordable(deals)):
                reached = deal.at
                if record is not None:
                    self._extraction.page_read()
                    self._extraction.land([record])
        except TokensSpentError:
            self.is_cut = True
        finally:
            self._connection.tokens.settle_all()
        return reached

    def _affordable(self, deals: Iterable[_Changed]) -> Iterator[_Changed]:
        tokens, kept = self._connection.tokens, self._extraction.settings.pipedrive_reserve_percent
        try:
            for deal in deals:
                if deal.number in self._done:
                    continue
                # In this thread, so that of two deals the one whose turn is later does not get the last tokens.
                if not tokens.reserve(COST, kept):
                    self.is_cut = True
                    return
                self._done.add(deal.number)
                yield deal
        except TokensSpentError:
            # The next page of the list: what is under way is still landed.
            self.is_cut = True

    def _ask(self, deal: _Changed) -> tuple[_Changed, Record | None]:
        rows: list[bytes] = []
        # The first page's tokens are set aside already.
        asked = iter([True])

        def spending() -> AbstractContextManager[None]:
            kept = self._extraction.settings.pipedrive_reserve_percent
            return self._connection.tokens.spending(COST, kept, is_reserved=next(asked, False))

        path = f"/deals/{deal.number}/changelog"
        try:
            for page in cursor_pages(self._connection, path, version=V1, spending=spending):
                rows += map(payload_of, page)
        except MissingError:
            log.info("deal %d is gone: what was known of its history stays", deal.number)
            return deal, None
        stamped = (deal.number, deal.update_time.encode(), b",".join(rows))
        payload = b'{"deal_id":%d,"update_time":"%s","changes":[%s]}' % stamped
        return deal, Record(str(deal.number), deal.update_time, False, payload)


def extract_changelogs(extraction: Extraction) -> None:
    """Lands the changelogs that the day's tokens allow and moves the cursor over what is done."""
    cursor, last_asked = extraction.state.cursor, extraction.state.last_extracted_at
    settings = extraction.settings
    behind = timedelta(minutes=settings.settle_minutes)
    reading = _Reading(extraction)
    reached = None
    fresh_since: datetime | None = None
    if last_asked is not None:
        fresh_since = last_asked - behind - timedelta(minutes=settings.lookback_minutes)
        reading.read(_changed(extraction, fresh_since))
    else:
        # Deleted deals are shown for 30 days only: their turn might come too late.
        reading.read(_changed(extraction, None, "deleted"))
    has_backlog = cursor is None or last_asked is None or cursor < last_asked - behind
    if has_backlog and not reading.is_cut:
        backlog = _changed(extraction, cursor)
        reached = reading.read(deal for deal in backlog if fresh_since is None or deal.at < fresh_since)
    if reading.is_cut:
        _stop_at(extraction, reached)


def _changed(
    extraction: Extraction, since: datetime | None, status: str = "open,won,lost,deleted"
) -> Iterator[_Changed]:
    """Deals that changed at or after an instant, by update time, whether archived, deleted or neither."""
    asked = {"sort_by": "update_time", "status": status}
    if since is not None:
        asked["updated_since"] = stamp(since)

    def of(path: str) -> Iterator[_Changed]:
        connection, kept = connection_of(extraction), extraction.settings.pipedrive_reserve_percent

        def spending() -> AbstractContextManager[None]:
            return connection.tokens.spending(LISTS[path], kept)

        for page in cursor_pages(connection, path, asked, spending=spending):
            for said in page:
                text = stamp_of(said, "deals", "update_time", "add_time")
                if text is None:
                    raise IntegrityError("Pipedrive gave a deal without an update time.", "Start again later.")
                yield _Changed(parse_instant(text), number_of(said, "deals"), text)

    return merge(*map(of, LISTS))


def _stop_at(extraction: Extraction, reached: datetime | None) -> None:
    """The cursor stays before the deal that was not read any more; deals of the same second are read again."""
    window = extraction.window
    if reached is None:
        # Not even tonight's changes: what was behind the cursor still is, and on a first load everything.
        reached = window.cursor_from or datetime.fromtimestamp(0, tz=window.end.tzinfo)
    extraction.window = replace(window, cursor_to=max(reached, window.cursor_from or reached))
    log.warning(
        "Pipedrive: the tokens set aside for histories are used up for today; read so far: deals last changed before %s. "
        "The next night goes on there.",
        stamp(extraction.window.cursor_to),
    )
