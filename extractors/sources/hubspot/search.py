"""HubSpot's search: ids by change date, in the order of their ids, without its limit of 10,000 results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from extractors.core.cursor import epoch_milliseconds
from extractors.core.errors import IntegrityError
from extractors.core.pagination import KeysetPages
from extractors.sources.hubspot.answers import FoundObject, FoundObjects
from extractors.sources.hubspot.connection import SEARCH, HubSpotConnection

PAGE = 200


def between(modified: str, start: datetime | None, end: datetime | None) -> list[dict[str, str]]:
    """Filters for a change date within [start, end], both ends included, None = open."""
    filters = []
    if start is not None:
        filters.append({"propertyName": modified, "operator": "GTE", "value": str(epoch_milliseconds(start))})
    if end is not None:
        filters.append({"propertyName": modified, "operator": "LTE", "value": str(epoch_milliseconds(end))})
    return filters


def equal(**properties: str) -> list[dict[str, str]]:
    return [{"propertyName": name, "operator": "EQ", "value": value} for name, value in properties.items()]


def search(
    connection: HubSpotConnection,
    kind: str,
    filters: Sequence[dict[str, str]],
    properties: Sequence[str] = ("hs_object_id",),
) -> Iterator[FoundObject]:
    """Every object that the filters find, ascending by id. Each page starts behind the last id of the one before.

    A row that leaves the set while it is being read (its change date moves on) therefore shifts nothing, and however many results
    there are, no page lies beyond the ten-thousandth. Raises IntegrityError when a page breaks its own promises.
    """
    guard = KeysetPages(f"changed {kind}", PAGE)
    start: int | None = 0
    while start is not None:
        found = _ask(connection, kind, [*filters, _id_from(start)] if start else filters, properties, PAGE)
        try:
            ids = [int(row.id) for row in found.results]
        except ValueError:
            raise IntegrityError(f"HubSpot gave a {kind} id that is no number.", "Start again later.") from None
        start = guard.follow(ids, found.total)
        yield from found.results


def count(connection: HubSpotConnection, kind: str, filters: Sequence[dict[str, str]]) -> int:
    """How many objects the filters find."""
    return _ask(connection, kind, filters, ("hs_object_id",), 1).total


def _id_from(start: int) -> dict[str, str]:
    return {"propertyName": "hs_object_id", "operator": "GTE", "value": str(start)}


def _ask(
    connection: HubSpotConnection, kind: str, filters: Sequence[dict[str, str]], properties: Sequence[str], limit: int
) -> FoundObjects:
    body: dict[str, Any] = {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": limit,
        "after": "0",
    }
    return connection.client.post(connection.objects_path(kind, "/search"), FoundObjects, body, bucket=SEARCH)
