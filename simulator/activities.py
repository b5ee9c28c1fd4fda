"""The life of calls, e-mails, meetings, tasks and notes: written once; meetings and tasks get their outcome later."""

import numpy as np

from simulator import leads as lead_life
from simulator import links
from simulator.chance import Flags, Ints, uniform, whole
from simulator.events import CREATED, OUTCOME, STATUS, Emission, Events
from simulator.seasons import DAY, HOUR, Arrivals, batch, workday

KINDS = tuple(links.ACTIVITY_SLOTS)
FIELDS = (OUTCOME,)
SCHEDULED, HELD, MISSED, CANCELLED = range(4)
"""Outcomes: of a meeting or task (a task is held when completed), and of a call (held when somebody answered)."""


def is_automatic(seed: int, kind: str, numbers: Ints) -> Flags:
    """Whether a machine did it: a quarter of the e-mails and some tasks, in the nightly job."""
    return np.asarray(uniform(seed, kind + ".automatic", numbers) < {"emails": 0.25, "tasks": 0.15}.get(kind, 0.02))


def created_at(seed: int, kind: str, numbers: Ints, arrivals: Arrivals) -> Ints:
    """When an activity is written: within 90 days of its deal's creation, or 20 of its lead's."""
    slot = links.activity_deal(seed, kind, numbers)
    share = uniform(seed, kind + ".wait", numbers)
    of_deal = arrivals.at(slot) + (share * share * 90 * DAY).astype(np.int64)
    of_lead = lead_life.created_at(seed, slot * 2 + 1, arrivals) + (share * 20 * DAY).astype(np.int64)
    base = np.where(links.activity_is_of_lead(seed, kind, numbers), of_lead, of_deal)
    by_hand = workday(seed, kind + ".day", numbers, base + DAY)
    return np.asarray(
        np.where(is_automatic(seed, kind, numbers), batch(seed, kind + ".day", numbers, base + DAY), by_hand)
    )


def takes_place_at(seed: int, kind: str, numbers: Ints, created: Ints) -> Ints:
    """When it happens: a meeting or a task lies up to 14 days ahead, the others are written down a little later."""
    if kind in ("meetings", "tasks"):
        return workday(seed, kind + ".ahead", numbers, created + DAY + whole(seed, kind + ".ahead", numbers, 14) * DAY)
    return created - (uniform(seed, kind + ".after", numbers) * 0.5 * HOUR).astype(np.int64)


def live(seed: int, kind: str, numbers: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive activities of one kind."""
    out = Emission()
    created = created_at(seed, kind, numbers, arrivals)
    out.add(numbers, STATUS, created, CREATED)
    share = uniform(seed, kind + ".outcome", numbers)
    if kind == "calls":
        out.add(numbers, OUTCOME, created, np.where(share < 0.55, HELD, MISSED))
    elif kind in ("meetings", "tasks"):
        out.add(numbers, OUTCOME, created, SCHEDULED)
        then = takes_place_at(seed, kind, numbers, created) + HOUR
        settled = share < 0.9
        result = np.where(share < 0.7, HELD, np.where(share < 0.82, MISSED, CANCELLED))
        out.add(numbers[settled], OUTCOME, then[settled], result[settled])
    return lead_life.removed(seed, kind, out, numbers, created, 0.008, 0.002)
