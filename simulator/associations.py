"""Which entity is associated with which, as it stands at an instant: only what exists on both sides."""

from functools import lru_cache

import numpy as np

from simulator import line_items, links
from simulator.chance import Ints
from simulator.company import State
from simulator.events import LIVE

_ACTIVITIES = tuple(links.ACTIVITY_SLOTS)
PAIRS = frozenset(
    {
        ("deals", "companies"), ("deals", "contacts"), ("deals", "leads"),
        ("companies", "deals"), ("companies", "contacts"), ("companies", "leads"),
        ("contacts", "companies"), ("contacts", "deals"), ("contacts", "leads"),
        ("leads", "contacts"), ("leads", "companies"), ("leads", "deals"),
        ("line_items", "deals"), ("deals", "line_items"),
        *((kind, to) for kind in _ACTIVITIES for to in ("deals", "contacts", "companies", "leads")),
    }
)  # fmt: skip


@lru_cache(maxsize=2)
def _deals_by_company(seed: int, slots: int) -> tuple[Ints, Ints]:
    companies = links.company_of_deal(seed, np.arange(slots, dtype=np.int64))
    order = np.argsort(companies, kind="stable")
    return companies[order], order


def associated(state: State, kind: str, numbers: list[int], to: str) -> list[list[int]]:
    """For each entity of `kind`, the numbers of the entities of `to` that it is associated with, ascending, each once."""
    found = _related(state, kind, numbers, to)
    return [
        [other for other in sorted(set(others)) if is_live(state, to, other)] if is_live(state, kind, number) else []
        for number, others in zip(numbers, found, strict=True)
    ]


def is_live(state: State, kind: str, number: int) -> bool:
    """Whether an entity exists and is not archived."""
    ledger = state.company.ledgers[kind]
    place = ledger.version_at(number, state.at)
    return place is not None and int(ledger.versions.standing[place]) == LIVE


def _related(state: State, kind: str, numbers: list[int], to: str) -> list[list[int]]:
    """Everything of each entity and of those that were merged into it, with the survivor in place of what was merged away."""
    # A merge of deals hands over contacts, leads, activities and line items; its company stays the one it had.
    keeps = {kind, to} == {"deals", "companies"}
    families = [[number] if keeps and kind == "deals" else _family(state, kind, number) for number in numbers]
    everyone = np.array([each for family in families for each in family], dtype=np.int64)
    rest = iter(_own(state, kind, everyone, to))
    merges = {} if keeps and to == "deals" else state.company.ledgers[to].merges
    return [[_survivor(merges, state.at, other) for _ in family for other in next(rest)] for family in families]


def _family(state: State, kind: str, number: int) -> list[int]:
    swallowed = state.company.ledgers[kind].swallowed.get(number, [])
    return [number, *(loser for at, loser in swallowed if at <= state.at)]


def _survivor(merges: dict[int, tuple[int, int]], now: int, number: int) -> int:
    """The entity itself, or the one it was merged into by now."""
    at, survivor = merges.get(number, (now + 1, number))
    return survivor if at <= now else number


def _own(state: State, kind: str, numbers: Ints, to: str) -> list[list[int]]:
    """Who belongs to whom as if nothing was ever merged."""
    seed = state.company.seed
    if kind in _ACTIVITIES:
        return _of_activities(seed, kind, numbers, to)
    if kind == "deals":
        return _of_deals(seed, numbers, to)
    if kind == "line_items":
        return [[line_items.deal_of(number)] for number in numbers.tolist()]
    if kind == "leads" and to == "deals":
        converts = links.has_lead(seed, numbers // 2) & (numbers % 2 == 0)
        return [[n // 2] if yes else [] for n, yes in zip(numbers.tolist(), converts.tolist(), strict=True)]
    if kind in ("leads", "contacts") and to in ("leads", "contacts"):
        return [[number] for number in numbers.tolist()]
    if kind in ("leads", "contacts") and to == "companies":
        return [[company] for company in links.company_of_slot(numbers // 2).tolist()]
    if kind == "contacts":
        return links.deals_of_contacts(seed, numbers)
    return [_of_company(state, number, to) for number in numbers.tolist()]


def _of_deals(seed: int, numbers: Ints, to: str) -> list[list[int]]:
    if to == "companies":
        return [[company] for company in links.company_of_deal(seed, numbers).tolist()]
    if to == "leads":
        leads = links.has_lead(seed, numbers).tolist()
        return [[deal * 2] if yes else [] for deal, yes in zip(numbers.tolist(), leads, strict=True)]
    if to == "line_items":
        return [[*range(deal * line_items.PER_DEAL, (deal + 1) * line_items.PER_DEAL)] for deal in numbers.tolist()]
    return links.contacts_of_deals(seed, numbers)


def _of_company(state: State, company: int, to: str) -> list[int]:
    slots = range(-(-company * 8 // 5), -(-(company + 1) * 8 // 5))
    if to in ("contacts", "leads"):
        return [slot * 2 + side for slot in slots for side in (0, 1)]
    companies, order = _deals_by_company(state.company.seed, state.company.slots)
    low, high = np.searchsorted(companies, [company, company + 1])
    found: list[int] = order[low:high].tolist()
    return found


def _of_activities(seed: int, kind: str, numbers: Ints, to: str) -> list[list[int]]:
    slot = links.activity_deal(seed, kind, numbers)
    of_lead = links.activity_is_of_lead(seed, kind, numbers)
    if to == "deals":
        return [[] if lead else [deal] for deal, lead in zip(slot.tolist(), of_lead.tolist(), strict=True)]
    if to == "leads":
        return [[deal * 2 + 1] if lead else [] for deal, lead in zip(slot.tolist(), of_lead.tolist(), strict=True)]
    if to == "contacts":
        return [[contact] for contact in (slot * 2 + of_lead).tolist()]
    companies = np.where(of_lead, links.company_of_slot(slot), links.company_of_deal(seed, slot))
    return [[company] for company in companies.tolist()]
