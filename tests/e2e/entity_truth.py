"""What the warehouse must hold of everything but deals, worked out from the simulated company's truth log alone.

Shares nothing with the warehouse: no SQL, no key, no model of it is read here. A row is what is comparable of one entity; where an entity changed
while the night was asking, several rows are right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from simulator import links
from simulator.identities import identify
from simulator.line_items import deal_of
from simulator.seasons import instant as night_instant
from simulator.seasons import iso
from simulator.truth import Event
from tests.e2e.truth_ledger import INDEX_LAG, instant, known_at

Life = list[Event]
#: what vanished without a trace or was merged away is no longer told by the CRM; what is archived is
UNSEEN = ("deleted", "merged")


@dataclass(frozen=True)
class Unknown:
    """The other end of an association that is no more: it may stand there or not."""

    id: str


@dataclass
class Company:
    """The truth by the end of a night: `data_through` and `asked_until` bound what the night may or must have seen."""

    night: int
    data_through: datetime
    asked_until: datetime
    lives: dict[str, dict[str, Life]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    @classmethod
    def of(cls, events: Iterable[Event], night: int, data_through: datetime, asked_until: datetime) -> Company:
        found = cls(night, data_through, asked_until)
        for event in events:
            if instant(event.recorded_at) <= asked_until:
                found.lives[event.entity][event.entity_id].append(event)
        for lives in found.lives.values():
            for life in lives.values():
                life.sort(key=lambda event: event.sequence)
        return found

    def states(self, life: Life) -> list[Life]:
        """The lives that this night may show; the first is the one that had settled."""
        recent = [
            event for event in life if self.data_through - INDEX_LAG < instant(event.recorded_at) <= self.asked_until
        ]
        states = [known_at(life, self.data_through), *(known_at(life, instant(event.recorded_at)) for event in recent)]
        if recent:
            # Moved on behind the window's end, it is found by no search of this night and stays as the night before left it.
            states.append(known_at(life, self.data_through - INDEX_LAG))
            states.append(known_at(life, self.data_through - timedelta(days=1) - INDEX_LAG))
        return states

    def was_ever_shown(self, life: Life) -> bool:
        """Whether the CRM showed the entity on any night, live or archived, from an hour before the night on."""
        for night in range(1, self.night + 1):
            at = datetime.fromisoformat(iso(night_instant(night))).replace(tzinfo=None)
            around = [known_at(life, at - timedelta(hours=1)), known_at(life, at + timedelta(minutes=30))]
            if all(state and standing(state) not in UNSEEN for state in around):
                return True
        return False


def standing(life: Life) -> str:
    """created, archived, restored, deleted or merged."""
    return [event.kind for event in life if event.kind != "changed"][-1]


def is_live(life: Life) -> bool:
    return bool(life) and standing(life) in ("created", "restored")


def values(life: Life) -> dict[str, str | None]:
    """The values in force."""
    return {str(event.field): event.new for event in life if event.kind == "changed"}


def survivor(lives: Mapping[str, Life], entity_id: str) -> str:
    """The entity itself, or the one it was merged into by now."""
    life = lives.get(entity_id, [])
    if life and standing(life) == "merged":
        return next(str(event.new) for event in life if event.kind == "merged")
    return entity_id


def money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def differences(
    company: Company, entity: str, held: Mapping[str, Any], row_of: Callable[[Life], Any], gone: Callable[[Any], bool]
) -> list[str]:
    """Every entity whose row in the warehouse is none of the right ones. An end that is no more may have been read before it went, or
    not; what is gone is compared by `gone` of its row only: nobody can tell what
    happened to it between the last look and its end."""
    found = [f"{entity} {key} is held and never was" for key in held.keys() - company.lives[entity].keys()]
    for key, life in company.lives[entity].items():
        states = [state for state in company.states(life) if state]
        if not states:
            continue
        if key not in held:
            if company.was_ever_shown(life):
                found.append(f"{entity} {key} is not held: {row_of(states[0])}")
            continue
        right = [row_of(state) for state in states]
        if any(_agree(held[key], row) for row in right):
            continue
        if any(not is_live(state) for state in states) and gone(held[key]):
            continue
        found.append(f"{entity} {key}: expected {right[0]}, found {held[key]}")
    return found


def _agree(held: Any, right: Any) -> bool:
    if not isinstance(held, tuple) or not isinstance(right, tuple):
        return bool(held == right)
    return len(held) == len(right) and all(
        one is None or one == other.id if isinstance(other, Unknown) else one == other
        for one, other in zip(held, right, strict=True)
    )


def end(company: Company, entity: str, entity_id: str) -> str | Unknown:
    """The other end of an association: of one that was merged away the survivor; what is no more shows as none to who asks now."""
    found = survivor(company.lives[entity], entity_id)
    states = company.states(company.lives[entity].get(found, []))
    was_away = any(event.kind in ("archived", "restored") for event in company.lives[entity].get(found, []))
    return found if all(is_live(state) for state in states) and not was_away else Unknown(found)


def line_item(company: Company) -> Callable[[Life], tuple[Any, ...]]:
    """product id, quantity, amount, currency, deal, is deleted."""

    def row(life: Life) -> tuple[Any, ...]:
        said = values(life)
        deal = end(company, "deal", identify("deals", deal_of(life[0].number)))
        return (
            said["product"], float(said["quantity"] or 0), money(said["amount"]), said["currency"], deal, not is_live(life),
        )  # fmt: skip

    return row


def product(life: Life) -> tuple[Any, ...]:
    """name, is deleted."""
    return values(life)["name"], not is_live(life)


def campaign(life: Life) -> tuple[Any, ...]:
    """name, budget, spent, currency, is deleted; where nothing was entered yet HubSpot says nothing in a list and 0 of the campaign alone."""
    said = values(life)
    return said["name"], money(said.get("budget") or "0"), money(said.get("spend") or "0"), "EUR", not is_live(life)


def quota(life: Life) -> tuple[Any, ...] | None:
    """owner, first and last day, amount; None for one that is no goal of money or is no more."""
    said = values(life)
    if said["goal"] != "revenue" or not is_live(life):
        return None
    first, last = (date.fromisoformat(day) for day in str(said["period"]).split("/"))
    return said["owner"], first, last, money(said["amount"])


def status_changes(life: Life) -> list[tuple[datetime, str | None]]:
    """Every change of a lead's status; the same status set again is none."""
    steps: list[tuple[datetime, str | None]] = []
    for event in life:
        if event.field == "stage" and (not steps or steps[-1][1] != event.new):
            steps.append((instant(event.happened_at), event.new))
    return steps


