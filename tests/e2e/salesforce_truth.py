"""What a deal's ledger must say of a company that works in Salesforce, worked out from the truth log alone.

Shares nothing with the warehouse. Salesforce's own limits are part of the expectation: a change counts from the moment it was recorded, in whole
seconds; what was entered late about an earlier time and is in force no more never shows; opportunities do not merge, so a merge is a deletion;
what is deleted lies in the bin for 15 days and is then gone; what is erased at once leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.pipelines import PIPELINES, STAGES
from simulator.salesforce.identities import identify
from simulator.truth import Event
from tests.e2e.truth_ledger import Move, instant, is_forgotten_absence

BIN = timedelta(days=15)
#: a transaction's rows show at most this much after their stamp
LONGEST_COMMIT = timedelta(minutes=12)
STAGE_NAMES = {stage.id: stage.name for stage in STAGES}
RECORD_TYPES = {pipeline.id: identify("RecordType", code + 1) for code, pipeline in enumerate(PIPELINES)}


def recorded(event: Event) -> datetime:
    return instant(event.recorded_at)


def known_at(life: list[Event], moment: datetime) -> list[Event]:
    """What the org had recorded by a moment."""
    return [event for event in life if recorded(event) <= moment]


def possible_states(life: list[Event], settled: datetime, asked_until: datetime) -> Iterator[list[Event]]:
    """The life as it was when everything had settled, then with each event that was recorded while the night was asking."""
    yield known_at(life, settled)
    for event in life:
        if settled < recorded(event) <= asked_until:
            yield known_at(life, recorded(event))


def moves_of(life: list[Event], names: dict[str, str]) -> list[Move]:
    """The transitions that the org's own history tells; `names`: stage id of the log → the stage's name."""
    newest: dict[str, int] = {}
    value: dict[str, str | None] = {}
    is_live = True
    before: tuple[str | None, str | None] | None = None
    moves: list[Move] = []
    ordered = sorted(life, key=lambda event: (event.recorded_at, event.sequence))
    for place, event in enumerate(ordered):
        at = recorded(event).replace(microsecond=0)
        if event.kind == "changed":
            field = event.field or ""
            if event.sequence < newest.get(field, -1):
                continue  # entered late: something newer is in force
            newest[field] = event.sequence
            value[field] = event.new
            # The record type is saved together with the stage that follows in the same save.
            following = ordered[place + 1] if place + 1 < len(ordered) else None
            if (
                field == "pipeline"
                and following
                and following.field == "stage"
                and following.recorded_at == event.recorded_at
            ):
                continue
        elif event.kind in ("archived", "merged"):
            is_live = False
        elif event.kind == "restored":
            is_live = True
        where = (value.get("pipeline"), names.get(value.get("stage") or "")) if is_live else (None, None)
        if is_live and where[1] is None:
            continue
        if where != before:
            moves.append(Move(at, *where, None, None))
            before = where
    return [
        move._replace(**dict(zip(("amount", "currency"), _money_at(ordered, move.at), strict=True))) for move in moves
    ]


def _money_at(ordered: list[Event], at: datetime) -> tuple[Decimal | None, str | None]:
    newest: dict[str, int] = {}
    value: dict[str, str | None] = {}
    for event in ordered:
        if (
            event.kind == "changed"
            and recorded(event).replace(microsecond=0) <= at
            and event.sequence > newest.get(event.field or "", -1)
        ):
            newest[event.field or ""] = event.sequence
            value[event.field or ""] = event.new
    amount = value.get("amount")
    return (Decimal(amount) if amount is not None else None), value.get("currency")


def left_the_bin(life: list[Event], moment: datetime) -> bool:
    """True when the org does not show the deal at that moment: erased at once, or out of the recycle bin."""
    standing = [event for event in life if event.kind in ("created", "archived", "merged", "restored", "deleted")]
    last = max(standing, key=lambda event: event.sequence)
    return last.kind == "deleted" or (last.kind in ("archived", "merged") and recorded(last) + BIN <= moment)


def is_erased(life: list[Event]) -> bool:
    return any(event.kind == "deleted" for event in life)


def last_seen(life: list[Event], asked: list[datetime]) -> list[Event]:
    """An erased deal as the last night before its end saw it, which is all that anybody knows."""
    end = min(recorded(event) for event in life if event.kind == "deleted")
    nights = [moment for moment in asked if moment < end]
    return known_at(life, max(nights)) if nights else []


def expected_of(life: list[Event], first_asked: datetime) -> list[Move]:
    """The moves that the ledger must hold; an absence that was over before anybody asked left no trace."""
    seen = [event for event in life if not is_forgotten_absence(life, event, first_asked)]
    return [move._replace(pipeline=RECORD_TYPES.get(move.pipeline or "")) for move in moves_of(seen, STAGE_NAMES)]


def agrees(found: list[tuple[str, Move]], wanted: list[Move], state: list[Event]) -> bool:
    """Equal move for move. Salesforce dates a restoration only until the next change: its instant is not compared."""
    if is_erased(state) and found and found[-1][0] == "deleted":
        found = found[:-1]
    if len(found) != len(wanted):
        return False
    return all(
        move[1:] == due[1:] if kind == "restored" else move == due
        for (kind, move), due in zip(found, wanted, strict=True)
    )
