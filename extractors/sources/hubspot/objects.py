"""One object type: read whole on the first load, by change afterwards, and its archived objects every night.

The payload that lands is the object as received, its top-level keys sorted, with `associations` as
`{"companies": ["7", "12"], …}`: distinct ids in the order of their numbers, every type that is loaded present. It is the same
whether the object came in a list (associations inside) or in a batch (without), so that an unchanged object is the same version.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import IntegrityError
from extractors.core.pagination import CursorPages, batches
from extractors.core.spec import ControlTotals, Record
from extractors.sources.hubspot.answers import BatchObjects, Object, ObjectPage
from extractors.sources.hubspot.associations import BATCH as ASSOCIATION_BATCH
from extractors.sources.hubspot.associations import Ends, ends_by_batch, ends_inline, refuse_unless_missing, sorted_ids
from extractors.sources.hubspot.connection import HubSpotConnection, property_chunks
from extractors.sources.hubspot.search import between, search

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

#: objects in one list or batch, without and with history
PAGE, HISTORY_PAGE = 100, 50
#: a history of exactly so many entries may have been cut; HubSpot documents no limit, others report these
SUSPECT_HISTORY = frozenset({20, 45})

_text = msgspec.json.Decoder(str)
_stamp = msgspec.json.Decoder(str | None)
_histories = msgspec.json.Decoder(dict[str, list[msgspec.Raw]])
_properties = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Seen:
    """What a run has landed that changed lately: object id → `updatedAt`; needed to tell a difference from a change in between."""

    def __init__(self, since: datetime) -> None:
        self.since = since
        #: what is stamped with an earlier day, whatever its offset, lies before `since`
        self._day = (since - timedelta(days=2)).date().isoformat()
        self.live: dict[str, datetime] = {}
        self.archived: dict[str, datetime] = {}

    def note(self, record: Record) -> None:
        # What is no instant at all is refused when it lands.
        if not record.updated_at or record.updated_at < self._day:
            return
        at = parse_instant(record.updated_at)
        if at >= self.since:
            (self.archived if record.is_deleted else self.live)[record.source_id] = at


@dataclass(frozen=True)
class ObjectType:
    """`associated`: the types whose ids are loaded with it. `history`: properties loaded with their history.

    `modified`: the property that search filters by. `is_optional`: not every account has it.
    `ask_totals`: asks for control totals once the changes are read.
    """

    name: str
    associated: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    modified: str = "hs_lastmodifieddate"
    is_optional: bool = False
    ask_totals: Callable[[Extraction, ObjectType, Seen], ControlTotals] | None = None

    @property
    def page(self) -> int:
        return HISTORY_PAGE if self.history else PAGE


def extract_objects(kind: ObjectType) -> Callable[[Extraction], None]:
    """The extract function of one object type."""

    def extract(extraction: Extraction) -> None:
        reading = Reading(extraction, kind)
        extraction.land(reading.listed() if extraction.is_first_load else reading.changed())
        totals = kind.ask_totals(extraction, kind, reading.seen) if kind.ask_totals else None
        # Last, so that whatever is archived while the others are read is seen here.
        extraction.land(reading.archived())
        if totals is not None:
            ids = (set(totals.excluded_ids) | reading.seen.archived.keys()) - set(totals.left_out_ids)
            extraction.report_control_totals(replace(totals, excluded_ids=tuple(sorted_ids(ids))))
        reading.warn_of_short_histories()

    return extract


class Reading:
    """The passes over one object type in one run."""

    def __init__(self, extraction: Extraction, kind: ObjectType) -> None:
        self._extraction = extraction
        self._kind = kind
        self._connection = cast(HubSpotConnection, extraction.connection)
        self._suspects: Counter[str] = Counter()
        lookback = timedelta(minutes=extraction.settings.lookback_minutes)
        self.seen = Seen(extraction.window_start or extraction.window_end - lookback)

    def listed(self) -> Iterator[Record]:
        """Every live object."""
        for objects in self._list_pages(is_archived=False):
            self._extraction.page_read()
            yield from self._records(objects, self._inline_ends(objects))

    def archived(self) -> Iterator[Record]:
        """Archived objects: all on the first load, then those archived since the window began (a list cannot be filtered)."""
        since = self._extraction.window_start
        for objects in self._list_pages(is_archived=True):
            fresh = {
                object_id: said
                for object_id, said in objects.items()
                if since is None or not _was_archived_before(object_id, self._kind.name, said, since)
            }
            if fresh:
                self._extraction.page_read()
                yield from self._records(fresh, self._inline_ends(fresh))

    def changed(self) -> Iterator[Record]:
        """Live objects modified since the window began, with history and associations as they are now.

        The search is open at its end: an object has one modified date, and what a nightly job touches behind the end of every window would
        be found by none of them. The order of the ids keeps the reading finite.
        """
        kind, window = self._kind, self._extraction.window
        found = search(self._connection, kind.name, between(kind.modified, window.start, None))
        for ids in batches((row.id for row in found), ASSOCIATION_BATCH):
            ends = ends_by_batch(self._connection, kind.name, kind.associated, ids)
            pages = list(batches(ids, kind.page))
            for some, objects in zip(pages, self._extraction.in_flight(self._read_batch, pages), strict=True):
                self._extraction.page_read()
                yield from self._records(objects, ends)
                if len(objects) < len(some):
                    log.info(
                        "%s: %d of %d changed objects are gone by now; the archived list or the next sweep has them",
                        kind.name, len(some) - len(objects), len(some),
                    )  # fmt: skip

    def warn_of_short_histories(self) -> None:
        for name, objects in sorted(self._suspects.items()):
            log.warning(
                "HubSpot: the history of %s has exactly %s entries in %d %s; HubSpot may have cut it",
                name, " or ".join(map(str, sorted(SUSPECT_HISTORY))), objects, self._kind.name,
            )  # fmt: skip

    def _list_pages(self, is_archived: bool) -> Iterator[dict[str, Object]]:
        """Pages of a list, by id; each page is asked for once per chunk of properties and put together."""
        chunks = property_chunks(self._connection.properties_of(self._kind.name))
        guard = CursorPages(self._kind.name)
        after: str | None = None
        before: set[str] = set()
        while True:
            first = self._list_page(chunks[0], after, is_archived, whole=True)
            objects = objects_by_id(first.results, self._kind.name)
            if before & objects.keys():
                raise IntegrityError(
                    f"HubSpot's list of {self._kind.name} gives objects of one page again on the next.",
                    "Start again later.",
                )
            for chunk in chunks[1:]:
                more = objects_by_id(self._list_page(chunk, after, is_archived, whole=False).results, self._kind.name)
                # What vanished between two calls for the same page is left to the archived list and the sweep.
                objects = {
                    object_id: _with_properties(object_id, said, more[object_id])
                    for object_id, said in objects.items()
                    if object_id in more
                }
            if objects:
                yield objects
            before = set(objects)
            after = guard.follow(first.after)
            if after is None:
                return

    def _list_page(self, properties: str, after: str | None, is_archived: bool, whole: bool) -> ObjectPage:
        parameters = {
            "limit": str(self._kind.page),
            "archived": "true" if is_archived else "false",
            "properties": properties,
        }
        if whole and self._kind.history:
            parameters["propertiesWithHistory"] = ",".join(self._kind.history)
        if whole and self._kind.associated:
            parameters["associations"] = ",".join(self._kind.associated)
        if after is not None:
            parameters["after"] = after
        return self._connection.client.get(self._connection.objects_path(self._kind.name), ObjectPage, parameters)

    def _read_batch(self, ids: Sequence[str]) -> dict[str, Object]:
        answer = self._connection.client.post(
            self._connection.objects_path(self._kind.name, "/batch/read"),
            BatchObjects,
            {
                "inputs": [{"id": object_id} for object_id in ids],
                "properties": self._connection.properties_of(self._kind.name),
                "propertiesWithHistory": self._kind.history,
            },
        )
        refuse_unless_missing(answer.errors, self._kind.name)
        objects = objects_by_id(answer.results, self._kind.name)
        # Asked for one that was merged away, HubSpot may give the survivor, which has a change of its own.
        return {object_id: said for object_id, said in objects.items() if object_id in ids}

    def _inline_ends(self, objects: Mapping[str, Object]) -> Ends:
        return ends_inline(self._connection, self._kind.name, self._kind.associated, objects)

    def _records(self, objects: Mapping[str, Object], ends: Ends) -> list[Record]:
        records = []
        for object_id, said in objects.items():
            try:
                if self._kind.history:
                    self._check_history(said)
                record = record_with_ends(object_id, said, ends[object_id] if self._kind.associated else {})
                self.seen.note(record)
            except _UNREADABLE as error:
                raise _unreadable(self._kind.name, object_id, error) from error
            records.append(record)
        return records

    def _check_history(self, said: Object) -> None:
        history = said.get("propertiesWithHistory")
        if history is None:
            raise IntegrityError(f"HubSpot gave {self._kind.name} without their history.", "Start again later.")
        histories = _histories.decode(history)
        if not SUSPECT_HISTORY.isdisjoint(map(len, histories.values())):
            self._suspects.update(name for name, entries in histories.items() if len(entries) in SUSPECT_HISTORY)


_UNREADABLE = (msgspec.MsgspecError, ValueError, KeyError)


def _unreadable(kind: str, object_id: str, error: BaseException) -> IntegrityError:
    return IntegrityError(
        f"HubSpot's object {object_id[:40]!r} of {kind} holds something that it cannot: {str(error)[:120].rstrip('.')}.",
        "Nothing of it was kept. Correct it in HubSpot.",
    )


class Naming:
    """Raises IntegrityError naming the object where what is in it is not of its shape."""

    def __init__(self, kind: str, object_id: str) -> None:
        self._kind = kind
        self._id = object_id

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _UNREADABLE):
            raise _unreadable(self._kind, self._id, error) from error


def record_with_ends(object_id: str, said: Object, ends: Mapping[str, list[str]]) -> Record:
    """The record of an object whose associations are replaced by plain lists of ids."""
    return record_as_received(object_id, said | {"associations": msgspec.Raw(_encode(ends))})


def record_as_received(object_id: str, said: Object) -> Record:
    """The record of an object: its values as received, not encoded anew, in the order of their keys. An archived one is dated by that."""
    is_archived = "archived" in said and bytes(said["archived"]) == b"true"
    stamp = said.get("archivedAt") if is_archived and "archivedAt" in said else said.get("updatedAt")
    return Record(object_id, _stamp.decode(stamp) if stamp is not None else None, is_archived, _encode_sorted(said))


def objects_by_id(objects: Sequence[Object], kind: str) -> dict[str, Object]:
    """By their `id`, which must be there and differ. Raises IntegrityError."""
    try:
        found = {_text.decode(said["id"]): said for said in objects}
    except (KeyError, msgspec.MsgspecError):
        raise IntegrityError(f"HubSpot gave one of its {kind} without an id.", "Start again later.") from None
    if len(found) < len(objects):
        raise IntegrityError(f"HubSpot gave one of its {kind} twice on one page.", "Start again later.")
    return found


def _with_properties(object_id: str, said: Object, more: Object) -> Object:
    """`said` with the properties of both, in the order of their names."""
    with Naming("its list", object_id):
        both = _properties.decode(said["properties"]) | _properties.decode(more["properties"])
    spliced = b"{" + b",".join(_encode(name) + b":" + bytes(both[name]) for name in sorted(both)) + b"}"
    return said | {"properties": msgspec.Raw(spliced)}


def _was_archived_before(object_id: str, kind: str, said: Object, since: datetime) -> bool:
    with Naming(kind, object_id):
        return "archivedAt" in said and parse_instant(_text.decode(said["archivedAt"])) < since
    return False
