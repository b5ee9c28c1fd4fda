"""Which versions raw may hold of a record that comes and goes without a stamp of its own: the readings and comparisons of ids, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tests.thousand.entity import Entity, Facts
from tests.thousand.lives import WITH_DEAL, Life, states_between, touched

#: None: raw has no record of it
Held = tuple[bool, Facts] | None


def held_after(
    entity: Entity, life: Life, nights: Sequence[tuple[datetime, datetime]], sweeps: Sequence[tuple[datetime, datetime]]
) -> list[Held]:
    """Everything that raw may hold after the last night.

    `nights`: from when to when each reading by change saw the CRM, oldest first; `sweeps`: the same of each comparison of ids. A reading picks a
    record up by its own stamp and by that of the record that it goes with, a comparison marks what is not listed as live and brings nothing back.
    """
    befores = [None, *(began for began, _ in nights)]
    readings = [(until, 0, began, before) for (began, until), before in zip(nights, befores, strict=False)]
    turns = sorted([*readings, *((until, 1, began, None) for began, until in sweeps)], key=lambda turn: turn[:2])
    held: list[Held] = [None]
    for until, is_sweep, began, before in turns:
        found: list[Held] = []
        for state, is_deleted in _seen(entity, life, began, until):
            if is_sweep:
                later = held if is_deleted is False else [each and (True, each[1]) for each in held]
            elif is_deleted is None or (before is not None and _moved(state) < before - entity.lag):
                later = held
            else:
                may_be_missed = before is not None and _moved(state) < before
                later = [*(held if may_be_missed else []), (is_deleted, entity.shows(state))]
            found += [each for each in later if each not in found]
        held = found
    return held


def _moved(life: Life) -> datetime:
    """When it was last touched, or went or came back with another record."""
    return max([touched(life), *(event.recorded for event in life if event.kind == WITH_DEAL)])


def _seen(entity: Entity, life: Life, began: datetime, until: datetime) -> Iterator[tuple[Life, bool | None]]:
    """The states in which it may have been seen, and how it was shown."""
    for state in states_between(life, began - entity.lag, until):
        for at in (began, until):
            yield state, entity.view(state, at) if state and entity.view else None
