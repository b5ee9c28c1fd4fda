"""The waterfall kept by hand: each deal's movements from its history, and the open pipeline counted anew at the end of every day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from tests.marts.answers import CENT, GRAINS, in_home_currency, period_end, period_start, rounded
from tests.marts.histories import AS_OF, OWNERS, ZONE, Event, History, Stage, local_date, rate

BUCKETS = {
    "created": 1, "reopened": 1, "restored": 1, "moved_in": 1, "pulled_in": 1, "increased": 1, "decreased": -1,
    "pushed_out": -1, "moved_out": -1, "won": -1, "lost": -1, "deleted": -1, "merged": -1,
}  # fmt: skip
CLOSED = ("won", "lost")


class Movement(NamedTuple):
    """One movement; `booked` in the home currency in cents. Of pulled_in and pushed_out `other` is the other expected close."""

    at: datetime
    bucket: str
    count: int
    stage: Stage
    owner: str | None
    currency: str | None
    amount: Decimal | None
    booked: Decimal | None
    close: date | None
    other: date | None = None


@dataclass
class State:
    """A deal between two instants: kind is none, open, won, lost, deleted or merged; `live_kind` the last that was not a removal."""

    kind: str = "none"
    live_kind: str | None = None
    stage: Stage | None = None
    values: dict[str, Any] = field(
        default_factory=lambda: dict.fromkeys(("amount", "currency", "owner", "expected_close"))
    )
    close: date | None = None


def apply(state: State, event: Event) -> None:
    """The event's effect on where the deal stands."""
    if event.field == "removed":
        state.kind = event.value
    elif event.field in ("stage", "restored"):
        state.stage, state.kind, state.live_kind = event.value, event.value.kind, event.value.kind


def movements(history: History) -> list[Movement]:
    """What the deal did to the open pipeline, in order."""
    state, found = State(), []
    events = [event for event in history.events if not event.retracted]
    for at, group in groupby(events, key=lambda event: event.at):
        instant = list(group)
        after = State(state.kind, state.live_kind, state.stage, dict(state.values))
        for event in instant:
            if event.field in after.values:
                after.values[event.field] = event.value
            apply(after, event)
        moves = [event for event in instant if event.field in ("removed", "stage", "restored")]
        if state.kind == "open":
            found += list(_changes_of_value(at, state, after))
        # a new expected close counts from the last move of its instant on, or from the creation, if the deal is open then
        here = State(state.kind, state.live_kind, state.stage, after.values, state.close)
        for event in moves or [None]:
            there = State(here.kind, here.live_kind, here.stage)
            if event is not None:
                apply(there, event)
            close = here.close
            if (event in (None, moves[-1] if moves else None) or here.kind == "none") and there.kind == "open":
                close = after.values["expected_close"]
            if here.kind == "open" and there.kind == "open" and close != here.close:
                assert here.stage
                found += [
                    _move(at, bucket, count, here.stage, after.values, mine, other)
                    for bucket, count, mine, other in (
                        ("pushed_out", -1, here.close, close),
                        ("pulled_in", 1, close, here.close),
                    )
                ]
            here.close = close
            if event is not None:
                found += list(_moves(at, here, event))
                apply(here, event)
        after.close = here.close
        state = after
    return found


def _day(at: datetime) -> date:
    return min(local_date(at), local_date(AS_OF))


def _move(
    at: datetime, bucket: str, count: int, stage: Stage, values: dict[str, Any], close: date | None,
    other: date | None = None,
) -> Movement:  # fmt: skip
    """The whole deal enters (+1) or leaves (-1)."""
    amount = None if values["amount"] is None else count * values["amount"]
    booked = in_home_currency(values["amount"], values["currency"], _day(at))
    return Movement(
        at, bucket, count, stage, values["owner"], values["currency"], amount, None if booked is None else count * booked, close, other
    )  # fmt: skip


