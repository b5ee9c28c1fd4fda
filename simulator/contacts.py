"""The life of contacts and companies: they appear, are corrected now and then, and a few are removed."""

import numpy as np

from simulator import leads as lead_life
from simulator.chance import Ints, uniform
from simulator.events import CREATED, STATUS, TOUCH, Emission, Events
from simulator.seasons import DAY, SECOND, Arrivals, batch, workday

COMPANY_AHEAD = 60 * DAY
"""Companies are known this long before their first deal, so that nothing refers to a company that does not exist yet."""
CONTACT_FIELDS = (TOUCH,)
COMPANY_FIELDS = (TOUCH,)


def company_created_at(companies: Ints, arrivals: Arrivals) -> Ints:
    """When a company is first known."""
    return arrivals.at(-(-companies * 8 // 5)) - COMPANY_AHEAD


def contact_created_at(seed: int, contacts: Ints, arrivals: Arrivals) -> Ints:
    """A contact is written a moment before its lead."""
    return lead_life.created_at(seed, contacts, arrivals) - 3 * SECOND


def live_contacts(seed: int, contacts: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive contacts."""
    return _live(seed, "contact", contacts, contact_created_at(seed, contacts, arrivals), 0.3)


def live_companies(seed: int, companies: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive companies."""
    return _live(seed, "company", companies, company_created_at(companies, arrivals), 0.5)


def _live(seed: int, entity: str, numbers: Ints, created: Ints, corrected: float) -> Events:
    out = Emission()
    out.add(numbers, STATUS, created, CREATED)
    for turn, odds in enumerate((corrected, corrected / 2), start=1):
        some = uniform(seed, f"{entity}.touch{turn}", numbers) < odds
        wait = DAY + (uniform(seed, f"{entity}.touch{turn}.wait", numbers) * 250 * DAY).astype(np.int64)
        # Mostly the nightly enrichment job.
        name = f"{entity}.touch{turn}.day"
        by_machine = uniform(seed, name + ".by_machine", numbers) < 0.7
        when = np.where(
            by_machine, batch(seed, name, numbers, created + wait), workday(seed, name, numbers, created + wait)
        )
        out.add(numbers[some], TOUCH, when[some], turn)
    return lead_life.removed(seed, entity, out, numbers, created, 0.01, 0.003)
