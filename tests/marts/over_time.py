"""What was expected when, and what became of it, answered from histories: no SQL, no shared formula, from the metrics' definitions.

`Learned` says of a change of the expected close when it became known and when it was taken back: two axes, so that an answer can be
what was known then and not what is known now.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.marts.answers import in_home_currency, period_end, period_start, status, stays, value_at, wilson
from tests.marts.histories import AS_OF, ZONE, History, key, local_date, owner_key

GRAINS = ("week", "month", "quarter")
MOMENT = timedelta(microseconds=1)
REMOVED = ("deleted", "merged")

#: (deal, number of the event) → when it became known, when it was taken back
Learned = dict[tuple[str, int], tuple[datetime, datetime | None]]


def learn(seed: int, histories: list[History], tables: dict[str, list[dict[str, Any]]]) -> Learned:
    """Makes some changes of the expected close known late and taken back at any time, in the rows of `fct_deal_changes` too."""
    dice, learned = random.Random(seed), Learned()
    deals = {history.key: history.deal_id for history in histories}
    for row in tables["fct_deal_changes"]:
        if row["field"] == "expected_close":
            late = timedelta(hours=dice.choice([0, 0, 1, 12, 24, 200, 900]))
            row["known_at"] = min(row["changed_at"] + late, AS_OF)
            if row["retracted_at"]:
                row["retracted_at"] = row["known_at"] + (AS_OF - row["known_at"]) * dice.random()
            learned[deals[row["deal_key"]], row["sequence"]] = row["known_at"], row["retracted_at"]
    return learned


def midnight(day: date) -> datetime:
    """The instant at which the day begins where the company is."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def kind_at(history: History, at: datetime) -> str | None:
    """open, won, lost, deleted or merged once everything up to and including the instant was applied; None before the creation."""
    begun = [stay for stay in stays(history) if stay.entered <= at]
    if not begun:
        return None
    last = begun[-1]
    return (
        last.ended_by if last.exited is not None and last.exited <= at and last.ended_by in REMOVED else last.stage.kind
    )


def expected_as_known(history: History, learned: Learned, start: datetime) -> date | None:
    """The expected close that had been entered, seen and not taken back before `start`."""
    held: date | None = None
    for number, event in enumerate(history.events):
        if event.field == "expected_close" and event.at < start:
            known_at, retracted_at = learned[history.deal_id, number]
            if known_at < start and (retracted_at is None or retracted_at >= start):
                held = event.value
    return held


def closings(history: History) -> Iterator[tuple[date, str]]:
    """(day, won or lost) of every close that counts: a win where it is final, a loss in its own period, one loss of several in a row."""
    for stay in stays(history):
        if stay.stage.kind == "open" or (stay.ended_by in REMOVED and status(history) not in REMOVED):
            continue
        goes_on = stay.ended_by == "stage" and stay.next_stage is not None
        if goes_on and (stay.stage.kind == "won" or (stay.next_stage and stay.next_stage.kind == "lost")):
            continue
        restored_to_loss = stay.stage.kind == "lost" and stay.ended_by in REMOVED and status(history) not in REMOVED
        if not restored_to_loss:
            yield local_date(stay.entered), stay.stage.kind


@dataclass
class Expected:
    """One deal expected in one period, and what became of it."""

    history: History
    day: date
    pipeline: str
    owner: str
    amount: Decimal | None
    is_unconverted: bool
    is_closed: bool
    is_won: bool
    is_removed: bool


def starts(grain: str) -> Iterator[date]:
    """First days of every period from the first of 2025 to the one that runs at the as-of."""
    start = period_start(grain, date(2025, 1, 1))
    while start <= local_date(AS_OF):
        yield start
        start = period_end(grain, start)


def expected_deals(histories: list[History], learned: Learned) -> dict[tuple[str, date, str], Expected]:
    """(grain, period, deal) → the deals that were to close in the period."""
    found = {}
    for grain in GRAINS:
        for start in starts(grain):
            end, begin = period_end(grain, start), midnight(start)
            for history in histories:
                day = expected_as_known(history, learned, begin)
                if day is None or not start <= day < end or kind_at(history, begin - MOMENT) != "open":
                    continue
                closes = [kind for closed, kind in closings(history) if start <= closed < end]
                held, currency = (value_at(history, field, begin - MOMENT) for field in ("amount", "currency"))
                amount = in_home_currency(held, currency, start)
                last = stays(history)[-1]
                left = local_date(last.exited) if status(history) in REMOVED and last.exited else None
                found[grain, start, history.deal_id] = Expected(
                    history, day, pipeline_at(history, begin - MOMENT), owner_at(history, begin - MOMENT), amount,
                    held is not None and amount is None, bool(closes), "won" in closes,
                    not closes and left is not None and start <= left < end,
                )  # fmt: skip
    return found


