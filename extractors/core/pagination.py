"""Pages: small classes of one shape, each of which notices when a source leads it in circles or stops too early.

A guard is told of every page (`follow`) and says where the next one starts, None after the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from extractors.core.errors import IntegrityError

T = TypeVar("T")

MAX_PAGES = 1_000_000


class CursorPages:
    """An opaque cursor that the source gives with each page and leaves out with the last."""

    def __init__(self, what: str, max_pages: int = MAX_PAGES) -> None:
        self._what = what
        self._max_pages = max_pages
        self._seen: set[str] = set()
        self._pages = 0

    def follow(self, cursor: str | None) -> str | None:
        """The next page's cursor. Raises IntegrityError on a cursor seen before and on too many pages."""
        self._pages += 1
        if cursor is None:
            return None
        if cursor in self._seen:
            raise _stopped(self._what, f"leads in circles: page {self._pages} points back to a page already read")
        if self._pages >= self._max_pages:
            raise _stopped(self._what, f"did not end after {self._max_pages} pages")
        self._seen.add(cursor)
        return cursor


class KeysetPages:
    """Pages ordered by a numeric id: the next one starts behind the last id read.

    Rows that leave the set while it is read cannot shift the others, and no offset limit is met.
    """

    def __init__(self, what: str, page_size: int, max_pages: int = MAX_PAGES) -> None:
        self._what = what
        self._page_size = page_size
        self._max_pages = max_pages
        self._last_id = -1
        self._pages = 0

    def follow(self, ids: list[int], total: int) -> int | None:
        """The id to start from (inclusive) for the next page; `total` is what the source counts from this page's start on.

        Raises IntegrityError when ids are not strictly ascending behind the last page, or a short page came although more was
        announced.
        """
        self._pages += 1
        for one in ids:
            if one <= self._last_id:
                raise _stopped(self._what, f"is not in order: id {one} came after {self._last_id}")
            self._last_id = one
        if total <= len(ids):
            return None
        if len(ids) < self._page_size:
            raise _stopped(self._what, f"ended with a page of {len(ids)} although {total} were announced")
        if self._pages >= self._max_pages:
            raise _stopped(self._what, f"did not end after {self._max_pages} pages")
        return self._last_id + 1


def _stopped(what: str, wrong: str) -> IntegrityError:
    return IntegrityError(f"The list of {what} {wrong}.", "Nothing of it was kept; start again later.")


def batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """The items in tuples of `size`, the last one shorter."""
    rest = iter(items)
    while some := tuple(islice(rest, size)):
        yield some
