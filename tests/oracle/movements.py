"""Versions and waterfall movements of a ledger, worked out by hand: no SQL, no database, no code of the product.

Input: the `Ledger` of `keep_ledger` and the nights it was kept from. Output: plain records in source ids, amounts exact
(`Decimal`, two places, half away from zero), instants UTC.

Readings, where the definitions leave a case open:

1.  *Versions*: one from each instant after which the state is another, the state after the last change of the instant; an instant
    that leads back to the state before gives none. A deleted or merged deal keeps its last pipeline, stage and values; its last
    version is the current one.
2.  *Order within an instant*: first amount, currency and owner, all together, then the moves in their order. What is set in the
    instant of the creation comes with the creation.
3.  *Change of values while open*: owner or currency other than before: moved_out of the old values, moved_in to the new ones, and
    both carry the amount before, so that they cancel; then increased or decreased, for the new owner and currency. No amount
    counts as nothing: an amount set later is increased, one cleared is decreased.
4.  *Change of currency*: moved_out and moved_in cancel in each basis. What the new amount in the new currency is worth more or less is
    increased or decreased besides; the first basis that differs (deal, booked, constant) gives the bucket its name. Where one of
    the two currencies has no rate nothing can cancel: moved_in is the amount before at the rate of its own currency, null without.
5.  *Closed to closed*: lost to won is reopened, then won, and won to lost the like, both in the stage that was entered, from another
    pipeline too. Between two won or two lost stages nothing opened and no outcome changed: no row.
6.  *Created in a closed stage*: created, then won or lost, in that stage. A deal that is restored into a closed stage has been counted
    when it closed: no row; but if it was open when it left, it comes back and closes: restored, then won or lost.
7.  *Lost and moved at once*: as won and moved at once.
8.  *A deal that is deleted or merged while closed* is not in the open pipeline: no row.
9.  *Rounding*: the amount is converted, then rounded; a change is the difference of two rounded amounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import NamedTuple

from tests.oracle.ledger import CLOSED, Change, Ledger, Night, Place, StageBook, Transition

CENT = Decimal("0.01")
RATE_UNIT = Decimal("0.000000000001")
OLDEST_RATE = timedelta(days=7)
BUCKETS = frozenset({
    "created", "reopened", "restored", "moved_in", "increased", "decreased", "moved_out", "won", "lost", "deleted", "merged",
})  # fmt: skip


@dataclass(frozen=True)
class Version:
    """One row of `fct_deal_versions`, with source ids in place of keys."""

    deal_id: str
    valid_from: datetime
    valid_to: datetime | None
    is_current: bool
    deal_status: str
    pipeline_id: str
    stage_id: str
    deal_amount: Decimal | None
    currency_code: str | None
    expected_close_date: str | None
    owner_id: str | None


@dataclass(frozen=True)
class Movement:
    """One row of `fct_pipeline_movements`, with source ids in place of keys."""

    deal_id: str
    moved_at: datetime
    bucket: str
    count_delta: int
    amount_delta: Decimal | None
    booked_amount_delta: Decimal | None
    constant_amount_delta: Decimal | None
    amount_missing_reason: str | None
    currency_code: str | None
    pipeline_id: str
    stage_id: str
    owner_id: str | None
    is_pipeline_change: bool


class Values(NamedTuple):
    """What a deal is worth, when and for whom."""

    amount: Decimal | None
    currency: str | None
    close: str | None
    owner: str | None


class Worth(NamedTuple):
    """One amount in the three bases; None: not known."""

    deal: Decimal | None
    booked: Decimal | None
    constant: Decimal | None


class State(NamedTuple):
    """`status`: open, won, lost, deleted or merged; a deal that left keeps its last place."""

    status: str
    place: Place
    values: Values


class RateBook:
    """Exchange rates into the reporting currency: the latest at or before the day, at most seven days old, inverse allowed."""

    def __init__(self, night: Night, reporting_currency: str, constant_day: date) -> None:
        self._currency = reporting_currency
        self._constant_day = constant_day
        self._rates: dict[str, dict[date, Decimal]] = defaultdict(dict)
        for row in night.tables.get("exchange_rates", ()):
            day, rate = date.fromisoformat(str(row["date"])), Decimal(str(row["rate"]))
            if row["to_currency"] == reporting_currency:
                self._rates[str(row["from_currency"])][day] = rate
            elif row["from_currency"] == reporting_currency:
                self._rates[str(row["to_currency"])].setdefault(day, (1 / rate).quantize(RATE_UNIT, ROUND_HALF_UP))

    def rate(self, currency: str, day: date) -> Decimal | None:
        if currency == self._currency:
            return Decimal(1)
        known = self._rates.get(currency, {})
        for age in range(OLDEST_RATE.days + 1):
            if (rate := known.get(day - timedelta(days=age))) is not None:
                return rate
        return None

    def worth(self, amount: Decimal | None, currency: str | None, day: date) -> Worth:
        """An amount in the deal's currency, booked on `day`, and at the constant day's rate."""
        return Worth(
            amount, self._converted(amount, currency, day), self._converted(amount, currency, self._constant_day)
        )

    def _converted(self, amount: Decimal | None, currency: str | None, day: date) -> Decimal | None:
        rate = None if currency is None else self.rate(currency, day)
        return None if amount is None or rate is None else (amount * rate).quantize(CENT, ROUND_HALF_UP)


def keep_versions(ledger: Ledger, nights: Sequence[Night]) -> list[Version]:
    """Every validity range of every deal, ascending."""
    versions = []
    for deal_id, instants in _lives(ledger, StageBook(nights)).items():
        states = [(at, steps[-1][1]) for at, steps in instants]
        begun = [states[0], *(after for before, after in pairwise(states) if after[1] != before[1])]
        ends: list[datetime | None] = [at for at, _ in begun[1:]]
        for (at, state), valid_to in zip(begun, [*ends, None], strict=True):
            versions.append(
                Version(
                    deal_id,
                    at,
                    valid_to,
                    valid_to is None,
                    state.status,
                    state.place.pipeline_id,
                    state.place.stage_id,
                    state.values.amount,
                    state.values.currency,
                    state.values.close,
                    state.values.owner,
                )
            )
    return versions


def keep_movements(ledger: Ledger, nights: Sequence[Night], rates: RateBook) -> list[Movement]:
    """Every row of the waterfall of all open deals."""
    movements: list[Movement] = []
    for deal_id, instants in _lives(ledger, StageBook(nights)).items():
        before: State | None = None
        was_open_when_it_left = False
        for at, steps in instants:
            for kind, after in steps:
                if before is not None and after.status in ("deleted", "merged"):
                    was_open_when_it_left = before.status == "open" or (
                        before.status in ("deleted", "merged") and was_open_when_it_left
                    )
                writer = Writer(deal_id, at, rates)
                if kind is None:
                    writer.revalue(before, after)
                elif kind != "restored" or after.status == "open" or was_open_when_it_left:
                    writer.move(before, after, kind)
                movements += writer.rows
                before = after
    return movements


class Writer:
    """The movements of one step of one deal."""

    def __init__(self, deal_id: str, at: datetime, rates: RateBook) -> None:
        self._deal_id = deal_id
        self._at = at
        self._rates = rates
        self.rows: list[Movement] = []

    def move(self, before: State | None, after: State, kind: str) -> None:
        """A transition: into, out of or within the open pipeline."""
        is_gone = after.status in ("deleted", "merged")
        if before is not None and before.status == "open":
            if is_gone:
                self._add(kind, -1, before.place, before.values)
            elif after.status == "open":
                self._shift(before, after)
            elif before.place.pipeline_id != after.place.pipeline_id:
                self._shift(before, after)
                self._add(after.status, -1, after.place, after.values)
            else:
                self._add(after.status, -1, before.place, before.values)
        elif not is_gone and (before is None or after.status == "open" or before.status != after.status):
            self._add(kind if kind in ("created", "restored") else "reopened", 1, after.place, after.values)
            if after.status in CLOSED:
                self._add(after.status, -1, after.place, after.values)

    def revalue(self, before: State | None, after: State) -> None:
        """Another amount, currency or owner of an open deal."""
        if before is None or before.status != "open":
            return
        old, new, place = before.values, after.values, after.place
        old_worth, new_worth = self._worth(old), self._worth(new)
        carried = self._carried(old, new)
        if (old.owner, old.currency) != (new.owner, new.currency):
            self._write("moved_out", -1, _negative(old_worth), old, place, self._reason(old))
            self._write("moved_in", 1, carried, new, place, self._reason(new._replace(amount=old.amount)))
        can_convert = self._worth(new._replace(amount=Decimal(0)))
        delta = Worth(*(
            None if rate is None else (there or Decimal(0)) - (here or Decimal(0))
            for rate, there, here in zip(can_convert, new_worth, carried, strict=True)
        ))  # fmt: skip
        first = next((part for part in delta if part), None)
        if first is not None:
            reason = self._reason(new._replace(amount=Decimal(0)))
            self._write("increased" if first > 0 else "decreased", 0, delta, new, place, reason)

    def _carried(self, old: Values, new: Values) -> Worth:
        """The amount before as moved_in has it, per basis."""
        before, own = self._worth(old), self._worth(new._replace(amount=old.amount))
        return Worth(*(
            None if there is None else there if here is None else here
            for here, there in zip(before, own, strict=True)
        ))  # fmt: skip

    def _shift(self, before: State, after: State) -> None:
        is_pipeline_change = before.place.pipeline_id != after.place.pipeline_id
        self._add("moved_out", -1, before.place, before.values, is_pipeline_change)
        self._add("moved_in", 1, after.place, after.values, is_pipeline_change)

    def _add(self, bucket: str, count: int, place: Place, values: Values, is_pipeline_change: bool = False) -> None:
        worth = self._worth(values)
        signed = worth if count > 0 else _negative(worth)
        self._write(bucket, count, signed, values, place, self._reason(values), is_pipeline_change)

    def _write(
        self,
        bucket: str,
        count: int,
        worth: Worth,
        values: Values,
        place: Place,
        reason: str | None,
        is_pipeline_change: bool = False,
    ) -> None:
        self.rows.append(
            Movement(
                self._deal_id,
                self._at,
                bucket,
                count,
                *worth,
                reason,
                values.currency,
                place.pipeline_id,
                place.stage_id,
                values.owner,
                is_pipeline_change,
            )
        )

    def _worth(self, values: Values) -> Worth:
        return self._rates.worth(values.amount, values.currency, self._at.date())

    def _reason(self, values: Values) -> str | None:
        if values.amount is None:
            return "no_amount"
        if values.currency is None:
            return "no_currency"
        return "no_exchange_rate" if None in self._worth(values) else None


def _negative(worth: Worth) -> Worth:
    return Worth(*(None if part is None else -part for part in worth))


Step = tuple[str | None, State]


def _lives(ledger: Ledger, stages: StageBook) -> Mapping[str, list[tuple[datetime, list[Step]]]]:
    """Per deal its instants, ascending, each with the steps taken then: (transition kind, None for values; state after)."""
    changes: dict[str, list[Change]] = defaultdict(list)
    moves: dict[str, list[Transition]] = defaultdict(list)
    for change in ledger.changes:
        changes[change.deal_id].append(change)
    for transition in ledger.transitions:
        moves[transition.deal_id].append(transition)
    return {deal_id: list(_life(changes[deal_id], moves[deal_id], stages)) for deal_id in moves}


def _life(
    changes: Sequence[Change], moves: Sequence[Transition], stages: StageBook
) -> Iterable[tuple[datetime, list[Step]]]:
    values = Values(None, None, None, None)
    state: State | None = None
    for at in sorted({change.changed_at for change in changes} | {move.transitioned_at for move in moves}):
        steps: list[Step] = []
        for change in changes:
            if change.changed_at == at:
                values = _applied(values, change)
        if state is not None and values != state.values:
            state = state._replace(values=values)
            steps.append((None, state))
        for move in moves:
            if move.transitioned_at == at:
                state = _moved(state, move, values, stages)
                steps.append((move.transition_kind, state))
        if not steps and state is not None:
            steps.append((None, state))
        if steps:
            yield at, steps


def _applied(values: Values, change: Change) -> Values:
    if change.field == "amount":
        return values._replace(amount=None if change.new_value is None else Decimal(change.new_value))
    if change.field == "currency":
        return values._replace(currency=change.new_value)
    if change.field == "expected_close":
        return values._replace(close=change.new_value)
    return values._replace(owner=change.new_value) if change.field == "owner" else values


def _moved(state: State | None, move: Transition, values: Values, stages: StageBook) -> State:
    if move.to_pipeline_id is None or move.to_stage_id is None:
        assert state is not None, f"deal {move.deal_id} leaves before it is created"
        return State(move.transition_kind, state.place, values)
    place = Place(move.to_pipeline_id, move.to_stage_id)
    return State(stages.kind(place, move.transitioned_at) or "open", place, values)