def pipeline_at(history: History, at: datetime) -> str:
    """Key of the pipeline of the stage it stood in, as text."""
    return str(key("pipeline", [stay for stay in stays(history) if stay.entered <= at][-1].stage.pipeline))


def owner_at(history: History, at: datetime) -> str:
    """Key of the owner, as text."""
    return str(owner_key(value_at(history, "owner", at)))


def moves(histories: list[History]) -> dict[tuple[str, datetime], tuple[date, date]]:
    """(deal, instant) → the days expected before and after, wherever an open deal's expected close moved."""
    found = {}
    for history in histories:
        instants = sorted({event.at for event in history.events})
        for before, after in itertools.pairwise(instants):
            was, becomes = (value_at(history, "expected_close", at) for at in (before, after))
            is_planned = kind_at(history, before) == kind_at(history, after) == "open"
            if is_planned and was is not None and becomes is not None and was != becomes:
                found[history.deal_id, after] = (was, becomes)
    return found


def slippage(histories: list[History], learned: Learned) -> dict[tuple[str, date, str, str], tuple[Any, ...]]:
    """(grain, period, dimension, key) → expected, closed, slipped, rate and bounds, won, not won, rate, removed, amounts, rate,
    deals without a rate, pushes, deals pushed."""
    groups: dict[tuple[str, date, str, str], list[Expected]] = defaultdict(list)
    pushes: dict[tuple[str, date, str, str], list[str]] = defaultdict(list)
    for (grain, start, _), deal in expected_deals(histories, learned).items():
        for split in (("all", "all"), ("pipeline", deal.pipeline), ("owner", deal.owner), ("team", "unknown")):
            groups[(grain, start, *split)].append(deal)
    by_id = {history.deal_id: history for history in histories}
    for (deal_id, at), (was, becomes) in moves(histories).items():
        history = by_id[deal_id]
        for grain in GRAINS:
            if period_start(grain, becomes) > period_start(grain, was):
                start = period_start(grain, local_date(at))
                for split in (
                    ("all", "all"),
                    ("pipeline", pipeline_at(history, at)),
                    ("owner", owner_at(history, at)),
                    ("team", "unknown"),
                ):
                    pushes[(grain, start, *split)].append(deal_id)
    found = {}
    for at_group in groups.keys() | pushes.keys():
        deals = groups.get(at_group, [])
        slipped = [deal for deal in deals if not deal.is_closed]
        n, won = len(deals), sum(deal.is_won for deal in deals)
        amount = sum((deal.amount or Decimal(0) for deal in deals), Decimal(0))
        slipped_amount = sum((deal.amount or Decimal(0) for deal in slipped), Decimal(0))
        found[at_group] = (
            n, n - len(slipped), len(slipped), len(slipped) / n if n else None, *wilson(len(slipped), n),
            won, n - won, (n - won) / n if n else None, *wilson(n - won, n), sum(deal.is_removed for deal in deals),
            amount, slipped_amount, float(slipped_amount / amount) if amount else None,
            sum(deal.is_unconverted for deal in deals), len(pushes.get(at_group, [])), len(set(pushes.get(at_group, []))),
        )  # fmt: skip
    return found


def state_at(history: History, at: datetime) -> tuple[Any, ...] | None:
    """Status, pipeline, stage, amount, currency, expected close, owner; of a deal that is not open the expected close is the last planned one."""
    kind = kind_at(history, at)
    if kind is None:
        return None
    planned: date | None = None
    for instant in sorted({event.at for event in history.events if event.at <= at}):
        if kind_at(history, instant) == "open":
            planned = value_at(history, "expected_close", instant)
    stage = [stay for stay in stays(history) if stay.entered <= at][-1].stage
    return (
        kind, pipeline_at(history, at), stage.name, value_at(history, "amount", at), value_at(history, "currency", at), planned,
        owner_at(history, at),
    )  # fmt: skip


def then_and_now(histories: list[History]) -> dict[tuple[date, str], tuple[Any, ...]]:
    """(first day of a period, deal) → state at the end of the day before, state now, and whether each of the seven is another."""
    today = local_date(AS_OF)
    months = [
        start for start in starts("month") if today.year * 12 + today.month - (start.year * 12 + start.month) <= 12
    ]
    quarters = list(starts("quarter"))[-9:]
    found = {}
    for start in {*months, *quarters}:
        for history in histories:
            then, now = state_at(history, midnight(start) - MOMENT), state_at(history, AS_OF)
            if then is not None and now is not None and (then[0] == "open" or then != now):
                found[start, history.deal_id] = (
                    *then, *now, *(before != after for before, after in zip(then, now, strict=True))
                )  # fmt: skip
    return found
