"""Pages that lead in circles, or end too early, are noticed."""

from __future__ import annotations

import pytest

from extractors.core.errors import IntegrityError
from extractors.core.pagination import CursorPages, KeysetPages, batches

pytestmark = pytest.mark.unit


def test_cursors_are_followed_to_the_end() -> None:
    pages = CursorPages("deals")
    assert [pages.follow(cursor) for cursor in ("a", "b", None)] == ["a", "b", None]


@pytest.mark.parametrize("cursors", [("a", "a"), ("a", "b", "a"), ("a", "b", "c", "b")])
def test_a_circle_of_cursors_is_noticed(cursors: tuple[str, ...]) -> None:
    pages = CursorPages("deals")
    for cursor in cursors[:-1]:
        pages.follow(cursor)
    with pytest.raises(IntegrityError, match="leads in circles"):
        pages.follow(cursors[-1])


def test_pages_without_end_end() -> None:
    pages = CursorPages("deals", max_pages=50)
    keyset = KeysetPages("deals", 1, max_pages=50)
    for number in range(49):
        assert pages.follow(str(number)) == str(number)
        assert keyset.follow([number], 1000) == number + 1
    with pytest.raises(IntegrityError, match="did not end after 50 pages"):
        pages.follow("49")
    with pytest.raises(IntegrityError, match="did not end after 50 pages"):
        keyset.follow([49], 1000)


def test_a_keyset_starts_behind_the_last_id() -> None:
    pages = KeysetPages("deals", 3)
    assert pages.follow([1, 5, 9], 5) == 10
    assert pages.follow([12, 13], 2) is None


@pytest.mark.parametrize(
    ("ids", "total", "words"),
    [([10, 12], 5, "page of 2 although 5"), ([], 4, "page of 0 although 4"), ([12, 11, 13], 3, "not in order"),
     ([9, 11, 12], 3, "not in order"), ([10, 10, 11], 3, "not in order")],
)  # fmt: skip
def test_a_keyset_notices_what_is_missing_doubled_or_shuffled(ids: list[int], total: int, words: str) -> None:
    pages = KeysetPages("deals", 3)
    pages.follow([1, 5, 9], 8)
    with pytest.raises(IntegrityError, match=words):
        pages.follow(ids, total)


def test_batches_lose_nothing() -> None:
    assert list(batches(range(7), 3)) == [(0, 1, 2), (3, 4, 5), (6,)]
    assert list(batches([], 3)) == []
