"""The flow through the funnel, answered from histories: milestones, velocity, ways, quotas shared out by days, and what a better step would bring. No SQL."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from tests.marts.answers import (
    GRAINS,
    average_deal_size,
    closes,
    created,
    home,
    how_left,
    in_home_currency,
    in_periods,
    is_complete,
    period_end,
    rounded,
    splits,
    stands_won_at_home,
    status,
    stays,
    value_at,
    win_rates,
)
from tests.marts.histories import AS_OF, PIPELINES, ZONE, History, local_date

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


def milestones(histories: list[History]) -> dict[tuple[str, date, str], tuple[int, int, int]]:
    """(grain, period, open stage) → visits that ended in it, of them forward or won, and those of incomplete histories, left out of both."""
    found: dict[tuple[str, date, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for history in histories:
        for stay in stays(history):
            if stay.stage.kind == "open" and stay.exited:
                knows, ahead = is_complete(history), how_left(stay) in ("forward", "skipped_forward", "won")
                for grain, start in in_periods(local_date(stay.exited)):
                    left, forward, unknown = found[grain, start, stay.stage.name]
                    found[grain, start, stay.stage.name] = (
                        left + knows,
                        forward + (knows and ahead),
                        unknown + (not knows),
                    )
    return found


def open_at_end(histories: list[History], grain: str, start: date) -> dict[tuple[str, str], int]:
    """(dimension, value) → deals open at the end of the period, of the running one at the end of the as-of day."""
    last = min(period_end(grain, start), local_date(AS_OF) + DAY)
    end = datetime.combine(last, time(), ZONE).astimezone(UTC) - MOMENT
    found: dict[tuple[str, str], int] = defaultdict(int)
    for history in histories:
        there = [stay for stay in stays(history) if stay.entered <= end and (stay.exited is None or stay.exited > end)]
        if there and there[-1].stage.kind == "open":
            owner = value_at(history, "owner", end)
            for member in (("all", "all"), ("pipeline", there[-1].stage.pipeline), *splits(owner, history)):
                found[member] += 1
    return found


def velocity(histories: list[History]) -> dict[tuple[str, date, str, str], float]:
    """(grain, period, dimension, value) → money won a day, where all four factors are there."""
    days: dict[tuple[str, date, str, str], list[float]] = defaultdict(list)
    for close in closes(histories):
        if close.group == "won":
            at = close.stay.entered
            members = splits(value_at(close.history, "owner", at), close.history)
            for grain, start in in_periods(local_date(at)):
                for member in (("all", "all"), ("pipeline", close.stay.stage.pipeline), *members):
                    days[(grain, start, *member)].append((at - created(close.history)) / DAY)
    found = {}
    standing = {
        (grain, start): open_at_end(histories, grain, start)
        for grain, start, _, _ in days
        if grain not in ("day", "all")
    }
    for (grain, start, dimension, value), row in win_rates(histories).items():
        cycle, size = days.get((grain, start, dimension, value)), average_deal_size(row)[2]
        if (grain, start) in standing and cycle and size is not None and sum(cycle):
            share = row["won"] / (row["won"] + row["lost"])
            count = standing[grain, start][dimension, value]
            found[grain, start, dimension, value] = count * share * size / (sum(cycle) / len(cycle))
    return found


def ways(histories: list[History]) -> dict[tuple[str, str], tuple[int, int, int, float | None]]:
    """(pipeline of creation, way) → deals, won, won or lost, median days to the close."""
    found: dict[tuple[str, str], list[History]] = defaultdict(list)
    for history in histories:
        if is_complete(history):
            words = []
            for stay in stays(history):
                words.append(stay.stage.name)
                if stay.ended_by in ("deleted", "merged"):
                    words.append(stay.ended_by)
            found[home(history), " > ".join(words)].append(history)
    answers = {}
    for at, group in found.items():
        closed = [history for history in group if status(history) in ("won", "lost")]
        took = [(stays(history)[-1].entered - created(history)) / DAY for history in closed]
        won = sum(status(history) == "won" for history in closed)
        answers[at] = (len(group), won, len(closed), median(took) if took else None)
    return answers


def coverage(
    histories: list[History], quotas: list[dict[str, Any]]
) -> dict[tuple[str, date], tuple[Decimal, float | None, float | None]]:
    """(grain, period) of the company → expected amount at its start, quota and quota still to win, from quotas of the whole company that do
    not overlap."""
    won: dict[date, Decimal] = defaultdict(Decimal)
    for close in closes(histories):
        if close.group == "won":
            day = local_date(close.stay.entered)
            amount = in_home_currency(
                value_at(close.history, "amount", close.stay.entered), value_at(close.history, "currency", close.stay.entered), day
            )  # fmt: skip
            won[day] += rounded(amount)
    found = {}
    starts = {at for history in histories for at in in_periods(local_date(created(history)))}
    for grain, start in starts:
        if grain not in GRAINS[2:5]:
            continue
        end, plan, to_win = period_end(grain, start), 0.0, 0.0
        for quota in quotas:
            first, last = quota["period_start_date"], quota["period_end_date"]
            inside = (min(last + DAY, end) - max(first, start)).days
            if inside > 0:
                share = float(quota["booked_amount"]) * inside / ((last - first).days + 1)
                plan += share
                already = sum((amount for day, amount in won.items() if first <= day < start), Decimal(0))
                left = max(float(quota["booked_amount"] - already), 0.0)
                to_win += share if first >= start else left * inside / ((last - start).days + 1)
        found[grain, start] = (expected_at(histories, start, end), plan or None, to_win if plan else None)
    return found


def expected_at(histories: list[History], start: date, end: date) -> Decimal:
    """What was open on the eve of `start` and expected to close before `end`, at the eve's rates, rounded once per place and currency."""
    eve = datetime.combine(start, time(), ZONE).astimezone(UTC) - MOMENT
    sums: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for history in histories:
        there = [stay for stay in stays(history) if stay.entered <= eve and (stay.exited is None or stay.exited > eve)]
        planned = value_at(history, "expected_close", eve)
        if there and there[-1].stage.kind == "open" and planned and start <= planned < end:
            place = (there[-1].stage.pipeline, value_at(history, "owner", eve), value_at(history, "currency", eve))
            sums[place] += rounded(value_at(history, "amount", eve))
    return sum((rounded(in_home_currency(amount, place[2], start - DAY)) for place, amount in sums.items()), Decimal(0))


