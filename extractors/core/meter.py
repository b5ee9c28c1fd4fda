"""What requests cost in the vendor's own units, and how much of its allowance the last answer said is left."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """A vendor's allowance as its last answer told it: `left` of `limit` units (`tokens a day`), all of the account's clients together."""

    unit: str
    limit: int
    left: int


class Meter:
    """Counts every request that was sent, refused ones and retries included. Threads may share it."""

    def __init__(
        self,
        price: Callable[[str, str], Mapping[str, int]] = lambda method, path: {"calls": 1},
        said: Callable[[Mapping[str, str]], Quota | None] = lambda headers: None,
    ) -> None:
        """`price`: what a request of a method to a path (no host, no query) costs, by unit. `said`: an answer's headers to the quota they tell."""
        self._price = price
        self._said = said
        self._turn = threading.Lock()
        self.spent: Counter[str] = Counter()
        self.quota: Quota | None = None

    def begin(self) -> None:
        """Counts from nothing; the quota stays as it was last told."""
        with self._turn:
            self.spent.clear()

    def sent(self, method: str, path: str) -> None:
        """Counts a request."""
        with self._turn:
            self.spent.update(self._price(method, path))

    def answered(self, headers: Mapping[str, str]) -> None:
        """Notes what an answer tells of the quota."""
        self.quota = self._said(headers) or self.quota


def quota_of(unit: str, limit: str, left: str) -> Callable[[Mapping[str, str]], Quota | None]:
    """Reads a quota from two headers of these names; None where one is missing or no number."""

    def said(headers: Mapping[str, str]) -> Quota | None:
        most, rest = headers.get(limit, ""), headers.get(left, "")
        if all(text.isascii() and text.isdigit() for text in (most, rest)):
            return Quota(unit, int(most), int(rest))
        return None

    return said
