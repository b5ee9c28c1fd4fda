"""The truth log as lives: per entity what happened to it, in its own order, and what was known of it at a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulator import line_items, links, truth
from simulator.identities import number_of

#: an event of a line item, in the life of its deal: `field` is `<item>|<kind>|<field>`; it moves the deal's change date in some CRMs
RELATED = "related"
#: an event by which another entity that this one belongs to appears or vanishes; `field` says which
WITH_DEAL = "with_deal"
#: a contact's role in a deal: a life that is worked out from those of its ends, since the log numbers no links
ROLE = "contact_role"
#: so many numbers of roles are set aside for each deal, half of them for those that survivors get anew
ROLES_PER_DEAL = 256
STANDING = frozenset({"created", "archived", "restored", "deleted", "merged"})


_BEHIND_ALL = 1_000_000


class Event(NamedTuple):
    """One line of the truth log; instants are UTC without a zone. The creation of a line item has its deal's number as `new`."""

    recorded: datetime
    happened: datetime
    sequence: int
    kind: str
    field: str
    new: str | None


#: the events of one entity by their sequence
Life = list[Event]


class Lives:
    """All lives of a company, by its seed; read night by night."""

    def __init__(self, home: Path, seed: int) -> None:
        self._home = home
        self._seed = seed
        self._read: set[str] = set()
        #: entity → number → life
        self.of: dict[str, dict[int, Life]] = defaultdict(dict)
        #: the same events as the log has them, of deals only
        self.deals: dict[str, list[truth.Event]] = defaultdict(list)
        self.count = 0
        self._with_deal: list[tuple[int, Event]] = []
        self._contacts: dict[int, list[int]] = {}

    def read(self) -> None:
        """Takes in what was written since the last time."""
        for path in sorted((self._home / "truth").glob("night_*")):
            if path.name in self._read:
                continue
            self._read.add(path.name)
            for event in truth.read_file(path):
                self._take(event)
        self._take_along()
        for lives in self.of.values():
            for life in lives.values():
                life.sort(key=lambda event: event.sequence)
        for events in self.deals.values():
            events.sort(key=lambda event: event.sequence)
        self.of[ROLE] = dict(self._roles())

    def contacts_of(self, deal: int) -> list[int]:
        """The contacts that a deal was made with, the first one first."""
        if deal not in self._contacts:
            self._contacts[deal] = links.contacts_of_deals(self._seed, np.array([deal]))[0]
        return self._contacts[deal]

    def company_of(self, deal: int) -> int:
        """The company that a deal was made with."""
        return int(links.company_of_deal(self._seed, np.array([deal]))[0])

    def _roles(self) -> Iterator[tuple[int, Life]]:
        """Each contact's role in a deal as a life, by a number of its own; who survives a merge gets the roles of the other one anew."""
        for deal in self.of["deal"]:
            own = self.contacts_of(deal)
            for place, contact in enumerate(sorted(set(own))):
                number = deal * ROLES_PER_DEAL + place
                yield from self._role(number, deal, contact)
                for event in (each for each in self.of["contact"].get(contact, []) if each.kind == "merged"):
                    survivor = number_of("contacts", event.new or "")
                    assert survivor is not None, f"contact {contact} was merged into {event.new}, which is none"
                    if survivor not in own:
                        yield from self._role(number + ROLES_PER_DEAL // 2, deal, survivor, event.recorded)

    def _role(self, number: int, deal: int, contact: int, since: datetime | None = None) -> Iterator[tuple[int, Life]]:
        """It begins when both ends are there, ends with the contact, and goes and comes with the deal."""
        ends = self.of["deal"][deal], self.of["contact"].get(contact, [])
        if not ends[1]:
            return
        made = max(event.recorded for end in ends for event in end if event.kind == "created")
        made = made if since is None else max(made, since)
        is_first = contact == self.contacts_of(deal)[0]
        said = {"deal": deal, "contact": contact, "is_first": int(is_first)}
        of_deal, of_contact = ([event for event in end if event.kind in STANDING - {"created"}] for end in ends)
        life = [
            Event(made, made, 0, "created", "", None),
            *(Event(made, made, 0, "changed", name, str(value)) for name, value in said.items()),
            *of_contact,
            *(event._replace(kind=WITH_DEAL, field=event.kind, new=None) for event in of_deal),
        ]
        yield number, [event._replace(sequence=place) for place, event in enumerate(life)]

    def _take(self, event: truth.Event) -> None:
        self.count += 1
        happening = Event(
            instant(event.recorded_at),
            instant(event.happened_at),
            event.sequence,
            event.kind,
            event.field or "",
            str(line_items.deal_of(event.number))
            if event.entity == "line_item" and event.kind == "created"
            else event.new,
        )
        self.of[event.entity].setdefault(event.number, []).append(happening)
        if event.entity == "line_item":
            deal = line_items.deal_of(event.number)
            what = f"{event.number}|{event.kind}|{event.field or ''}"
            also = happening._replace(kind=RELATED, field=what, sequence=_BEHIND_ALL + event.sequence)
            self.of["deal"].setdefault(deal, []).append(also)
        if event.entity == "deal":
            self.deals[event.entity_id].append(event)
            if event.kind in STANDING - {"created"}:
                self._with_deal.append((event.number, happening))

    def _take_along(self) -> None:
        """What a deal's line items share with it; a deal that has gone gets no new ones, one that was merged hands over those it has."""
        for deal, event in self._with_deal:
            if event.kind == "merged":
                survivor = number_of("deals", event.new or "")
                assert survivor is not None, f"deal {deal} was merged into {event.new}, which is no deal"
                self.of["deal"][survivor] += [
                    each._replace(recorded=max(each.recorded, event.recorded))
                    for each in self.of["deal"][deal]
                    if each.kind == RELATED
                ]
            shared = event._replace(kind=WITH_DEAL, field=event.kind, new=None, sequence=_BEHIND_ALL + event.sequence)
            for item in range(deal * line_items.PER_DEAL, (deal + 1) * line_items.PER_DEAL):
                if item in self.of["line_item"]:
                    self.of["line_item"][item].append(shared)
        self._with_deal.clear()


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


def items_in(life: Life) -> dict[int, dict[str, str]]:
    """The line items that a deal holds: number → field → value. Those that were taken off it are not among them."""
    items: dict[int, dict[str, str]] = {}
    for event in (each for each in life if each.kind == RELATED):
        number, kind, field = event.field.split("|")
        if kind == "created":
            items[int(number)] = {}
        elif kind == "changed":
            items[int(number)][field] = event.new or ""
        else:
            del items[int(number)]
    return items


def touched(life: Life, *, with_related: bool = False) -> datetime:
    """When anything was last recorded of it, or of what belongs to it."""
    return max(event.recorded for event in life if event.kind != WITH_DEAL and (with_related or event.kind != RELATED))
