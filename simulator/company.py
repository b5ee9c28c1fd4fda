"""The company as a whole: one ledger of events and versions per kind of entity, grown as simulated time needs it.

>>> company = Company(seed=7, size=2_000)
>>> state = company.at(1)            # everything recorded before night 1 begins
>>> state.listed("deals")            # numbers of the deals a list call would show
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simulator import activities, campaigns, catalogue, contacts, deals, goals, leads, line_items, links
from simulator.chance import Ints
from simulator.events import LIVE, STATUS, Events, Versions, versions
from simulator.seasons import DAY, HISTORY_DAYS, Arrivals, instant
from simulator.sellers import Sellers

SIZES = {"small": 2_000, "medium": 100_000, "large": 1_000_000}
KINDS = (
    "companies", "contacts", "leads", "deals", *activities.KINDS, "products", "line_items", "campaigns", "goal_targets",
)  # fmt: skip

_CHUNK = 100_000
# Slots are made this far ahead of the clock: leads and companies come before the deal of their slot.
_AHEAD = contacts.COMPANY_AHEAD + 3 * DAY
_NIGHTS_AHEAD = 14


class Ledger:
    """All entities of one kind, numbered from 0; some of them still lie in the future.

    `make` derives versions from events. `before`: the ledger of the first of these entities, whose versions need not be made again.
    """

    def __init__(self, events: Events, make: Callable[[Events], Versions], before: "Ledger | None" = None) -> None:
        self.events = events
        self._make = make
        held = None if before is None else before.__dict__.get("versions")
        self._held = (held, before.events.count) if held is not None and before is not None else None

    @cached_property
    def versions(self) -> Versions:
        """The states of all the entities: made when first asked for, since the truth log needs none and they are most of the memory."""
        parts, first = ([], 0) if self._held is None else ([self._held[0]], self._held[1])
        self._held = None
        for begin in range(first, self.events.count, _CHUNK):
            parts.append(self._make(self.events.part(begin, min(begin + _CHUNK, self.events.count))))
        return Versions.chain(parts)

    @cached_property
    def by_recorded(self) -> Ints:
        """Places of the versions in order of `modified`: a search by modified date looks here."""
        return np.argsort(self.versions.modified, kind="stable")

    @cached_property
    def modified_sorted(self) -> Ints:
        """`modified` in that order."""
        return self.versions.modified[self.by_recorded]

    @cached_property
    def merges(self) -> dict[int, tuple[int, int]]:
        """Entity merged away → (when the CRM learnt of it, the survivor)."""
        events = self.events
        places = np.flatnonzero((events.which == STATUS) & (events.value >= 0))
        columns = (events.number[places], events.recorded[places], events.value[places])
        return {number: (at, into) for number, at, into in zip(*(each.tolist() for each in columns), strict=True)}

    @cached_property
    def swallowed(self) -> dict[int, list[tuple[int, int]]]:
        """Survivor → the entities merged into it, each with the instant."""
        found: dict[int, list[tuple[int, int]]] = {}
        for loser, (at, survivor) in self.merges.items():
            found.setdefault(survivor, []).append((at, loser))
        return found

    def version_at(self, number: int, at: int) -> int | None:
        """The place of the version in force at an instant, None if the entity does not exist yet."""
        if not 0 <= number < self.events.count:
            return None
        low, high = int(self.versions.starts[number]), int(self.versions.starts[number + 1])
        place = low + int(np.searchsorted(self.versions.recorded[low:high], at, side="right")) - 1
        return place if place >= low else None


@dataclass(frozen=True)
class State:
    """The company as it is at an instant (ms): everything recorded up to and including it."""

    company: "Company"
    at: int

    def places(self, kind: str) -> Ints:
        """The place of the version in force of every entity that has one, in order of number."""
        found = self.company.ledgers[kind].versions
        known = found.recorded <= self.at
        last = known.copy()
        last[:-1] &= ~(known[1:] & (found.number[1:] == found.number[:-1]))
        return np.flatnonzero(last)

    def listed(self, kind: str, standing: int = LIVE) -> NDArray[np.int32]:
        """Numbers of the entities with that standing (LIVE, HIDDEN or GONE), ascending."""
        found = self.company.ledgers[kind].versions
        places = self.places(kind)
        return np.asarray(found.number[places[found.standing[places] == standing]])


class Company:
    """A seeded company. `size` is the number of deals created before night 1, in the last `history_days`: a young company is a busy one."""

    def __init__(self, seed: int, size: int | str, history_days: int = HISTORY_DAYS) -> None:
        if isinstance(size, str):
            if size not in SIZES:
                raise ValueError(f"There is no size {size!r}. Choose one of: {', '.join(SIZES)}.")
            size = SIZES[size]
        if size < 50:
            raise ValueError(f"A company of {size} deals is too small. Choose at least 50.")
        if not 1 <= history_days <= HISTORY_DAYS:
            raise ValueError(f"A company cannot have sold for {history_days} days. Choose 1 to {HISTORY_DAYS}.")
        self.seed = seed
        self.size = size
        self.history_days = history_days
        self.arrivals = Arrivals(seed, size, history_days)
        self.sellers = Sellers(seed, size)
        self.ledgers: dict[str, Ledger] = {}
        self.slots = 0

    def at(self, night: int) -> State:
        """The state at the instant in which a night's extraction begins."""
        self.grow(instant(night + 1))
        return State(self, instant(night))

    def grow(self, until: int) -> None:
        """Make everything that is recorded before an instant (and what comes of it later)."""
        needed = min(self.arrivals.count(until + _AHEAD), self.arrivals.capacity)
        if needed <= self.slots:
            return
        # Even, so that every slot group of an activity is whole; a fortnight ahead, so that most nights cost nothing.
        ahead = self.arrivals.count(until + _AHEAD + _NIGHTS_AHEAD * DAY)
        slots = ahead + (-ahead) % 8
        for kind in KINDS:
            self._extend(kind, self._numbers(kind, self.slots), self._numbers(kind, slots))
        self.slots = slots

    def _extend(self, kind: str, first: int, end: int) -> None:
        live, fields = self._life(kind)
        before = self.ledgers.get(kind)
        if before is not None and first == end:
            return
        events = [] if before is None else [before.events]
        events += [
            live(np.arange(begin, min(begin + _CHUNK, end), dtype=np.int64)) for begin in range(first, end, _CHUNK)
        ]
        self.ledgers[kind] = Ledger(
            Events.chain(events), lambda found: versions(found, fields, self.seed, kind), before
        )

    def _life(self, kind: str) -> tuple[Callable[[Ints], Events], tuple[int, ...]]:
        seed, arrivals, sellers = self.seed, self.arrivals, self.sellers
        if kind == "deals":
            return lambda numbers: deals.live(seed, numbers, arrivals, sellers), deals.FIELDS
        if kind == "leads":
            return lambda numbers: leads.live(seed, numbers, arrivals, sellers), leads.FIELDS
        if kind == "contacts":
            return lambda numbers: contacts.live_contacts(seed, numbers, arrivals), contacts.CONTACT_FIELDS
        if kind == "companies":
            return lambda numbers: contacts.live_companies(seed, numbers, arrivals), contacts.COMPANY_FIELDS
        if kind == "products":
            return catalogue.live, catalogue.FIELDS
        if kind == "line_items":
            return lambda numbers: line_items.live(seed, numbers, arrivals), line_items.FIELDS
        if kind == "campaigns":
            return lambda numbers: campaigns.live(seed, self.size, numbers), campaigns.FIELDS
        if kind == "goal_targets":
            return lambda numbers: goals.live(seed, numbers, sellers), goals.FIELDS
        return lambda numbers: activities.live(seed, kind, numbers, arrivals), activities.FIELDS

    def _numbers(self, kind: str, slots: int) -> int:
        """How many entities of a kind belong to the first `slots` deal slots (a multiple of 8)."""
        settled = {
            "products": len(catalogue.PRODUCTS),
            "campaigns": campaigns.COUNT,
            "goal_targets": goals.count(self.sellers),
        }
        if kind in settled:
            # Few, and independent of the deals: the whole calendar's at once.
            return settled[kind] if slots else 0
        if kind == "line_items":
            return slots * line_items.PER_DEAL
        if kind in ("leads", "contacts"):
            return slots * links.LEADS_PER_DEAL
        if kind == "companies":
            return slots * 5 // 8
        return slots // links.ACTIVITY_SLOTS.get(kind, 1)
