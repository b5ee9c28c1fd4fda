"""The life of contacts and companies: they appear, are corrected now and then, and a few are removed or merged into a duplicate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator import leads as lead_life
from simulator.chance import Ints, uniform
from simulator.events import CREATED, MERGED_IN, NEVER, STATUS, TOUCH, Emission, Events
from simulator.seasons import DAY, SECOND, Arrivals, batch, clean_up_after, workday

COMPANY_AHEAD = 60 * DAY
"""Companies are known this long before their first deal, so that nothing refers to a company that does not exist yet."""
CONTACT_FIELDS = (TOUCH,)
COMPANY_FIELDS = (TOUCH,)


@dataclass(frozen=True)
class _Kind:
    """How often entities of a kind are corrected, archived and deleted. `losers`: in a block of so many, the places whose entity may be
    merged, and the place of the one that it goes into."""

    name: str
    corrected: float
    block: int
    losers: dict[int, int]
    merged: float
    archived: float = 0.01
    deleted: float = 0.003


_CONTACT = _Kind("contact", 0.3, 16, {3: 2, 9: 6}, 0.5)
_COMPANY = _Kind("company", 0.5, 8, {3: 2}, 0.6)


def company_created_at(companies: Ints, arrivals: Arrivals) -> Ints:
    """When a company is first known."""
    return arrivals.at(-(-companies * 8 // 5)) - COMPANY_AHEAD


def contact_created_at(seed: int, contacts: Ints, arrivals: Arrivals) -> Ints:
    """A contact is written a moment before its lead."""
    return lead_life.created_at(seed, contacts, arrivals) - 3 * SECOND


def live_contacts(seed: int, contacts: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive contacts."""
    return _live(seed, _CONTACT, contacts, lambda numbers: contact_created_at(seed, numbers, arrivals))


def live_companies(seed: int, companies: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive companies."""
    return _live(seed, _COMPANY, companies, lambda numbers: company_created_at(numbers, arrivals))


def _live(seed: int, kind: _Kind, numbers: Ints, created_at: Callable[[Ints], Ints]) -> Events:
    entity, created = kind.name, created_at(numbers)
    out = Emission()
    out.add(numbers, STATUS, created, CREATED)
    for turn, odds in enumerate((kind.corrected, kind.corrected / 2), start=1):
        some = uniform(seed, f"{entity}.touch{turn}", numbers) < odds
        wait = DAY + (uniform(seed, f"{entity}.touch{turn}.wait", numbers) * 250 * DAY).astype(np.int64)
        # Mostly the nightly enrichment job.
        name = f"{entity}.touch{turn}.day"
        by_machine = uniform(seed, name + ".by_machine", numbers) < 0.7
        when = np.where(
            by_machine, batch(seed, name, numbers, created + wait), workday(seed, name, numbers, created + wait)
        )
        out.add(numbers[some], TOUCH, when[some], turn)
    for place, survivor in kind.losers.items():
        mine = numbers[numbers % kind.block == survivor]
        losers = mine + (place - survivor)
        when = _merged_at(seed, kind, losers, created_at)
        some = when < NEVER
        out.add(mine[some], MERGED_IN, when[some], losers[some])
    return _end(seed, kind, out, numbers, created, created_at)


def _end(
    seed: int, kind: _Kind, out: Emission, numbers: Ints, created: Ints, created_at: Callable[[Ints], Ints]
) -> Events:
    """Cut the lives of those that are removed or merged away."""
    events = lead_life.removed(seed, kind.name, out, numbers, created, kind.archived, kind.deleted)
    merged = _merged_at(seed, kind, numbers, created_at)
    kept = events.keep(events.happened < merged[events.number - numbers[0]])
    out = Emission()
    same = np.zeros(len(kept.number), dtype=np.int16)
    out.columns.append((kept.number.astype(np.int64), kept.which, kept.happened, kept.recorded, kept.value, same))
    losers = merged < NEVER
    out.add(numbers[losers], STATUS, merged[losers], _survivor(kind, numbers)[losers])
    return out.close(int(numbers[0]), len(numbers))


def _survivor(kind: _Kind, numbers: Ints) -> Ints:
    into = numbers.copy()
    for place, survivor in kind.losers.items():
        into[numbers % kind.block == place] += survivor - place
    return into


def _merged_at(seed: int, kind: _Kind, numbers: Ints, created_at: Callable[[Ints], Ints]) -> Ints:
    """When an entity is found to be a duplicate; NEVER for most, and for those one of whose two ends otherwise."""
    into = _survivor(kind, numbers)
    may = (into != numbers) & (uniform(seed, kind.name + ".merged", numbers) < kind.merged)
    for each in (numbers, into):
        may &= ~lead_life.is_removed(seed, kind.name, each, kind.archived, kind.deleted)
    both = np.maximum(created_at(numbers), created_at(into))
    wait = DAY + (uniform(seed, kind.name + ".merged.wait", numbers) * 15 * DAY).astype(np.int64)
    when = clean_up_after(seed, kind.name + ".merged", numbers, both + wait)
    return np.asarray(np.where(may, when, NEVER), dtype=np.int64)
