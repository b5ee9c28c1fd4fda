"""Which entities a v2 list shows, in which order, page by page: a keyset over (sort field, id), as Pipedrive's own cursors are."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from simulator.chance import Ints
from simulator.hubspot.answers import Request
from simulator.pipedrive.answers import invalid
from simulator.seasons import SECOND

MAX_LIMIT = 500
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class _Cursor(msgspec.Struct):
    field: str
    fieldValue: int
    sortDirection: str
    id: int


@dataclass
class Rows:
    """Candidates as columns: id, update and creation instant (ms), and the place each is rendered from."""

    ids: Ints
    updated: Ints
    added: Ints
    places: Ints

    def keep(self, flags: Any) -> "Rows":
        """Only the flagged rows."""
        return Rows(self.ids[flags], self.updated[flags], self.added[flags], self.places[flags])


def instant_in(request: Request, name: str) -> int | None:
    """An instant of the query in ms. Fractions of a second are refused, as Pipedrive does."""
    text = request.first(name)
    if text is None:
        return None
    if not _INSTANT.fullmatch(text):
        raise invalid(f"Invalid date format for {name}, expected RFC3339 without fractions of a second.")
    return int(np.datetime64(text[:-1], "ms").astype(np.int64))


def whole_in(request: Request, name: str, default: int) -> int:
    """A whole number of the query."""
    text = request.first(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"{name} must be a whole number.")
    return int(text)


def limit_in(request: Request) -> int:
    """The page size: 100 unless told, 500 at most."""
    limit = whole_in(request, "limit", 100)
    if not 1 <= limit <= MAX_LIMIT:
        raise invalid(f"limit must be between 1 and {MAX_LIMIT}.")
    return limit


def page_of(request: Request, rows: Rows) -> tuple[Rows, dict[str, Any]]:
    """One page in the order asked for, and the `additional_data` that leads to the next."""
    since, until = instant_in(request, "updated_since"), instant_in(request, "updated_until")
    stamped = rows.updated // SECOND * SECOND
    if since is not None:
        rows, stamped = rows.keep(stamped >= since), stamped[stamped >= since]
    if until is not None:
        rows = rows.keep(stamped < until)
    if "ids" in request.query:
        wanted = [int(each) for each in request.listed("ids") if each.isdigit()]
        rows = rows.keep(np.isin(rows.ids, wanted))
    by = request.first("sort_by") or "id"
    keys = {"id": rows.ids, "update_time": rows.updated // SECOND, "add_time": rows.added // SECOND}.get(by)
    if keys is None:
        raise invalid(f"sort_by cannot be {by}.")
    descends = request.first("sort_direction") == "desc"
    order = np.lexsort((rows.ids, -keys if descends else keys))
    rows, keys = rows.keep(order), keys[order]
    cursor = request.first("cursor")
    if cursor is not None:
        rows, keys = _after(cursor, by, descends, rows, keys)
    limit = limit_in(request)
    page = rows.keep(slice(0, limit))
    if len(rows.ids) <= limit:
        return page, {}
    last = _Cursor(by, int(keys[limit - 1]), "desc" if descends else "asc", int(rows.ids[limit - 1]))
    return page, {"next_cursor": base64.urlsafe_b64encode(msgspec.json.encode(last)).decode().rstrip("=")}


def _after(cursor: str, by: str, descends: bool, rows: Rows, keys: Ints) -> tuple[Rows, Ints]:
    try:
        last = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
    except (ValueError, msgspec.MsgspecError):
        raise invalid("The cursor cannot be read.") from None
    if (last.field, last.sortDirection) != (by, "desc" if descends else "asc"):
        raise invalid("The cursor belongs to another order.")
    beyond = keys < last.fieldValue if descends else keys > last.fieldValue
    flags = beyond | ((keys == last.fieldValue) & (rows.ids > last.id))
    return rows.keep(flags), keys[flags]