def _changes_of_value(at: datetime, before: State, after: State) -> Iterator[Movement]:
    """Owner, currency and amount of an open deal."""
    assert before.stage
    old, new, day = before.values, after.values, _day(at)
    has_rate = rate(new["currency"], day) is not None
    arrives = in_home_currency(old["amount"], old["currency"], day) if has_rate else None
    if arrives is None:
        arrives = in_home_currency(old["amount"], new["currency"], day)
    if (old["owner"], old["currency"]) != (new["owner"], new["currency"]):
        yield _move(at, "moved_out", -1, before.stage, old, before.close)
        yield Movement(
            at, "moved_in", 1, before.stage, new["owner"], new["currency"], old["amount"], arrives, before.close
        )
    change = rounded(new["amount"]) - rounded(old["amount"])
    worth = rounded(in_home_currency(new["amount"], new["currency"], day)) - rounded(arrives) if has_rate else None
    if change or worth:
        bucket = "increased" if (worth or change) > 0 else "decreased"
        yield Movement(at, bucket, 0, before.stage, new["owner"], new["currency"], change, worth, before.close)


def _moves(at: datetime, here: State, event: Event) -> Iterator[Movement]:
    """One move: out of where it stood, into where it stands, and out again where it closes on arrival."""
    there: Stage | None = None if event.field == "removed" else event.value
    if here.kind == "open":
        assert here.stage
        if there is None:
            yield _move(at, event.value, -1, here.stage, here.values, here.close)
        elif there.kind in CLOSED and there.pipeline == here.stage.pipeline:
            yield _move(at, there.kind, -1, here.stage, here.values, here.close)
        else:
            yield _move(at, "moved_out", -1, here.stage, here.values, here.close)
            yield _move(at, "moved_in", 1, there, here.values, here.close)
            if there.kind in CLOSED:
                yield _move(at, there.kind, -1, there, here.values, here.close)
    elif there is not None and (there.kind == "open" or there.kind != here.live_kind):
        words = {"none": "created", "won": "reopened", "lost": "reopened"}
        yield _move(at, words.get(here.kind, "restored"), 1, there, here.values, here.close)
        if there.kind in CLOSED:
            yield _move(at, there.kind, -1, there, here.values, here.close)


# --- the open pipeline at the end of a day -----------------------------------------------------------------------------

Place = tuple[str, str | None, str | None, date | None]
DIMENSIONS = [
    ("all", "all"),
    ("pipeline", "A"),
    ("pipeline", "B"),
    *(("owner", owner) for owner in OWNERS),
    ("team", "unknown"),
]


