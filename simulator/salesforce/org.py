"""The org: the company as Salesforce's database shows it at an instant, commit by commit."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Flags, Ints, uniform
from simulator.clock import Clock
from simulator.company import Company, Ledger
from simulator.events import GONE, LIVE, STATUS
from simulator.seasons import DAY, SECOND

BIN_DAYS = 15
LONGEST_COMMIT = 720
"""Seconds between a transaction's stamp and the moment its rows show, at most."""
TRACKED = frozenset({"StageName", "Amount", "CloseDate", "Owner", "RecordType", "CurrencyIsoCode"})
"""Fields with history tracking switched on, as an administrator chose them."""


@dataclass
class _Commits:
    """What a ledger's versions look like from outside: when each shows, and where to find a span of stamps."""

    ledger: Ledger
    visible: Ints
    by_stamp: Ints
    stamps: Ints
    merged: NDArray[np.int32]


@dataclass
class Org:
    """One org of one company. What a test may turn: tracked fields, hidden fields and objects, further custom fields, the share of
    commits that take minutes."""

    company: Company
    clock: Clock
    tracked: frozenset[str] = TRACKED
    hidden_fields: frozenset[tuple[str, str]] = frozenset()
    hidden_objects: frozenset[str] = frozenset()
    further_fields: int = 0
    has_process_stages: bool = True
    slow_commits: float = 0.08
    _commits: dict[str, _Commits] = field(default_factory=dict)

    def commits(self, kind: str) -> _Commits:
        """The commits of a kind of entity, made anew when its ledger has grown."""
        ledger = self.company.ledgers[kind]
        held = self._commits.get(kind)
        if held is not None and held.ledger is ledger:
            return held
        found, events = ledger.versions, ledger.events
        visible = found.recorded + self._lag(kind, found.number.astype(np.int64), found.recorded)
        # Commits of one row come in order: a running maximum that starts anew with each entity.
        lane, start = found.number.astype(np.int64) << 43, int(found.recorded.min())
        visible = np.maximum.accumulate(lane + (visible - start)) - lane + start
        order = np.argsort(found.recorded, kind="stable")
        merged = np.unique(events.number[(events.which == STATUS) & (events.value >= 0)])
        self._commits[kind] = _Commits(ledger, visible, order, found.recorded[order], merged)
        return self._commits[kind]

    def _lag(self, kind: str, number: Ints, recorded: Ints) -> Ints:
        """A row is stamped when its transaction writes and seen when it commits: mostly at once, sometimes minutes later."""
        key = number * 1_000_003 + recorded // 7
        share = uniform(self.company.seed, f"salesforce.{kind}.commit", key)
        which = uniform(self.company.seed, f"salesforce.{kind}.commit.kind", key)
        longest = np.where(
            which < self.slow_commits, LONGEST_COMMIT, np.where(which < self.slow_commits + 0.1, 20, 0.8)
        )
        return np.asarray((share * longest * SECOND).astype(np.int64))

    def shown(self, kind: str, now: int, span: tuple[int, int] | None = None, numbers: list[int] | None = None) -> Ints:
        """Places of the versions in force of the rows that `queryAll` shows, only those with a stamp in `span` or of `numbers`."""
        held = self.commits(kind)
        found = held.ledger.versions
        if numbers is not None:
            known = [each for each in numbers if 0 <= each < held.ledger.events.count]
            parts = [np.arange(found.starts[each], found.starts[each + 1]) for each in sorted(set(known))]
            places: Ints = np.concatenate([*parts, np.zeros(0, dtype=np.int64)]).astype(np.int64)
        elif span is not None:
            low, high = np.searchsorted(held.stamps, [span[0], span[1] + SECOND])
            places = np.sort(held.by_stamp[low:high])
        else:
            places = np.arange(len(found.number), dtype=np.int64)
        places = places[held.visible[places] <= now]
        later = np.minimum(places + 1, len(found.number) - 1)
        replaced = (later > places) & (found.number[later] == found.number[places]) & (held.visible[later] <= now)
        places = places[~replaced]
        return places[~self.purged(kind, places, now)]

    def purged(self, kind: str, places: Ints, now: int) -> Flags:
        """Gone for good: erased at once, or out of the recycle bin."""
        held = self.commits(kind)
        found = held.ledger.versions
        standing = found.standing[places]
        erased = (standing == GONE) & ~np.isin(found.number[places], held.merged)
        old = (standing != LIVE) & (found.recorded[places] + BIN_DAYS * DAY <= now)
        return np.asarray(erased | old)

    def survivor(self, kind: str, number: int, now: int) -> int:
        """The row itself, or the one it was merged into by now: what points to a row is handed over with it, and nobody stamps it."""
        at, survivor = self.company.ledgers[kind].merges.get(number, (now + 1, number))
        return survivor if at <= now else number

    def visible_from(self, kind: str, number: int, recorded: int) -> int:
        """When what was recorded of an entity at that millisecond was committed."""
        held = self.commits(kind)
        low, high = int(held.ledger.versions.starts[number]), int(held.ledger.versions.starts[number + 1])
        place = low + int(np.searchsorted(held.ledger.versions.recorded[low:high], recorded, side="left"))
        return int(held.visible[min(place, high - 1)])


def second(at: int) -> int:
    """Salesforce keeps whole seconds."""
    return at // SECOND * SECOND
