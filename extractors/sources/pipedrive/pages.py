"""Lists page by page: by cursor in v2, by place in v1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

from extractors.core.errors import IntegrityError, TransientError
from extractors.core.pagination import MAX_PAGES, CursorPages
from extractors.sources.pipedrive.answers import ListPage, Object, id_of
from extractors.sources.pipedrive.connection import V1, V2, PipedriveConnection

#: objects on a page: the most there are
PAGE = 500
_TRIES = 5


def cursor_pages(
    connection: PipedriveConnection,
    path: str,
    parameters: Mapping[str, str] | None = None,
    version: str = V2,
    spending: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[list[Object]]:
    """Every page of a list that goes on by cursor, empty ones left out. Raises IntegrityError on circles and on no list at all.

    `spending` is entered around every request.
    """
    guard = CursorPages(f"{path.strip('/')} of Pipedrive")
    asked = dict(parameters or {}) | {"limit": str(PAGE)}
    while True:
        with spending():
            page = connection.client.get(version + path, ListPage, asked)
        objects = _objects(page, path, may_be_null=version == V1)
        if objects:
            yield objects
        cursor = guard.follow(page.next_cursor)
        if cursor is None:
            return
        asked["cursor"] = cursor


def placed_pages(connection: PipedriveConnection, path: str, parameters: Mapping[str, str]) -> Iterator[list[Object]]:
    """Every page of a v1 list in the order of its ids.

    Places shift when something in front of them vanishes or comes. Each page therefore begins with the last object of the one
    before; where it does not, the list moved, and it is read again from the start. Objects may then come twice, none is passed over.
    Raises TransientError when the list does not hold still.
    """
    for _ in range(_TRIES):
        start, last = 0, None
        for _page in range(MAX_PAGES):
            asked = {**parameters, "sort": "id", "start": str(start), "limit": str(PAGE)}
            page = connection.client.get(V1 + path, ListPage, asked)
            objects = _objects(page, path, may_be_null=True)
            if last is not None and (not objects or id_of(objects[0], path) != last):
                break  # it moved
            fresh = objects if last is None else objects[1:]
            if fresh:
                yield fresh
            following = page.next_start(start)
            if following is None:
                return
            if not fresh or following <= start:
                raise IntegrityError(
                    f"Pipedrive's list {path} announces more and gives nothing new.", "Start again later."
                )
            last, start = id_of(objects[-1], path), start + len(objects) - 1
        else:
            raise IntegrityError(f"Pipedrive's list {path} did not end after {MAX_PAGES} pages.", "Start again later.")
    raise TransientError(f"Pipedrive's list {path} changes faster than it can be read.", "Start again later.")


def _objects(page: ListPage, path: str, may_be_null: bool) -> list[Object]:
    if not page.success or (page.data is None and not may_be_null):
        raise IntegrityError(f"Pipedrive answered {path} without data.", "Nothing of it was kept; start again later.")
    return page.data or []
