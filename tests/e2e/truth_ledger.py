"""What a deal's ledger must say, worked out from the simulated company's truth log alone.

Shares nothing with the warehouse: no SQL, no key, no model of it is read here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from simulator.truth import Event


class Move(NamedTuple):
    """One transition: when, into which (pipeline, stage), None when the deal left; the amount in force after that instant."""

    at: datetime
    pipeline: str | None
    stage: str | None
    amount: Decimal | None
    currency: str | None


def instant(text: str) -> datetime:
    """An instant of the log, UTC without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def deals_of(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events per deal id, in the deal's own order."""
    lives: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.entity == "deal":
            lives[event.entity_id].append(event)
    return {deal: sorted(life, key=lambda event: event.sequence) for deal, life in lives.items()}


def moves_of(life: list[Event]) -> list[Move]:
    """The transitions of one deal, given the events known so far. Hard deletions are not among them: the CRM forgets the deal."""
    pipeline = stage = None
    is_live = True
    before: tuple[str | None, str | None] | None = None
    moves: list[tuple[datetime, str | None, str | None]] = []
    for event in life:
        at = instant(event.happened_at)
        if event.kind == "changed" and event.field == "pipeline":
            pipeline = event.new
            continue  # its stage follows at the same instant
        if event.kind == "changed" and event.field == "stage":
            stage = event.new
        elif event.kind in ("archived", "merged"):
            is_live = False
        elif event.kind == "restored":
            is_live = True
        else:
            continue
        place = (pipeline, stage) if is_live else (None, None)
        if place != before:
            moves.append((at, *place))
            before = place
    return [Move(at, *place, *_amount_at(life, at)) for at, *place in moves]


def known_at(life: list[Event], moment: datetime) -> list[Event]:
    """The events that the CRM had recorded by a moment."""
    return [event for event in life if instant(event.recorded_at) <= moment]


def possible_states(life: list[Event], settled: datetime, asked_until: datetime) -> Iterator[list[Event]]:
    """The life as known when everything settled, then with each event that was recorded while the night was asking."""
    yield known_at(life, settled)
    for event in life:
        recorded = instant(event.recorded_at)
        if settled < recorded <= asked_until:
            yield known_at(life, recorded)


def is_forgotten_absence(life: list[Event], event: Event, first_asked: datetime) -> bool:
    """True for both ends of an absence that was over before anybody asked: a restored deal does not tell that it was archived."""
    if event.kind not in ("archived", "restored"):
        return False
    absences = [each for each in life if each.kind in ("archived", "restored")]
    place = absences.index(event)
    ends = absences[place + 1 : place + 2] if event.kind == "archived" else [event]
    return bool(ends) and instant(ends[0].recorded_at) <= first_asked


def last_seen_before_merge(life: list[Event]) -> list[Event]:
    """A deal merged away takes with it what happened to it since the night before: the CRM shows only that it was merged."""
    merged = next((event for event in life if event.kind == "merged"), None)
    if merged is None:
        return life
    at = instant(merged.recorded_at)
    asked = at.replace(hour=1, minute=55, second=0, microsecond=0)
    asked -= timedelta(days=1) if asked > at else timedelta()
    return [event for event in life if event is merged or instant(event.recorded_at) <= asked]


def is_gone(life: list[Event]) -> bool:
    """Deleted without a trace: neither listed nor archived."""
    return any(event.kind == "deleted" for event in life)


def is_out_of_reach(life: list[Event], first_asked: datetime) -> bool:
    """True when the CRM had forgotten the deal before anybody asked: merged away, gone, or archived for more than 90 days."""
    for event in life:
        happened = instant(event.happened_at)
        if event.kind in ("merged", "deleted") and instant(event.recorded_at) <= first_asked:
            return True
        if event.kind == "archived" and happened <= first_asked - timedelta(days=90):
            return not any(later.kind == "restored" and later.sequence > event.sequence for later in life)
    return False


def _amount_at(life: list[Event], at: datetime) -> tuple[Decimal | None, str | None]:
    amount = currency = None
    for event in life:
        if event.kind == "changed" and instant(event.happened_at) <= at:
            if event.field == "amount":
                amount = Decimal(event.new) if event.new is not None else None
            elif event.field == "currency":
                currency = event.new
    return amount, currency


#: an index shows a change at most this much later; what is younger may or may not have been seen
INDEX_LAG = timedelta(minutes=30)