def reach(histories: list[History], pipeline: str, steps: list[str]) -> list[tuple[str, int]]:
    """The measured steps of a pipeline's funnel with the deals that reached them, won at the end."""
    mapped = {stage.step for stage in PIPELINES[pipeline]}
    reached: dict[str, int] = defaultdict(int)
    for history in histories:
        if home(history) == pipeline and is_complete(history):
            top = max((stay.stage.rank or 0 for stay in stays(history) if stay.stage.pipeline == pipeline), default=0)
            passed = [
                steps.index(stage.step)
                for stage in PIPELINES[pipeline]
                if stage.rank and stage.rank <= top and stage.step in steps
            ]
            is_won = stands_won_at_home(history)
            for step in steps if is_won else steps[: max(passed) + 1] if passed else []:
                reached[step] += 1
            reached["won"] += is_won
    return [(step, reached[step]) for step in [*(step for step in steps if step in mapped), "won"]]


def what_if(funnel: list[tuple[str, int]], points: float, decay: float) -> dict[str, tuple[float, float]]:
    """Step → deals more at the next step, wins more, walked step by step."""
    found = {}
    for place, (step, count) in enumerate(funnel[:-1]):
        extra = first = min(count * points / 100, count - funnel[place + 1][1])
        for (_, before), (_, after) in zip(funnel[place + 1 :], funnel[place + 2 :], strict=False):
            extra *= after / before * (1 - decay)
        found[step] = (first, extra)
    return found
