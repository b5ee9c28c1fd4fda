"""The truth log as lives: per entity what happened to it, in its own order, and what was known of it at a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from simulator import truth

STANDING = frozenset({"created", "archived", "restored", "deleted", "merged"})


class Event(NamedTuple):
    """One line of the truth log; instants are UTC without a zone."""

    recorded: datetime
    happened: datetime
    sequence: int
    kind: str
    field: str
    new: str | None


#: the events of one entity by their sequence
Life = list[Event]


class Lives:
    """All lives of a company, read night by night."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: set[str] = set()
        #: entity → number → life
        self.of: dict[str, dict[int, Life]] = defaultdict(dict)
        #: the same events as the log has them, of deals only
        self.deals: dict[str, list[truth.Event]] = defaultdict(list)
        self.count = 0

    def read(self) -> None:
        """Takes in what was written since the last time."""
        for path in sorted((self._home / "truth").glob("night_*")):
            if path.name in self._read:
                continue
            self._read.add(path.name)
            for event in truth.read_file(path):
                self._take(event)
        for lives in self.of.values():
            for life in lives.values():
                life.sort(key=lambda event: event.sequence)
        for events in self.deals.values():
            events.sort(key=lambda event: event.sequence)

    def _take(self, event: truth.Event) -> None:
        self.count += 1
        happening = Event(
            instant(event.recorded_at),
            instant(event.happened_at),
            event.sequence,
            event.kind,
            event.field or "",
            event.new,
        )
        self.of[event.entity].setdefault(event.number, []).append(happening)
        if event.entity == "deal":
            self.deals[event.entity_id].append(event)


def instant(text: str) -> datetime:
    """An instant of the log, or of a payload, UTC without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def known_at(life: Life, moment: datetime) -> Life:
    """What was recorded by a moment."""
    return [event for event in life if event.recorded <= moment]


def states_between(life: Life, low: datetime, high: datetime) -> Iterator[Life]:
    """The life as known at `low`, and after every event recorded until `high`."""
    yield known_at(life, low)
    for moment in sorted({event.recorded for event in life if low < event.recorded <= high}):
        yield known_at(life, moment)


def in_force(life: Life) -> dict[str, str | None]:
    """The values of all fields: the last in the order of happening counts, whenever it was entered."""
    return {event.field: event.new for event in life if event.kind == "changed"}


def standing(life: Life) -> Event:
    """The last event that made the entity appear or vanish."""
    return next(event for event in reversed(life) if event.kind in STANDING)


def touched(life: Life) -> datetime:
    """When anything was last recorded of it."""
    return max(event.recorded for event in life)