def lead(life: Life) -> tuple[Any, ...]:
    """status, owner, is deleted, status changes."""
    said = values(life)
    return said["stage"], said.get("owner"), not is_live(life), status_changes(life)


def party(life: Life) -> tuple[Any, ...]:
    """Of a contact or company: is deleted, merged into."""
    into = next((event.new for event in life if event.kind == "merged"), None)
    return not is_live(life), into


def activity(company: Company, kind: str, seed: int) -> Callable[[Life], tuple[Any, ...]]:
    """Of an activity: is deleted, its contact, of one that was merged away the survivor."""

    def row(life: Life) -> tuple[Any, ...]:
        numbers = np.array([life[0].number], dtype=np.int64)
        slot = int(links.activity_deal(seed, kind, numbers)[0])
        of_lead = int(links.activity_is_of_lead(seed, kind, numbers)[0])
        return not is_live(life), end(company, "contact", identify("contacts", slot * 2 + of_lead))

    return row


def contacts_of(company: Company, deal_id: str, seed: int) -> set[str]:
    """The live contacts of a deal and of those that were merged into it."""
    family = [deal_id, *(str(event.new) for event in company.lives["deal"][deal_id] if event.field == "merged_in")]
    numbers = np.array([company.lives["deal"][each][0].number for each in family], dtype=np.int64)
    people = company.lives["contact"]
    found = {
        survivor(people, identify("contacts", each)) for some in links.contacts_of_deals(seed, numbers) for each in some
    }
    return {each for each in found if is_live(people.get(each, []))}
