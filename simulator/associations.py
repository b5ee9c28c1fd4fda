"""Which entity is associated with which, as it stands at an instant: only what exists on both sides."""

from functools import lru_cache

import numpy as np

from simulator import links
from simulator.chance import Ints
from simulator.company import State
from simulator.events import LIVE, MERGED_IN, STATUS

_ACTIVITIES = tuple(links.ACTIVITY_SLOTS)
PAIRS = frozenset(
    {
        ("deals", "companies"), ("deals", "contacts"), ("deals", "leads"),
        ("companies", "deals"), ("companies", "contacts"), ("companies", "leads"),
        ("contacts", "companies"), ("contacts", "deals"), ("contacts", "leads"),
        ("leads", "contacts"), ("leads", "companies"), ("leads", "deals"),
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
    found = _related(state, kind, np.array(numbers, dtype=np.int64), to)
    return [
        [other for other in sorted(set(others)) if is_live(state, to, other)] if is_live(state, kind, number) else []
        for number, others in zip(numbers, found, strict=True)
    ]


def is_live(state: State, kind: str, number: int) -> bool:
    """Whether an entity exists and is not archived."""
    ledger = state.company.ledgers[kind]
    place = ledger.version_at(number, state.at)
    return place is not None and int(ledger.versions.standing[place]) == LIVE


def _related(state: State, kind: str, numbers: Ints, to: str) -> list[list[int]]:
    seed = state.company.seed
    if kind in _ACTIVITIES:
        return _of_activities(state, kind, numbers, to)
    if kind == "deals":
        return _of_deals(state, numbers, to)
    if kind == "leads" and to == "deals":
        converts = links.has_lead(seed, numbers // 2) & (numbers % 2 == 0)
        return [
            [_survivor(state, n // 2)] if yes else []
            for n, yes in zip(numbers.tolist(), converts.tolist(), strict=True)
        ]
    if kind in ("leads", "contacts") and to in ("leads", "contacts"):
        return [[number] for number in numbers.tolist()]
    if kind in ("leads", "contacts") and to == "companies":
        return [[company] for company in links.company_of_slot(numbers // 2).tolist()]
    if kind == "contacts":
        return [[_survivor(state, deal) for deal in found] for found in links.deals_of_contacts(seed, numbers)]
    return [_of_company(state, number, to) for number in numbers.tolist()]


def _of_deals(state: State, numbers: Ints, to: str) -> list[list[int]]:
    """Everything of each deal and of those that were merged into it."""
    seed = state.company.seed
    if to == "companies":
        return [[company] for company in links.company_of_deal(seed, numbers).tolist()]
    families = [[deal, *_values(state, deal, MERGED_IN)] for deal in numbers.tolist()]
    everyone = np.array([deal for family in families for deal in family], dtype=np.int64)
    if to == "leads":
        each = [
            [deal * 2] if yes else []
            for deal, yes in zip(everyone.tolist(), links.has_lead(seed, everyone).tolist(), strict=True)
        ]
    else:
        each = links.contacts_of_deals(seed, everyone)
    rest = iter(each)
    return [[other for _ in family for other in next(rest)] for family in families]


def _of_company(state: State, company: int, to: str) -> list[int]:
    slots = range(-(-company * 8 // 5), -(-(company + 1) * 8 // 5))
    if to in ("contacts", "leads"):
        return [slot * 2 + side for slot in slots for side in (0, 1)]
    companies, order = _deals_by_company(state.company.seed, state.company.slots)
    low, high = np.searchsorted(companies, [company, company + 1])
    # A merge hands contacts, leads and activities to the survivor; its company stays the one it had.
    found: list[int] = order[low:high].tolist()
    return found


def _of_activities(state: State, kind: str, numbers: Ints, to: str) -> list[list[int]]:
    seed = state.company.seed
    slot = links.activity_deal(seed, kind, numbers)
    of_lead = links.activity_is_of_lead(seed, kind, numbers)
    if to == "deals":
        return [
            [] if lead else [_survivor(state, deal)] for deal, lead in zip(slot.tolist(), of_lead.tolist(), strict=True)
        ]
    if to == "leads":
        return [[deal * 2 + 1] if lead else [] for deal, lead in zip(slot.tolist(), of_lead.tolist(), strict=True)]
    if to == "contacts":
        return [[contact] for contact in (slot * 2 + of_lead).tolist()]
    companies = np.where(of_lead, links.company_of_slot(slot), links.company_of_deal(seed, slot))
    return [[company] for company in companies.tolist()]


def _survivor(state: State, deal: int) -> int:
    """The deal itself, or the one it was merged into by now."""
    status = _values(state, deal, STATUS)
    return status[-1] if status and status[-1] >= 0 else deal


def _values(state: State, deal: int, field: int) -> list[int]:
    events = state.company.ledgers["deals"].events
    if not 0 <= deal < events.count:
        return []
    low, high = int(events.starts[deal]), int(events.starts[deal + 1])
    chosen = (events.which[low:high] == field) & (events.recorded[low:high] <= state.at)
    found: list[int] = events.value[low:high][chosen].tolist()
    return found