def open_at_end_of(histories: list[History], day: date) -> dict[Place, tuple[int, Decimal, int]]:
    """(pipeline, owner, currency, expected close) → open deals, their amounts in that currency, deals that have an amount."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)
    found: dict[Place, tuple[int, Decimal, int]] = defaultdict(lambda: (0, Decimal(0), 0))
    for history in histories:
        state = State()
        for event in history.events:
            if event.at < midnight and not event.retracted:
                if event.field in state.values:
                    state.values[event.field] = event.value
                apply(state, event)
        if state.kind == "open" and state.stage:
            place = (
                state.stage.pipeline, state.values["owner"], state.values["currency"], state.values["expected_close"]
            )  # fmt: skip
            count, amount, amounts = found[place]
            held = state.values["amount"]
            found[place] = (count + 1, amount + rounded(held), amounts + (held is not None))
    return found


def waterfall(histories: list[History]) -> dict[tuple[str, str, date, tuple[str, str | None]], dict[str, Any]]:
    """(form, grain, period, dimension and its value) → opening, closing (count, amount, deals without a rate), count and amount per bucket, and
    the exact, unrounded effect of the rates."""
    first = min(local_date(history.events[0].at) for history in histories)
    days = [first + timedelta(days=number) for number in range((local_date(AS_OF) - first).days + 1)]
    ends = {day: open_at_end_of(histories, day) for day in [first - timedelta(days=1), *days]}
    every = [movement for history in histories for movement in movements(history)]
    moved: dict[date, list[Movement]] = defaultdict(list)
    for movement in every:
        moved[_day(movement.at)].append(movement)
    found: dict[tuple[str, str, date, tuple[str, str | None]], dict[str, Any]] = {}
    for form in ("all_open", "closing_in_period"):
        for grain in GRAINS[:-1]:
            for start in sorted({period_start(grain, day) for day in days}):
                within = [day for day in days if period_start(grain, day) == start]
                for dimension in DIMENSIONS:
                    row = _row(form, grain, start, dimension, within, ends, moved)
                    if row is not None:
                        found[form, grain, start, dimension] = row
    return found


def _row(
    form: str, grain: str, start: date, dimension: tuple[str, str | None], within: list[date],
    ends: dict[date, dict[Place, tuple[int, Decimal, int]]], moved: dict[date, list[Movement]],
) -> dict[str, Any] | None:  # fmt: skip
    """One period of one form; None where nothing of it was ever there."""
    end = period_end(grain, start)

    def belongs(close: date | None) -> bool:
        return form == "all_open" or (close is not None and start <= close < end)

    def counts(pipeline: str, owner: str | None) -> bool:
        return dimension in (("all", "all"), ("pipeline", pipeline), ("owner", owner), ("team", "unknown"))

    def standing(day: date) -> dict[tuple[str, str | None, str | None], tuple[int, Decimal, int]]:
        sums: dict[tuple[str, str | None, str | None], tuple[int, Decimal, int]] = defaultdict(
            lambda: (0, Decimal(0), 0)
        )
        for (where, owner, currency, close), (count, amount, amounts) in ends[day].items():
            if counts(where, owner) and belongs(close):
                held = sums[where, owner, currency]
                sums[where, owner, currency] = (held[0] + count, held[1] + amount, held[2] + amounts)
        return sums

    def worth(day: date) -> tuple[int, Decimal, int]:
        sums = standing(day)
        return (
            sum(count for count, _, _ in sums.values()),
            sum((rounded(in_home_currency(amount, currency, day)) for (_, _, currency), (_, amount, _) in sums.items()), Decimal(0)),
            sum(amounts for (_, _, currency), (_, _, amounts) in sums.items() if rate(currency, day) is None),
        )  # fmt: skip

    eve = within[0] - timedelta(days=1)
    row: dict[str, Any] = defaultdict(Decimal, opening=worth(eve), closing=worth(within[-1]), exchange_rate=Decimal(0))
    for day in within:
        for (_, _, currency), (_, amount, _) in standing(day - timedelta(days=1)).items():
            change = (rate(currency, day) or Decimal(0)) - (rate(currency, day - timedelta(days=1)) or Decimal(0))
            row["exchange_rate"] += amount * change
        for movement in moved[day]:
            is_redating = movement.bucket in ("pulled_in", "pushed_out")
            if (not counts(movement.stage.pipeline, movement.owner) or not belongs(movement.close)
                    or (is_redating and (form == "all_open" or belongs(movement.other)))):  # fmt: skip
                continue
            row["movements"] += 1
            sign = BUCKETS[movement.bucket]
            row[f"{movement.bucket}_count"] += sign * movement.count
            row[f"{movement.bucket}_amount"] += sign * rounded(movement.booked)
            row["unconverted"] += movement.booked is None and movement.amount is not None
    if form == "closing_in_period" and not (row["movements"] or row["opening"][0]):
        return None
    if form == "all_open" and not row["movements"] and dimension != ("all", "all") and not row["opening"][0]:
        was_there = any(
            counts(movement.stage.pipeline, movement.owner) for day in moved for movement in moved[day] if day < start
        )
        return row if was_there else None
    return row


def tolerance(row: dict[str, Any], days: int) -> Decimal:
    """What rounding to cents may leave in the exchange rate bucket: half a cent a movement and for the two values of each position a day."""
    return CENT / 2 * (Decimal(row["movements"]) + 2 * 4 * 3 * 2 * days)
