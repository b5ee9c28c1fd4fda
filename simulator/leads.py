"""The life of leads: new, marketing-qualified, sales-qualified, then converted, disqualified, recycled or forgotten."""

import numpy as np

from simulator import links
from simulator.chance import Flags, Ints, uniform
from simulator.events import ARCHIVED, CREATED, DELETED, NEVER, OWNER, STAGE, STATUS, Emission, Events
from simulator.pipelines import CONVERTED, DISQUALIFIED, MQL, NEW, RECYCLED, SQL
from simulator.seasons import DAY, HOUR, MINUTE, SECOND, Arrivals, clean_up_after, workday
from simulator.sellers import Sellers

FIELDS = (STAGE, OWNER)
PURGED = 0.02
"""The share of all entities (deals apart) that is deleted without a trace when somebody cleans up."""


def converts(seed: int, leads: Ints) -> Flags:
    """Whether a lead becomes the deal of its slot."""
    return np.asarray((leads % 2 == 0) & links.has_lead(seed, leads // 2))


def created_at(seed: int, leads: Ints, arrivals: Arrivals) -> Ints:
    """When leads come: up to 45 days before their deal, or 20 days around their slot's deal if they become none."""
    deal = arrivals.at(leads // 2)
    share = uniform(seed, "lead.before", leads)
    before = deal - 10 * MINUTE - (share * share * 45 * DAY).astype(np.int64)
    around = workday(seed, "lead.day", leads, deal + ((share - 0.5) * 40 * DAY).astype(np.int64))
    return np.asarray(np.where(converts(seed, leads), before, around), dtype=np.int64)


def live(seed: int, leads: Ints, arrivals: Arrivals, sellers: Sellers) -> Events:
    """All events of consecutive leads."""
    out = Emission()
    created = created_at(seed, leads, arrivals)
    becomes = converts(seed, leads)
    outbound = links.is_outbound(links.channel_of_lead(seed, leads))
    out.add(leads, STATUS, created, CREATED)
    out.add(leads, STAGE, created, NEW)
    owned = outbound | (uniform(seed, "lead.owned", leads) < 0.5)
    out.add(leads[owned], OWNER, created[owned], sellers.pick("lead.owner", leads, created)[owned])

    # A converting lead spreads its steps over the time it has; the others take their own time.
    ends = np.where(
        becomes,
        arrivals.at(leads // 2),
        created + (uniform(seed, "lead.length", leads) * 60 * DAY).astype(np.int64) + HOUR,
    )
    span = ends - created
    first = created + (span * 0.45 * uniform(seed, "lead.mql.wait", leads)).astype(np.int64)
    second = created + (span * (0.5 + 0.45 * uniform(seed, "lead.sql.wait", leads))).astype(np.int64)
    mql = np.where(
        becomes, ~outbound | (uniform(seed, "lead.mql", leads) < 0.3), uniform(seed, "lead.mql", leads) < 0.55
    )
    sql = np.where(becomes, uniform(seed, "lead.sql", leads) < 0.97, mql & (uniform(seed, "lead.sql", leads) < 0.4))
    out.add(leads[mql], STAGE, first[mql], MQL)
    out.add(leads[sql], STAGE, second[sql], SQL)
    taken = sql & ~owned
    out.add(leads[taken], OWNER, second[taken], sellers.pick("lead.owner", leads, second)[taken])
    # One second after the deal: two objects, two writes.
    out.add(leads[becomes], STAGE, ends[becomes] + SECOND, CONVERTED)

    share = uniform(seed, "lead.outcome", leads)
    out_of = ~becomes & (share < 0.55)
    out.add(leads[out_of], STAGE, ends[out_of], DISQUALIFIED)
    again = ~becomes & (share >= 0.55) & (share < 0.75)
    out.add(leads[again], STAGE, ends[again], RECYCLED)
    back = again & (share < 0.62)
    later = ends + DAY + (uniform(seed, "lead.back", leads) * 90 * DAY).astype(np.int64)
    out.add(leads[back], STAGE, later[back], MQL)
    return removed(seed, "lead", out, leads, created, 0.012, 0.004)


def is_removed(seed: int, entity: str, numbers: Ints, archived: float, deleted: float) -> Flags:
    """Whether `removed` ends the lives of these entities."""
    return np.asarray(uniform(seed, entity + ".fate", numbers) < archived + deleted + PURGED)


def removed(
    seed: int,
    entity: str,
    out: Emission,
    numbers: Ints,
    created: Ints,
    archived: float,
    deleted: float,
    first: int | None = None,
    count: int | None = None,
) -> Events:
    """Close an emission: archive and hard-delete some entities, and cut what would have happened to them later.

    `numbers` are ascending; `first` and `count` say which consecutive entities they are chosen from, where some never come to be.
    """
    first, count = int(numbers[0]) if first is None else first, len(numbers) if count is None else count
    share = uniform(seed, entity + ".fate", numbers)
    when = created + DAY + (uniform(seed, entity + ".fate.wait", numbers) * 300 * DAY).astype(np.int64)
    when = workday(seed, entity + ".fate.day", numbers, when)
    hidden, gone = share < archived, (share >= archived) & (share < archived + deleted + PURGED)
    # Most of those that go without a trace do so together, when somebody cleans up.
    purged = gone & (share >= archived + deleted)
    when = np.where(purged, clean_up_after(seed, entity, numbers, created + 2 * HOUR), when)
    events = out.close(first, count)
    stop = np.where(hidden | gone, np.maximum(when, created + HOUR), NEVER)
    kept = events.keep(events.happened < stop[np.searchsorted(numbers, events.number)])
    out = Emission()
    same = np.zeros(len(kept.number), dtype=np.int16)
    out.columns.append((kept.number.astype(np.int64), kept.which, kept.happened, kept.recorded, kept.value, same))
    out.add(numbers[hidden], STATUS, stop[hidden], ARCHIVED)
    out.add(numbers[gone], STATUS, stop[gone], DELETED)
    return out.close(first, count)
