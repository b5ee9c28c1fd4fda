"""The marts' questions answered from histories, deal by deal and day by day: no SQL, no shared formula, from the metrics' definitions.

Every function takes histories and gives a dictionary from the grain to the measures; amounts are Decimal in the home
currency, days are float.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.marts.histories import AS_OF, PIPELINES, ZONE, History, Stage, local_date, owner_key, rate

CENT = Decimal("0.01")
GRAINS = ("day", "week", "month", "quarter", "year", "all")


@dataclass
class Stay:
    """One visit: where, from when to when, and what ended it ('stage' = a move to `next_stage`)."""

    stage: Stage
    entered: datetime
    exited: datetime | None = None
    ended_by: str | None = None
    next_stage: Stage | None = None
    restored: bool = False


def period_start(grain: str, day: date) -> date:
    """First day of the period; of `all` the first day of the calendar."""
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "all":
        return date(2025, 1, 1)
    month = {"month": day.month, "quarter": day.month - (day.month - 1) % 3, "year": 1}.get(grain, day.month)
    return day if grain == "day" else date(day.year, month, 1)


def period_end(grain: str, start: date) -> date:
    """First day after the period."""
    months = {"month": 1, "quarter": 3, "year": 12}
    if grain in months:
        number = start.year * 12 + start.month - 1 + months[grain]
        return date(number // 12, number % 12 + 1, 1)
    return {"day": start + timedelta(1), "week": start + timedelta(7)}.get(grain, local_date(AS_OF) + timedelta(1))


def stays(history: History) -> list[Stay]:
    """The deal's visits in order."""
    found: list[Stay] = []
    for event in history.events:
        if event.field == "removed":
            found[-1].exited, found[-1].ended_by = event.at, event.value
        elif event.field in ("stage", "restored"):
            if found and found[-1].exited is None:
                found[-1].exited, found[-1].ended_by, found[-1].next_stage = event.at, "stage", event.value
            found.append(Stay(event.value, event.at, restored=event.field == "restored"))
    return found


def value_at(history: History, field: str, at: datetime) -> Any:
    """What the field held once everything up to and including the instant was applied."""
    held = None
    for event in history.events:
        if event.field == field and event.at <= at and not event.retracted:
            held = event.value
    return held


def in_home_currency(amount: Decimal | None, currency: str | None, day: date) -> Decimal | None:
    """The amount at the day's rate, in cents; None without amount or rate."""
    factor = rate(currency, day)
    return None if amount is None or factor is None else (amount * factor).quantize(CENT, ROUND_HALF_UP)


def status(history: History) -> str:
    """open, won, lost, deleted or merged at the as-of."""
    last = stays(history)[-1]
    return last.ended_by if last.exited and last.ended_by else last.stage.kind


def outcome(history: History) -> str:
    """The status, a loss told by its group."""
    kind = status(history)
    return (history.lost_group or "lost") if kind == "lost" else kind


def created(history: History) -> datetime:
    """Instant of the first visit."""
    return stays(history)[0].entered


def home(history: History) -> str:
    """The pipeline the deal was created in."""
    return stays(history)[0].stage.pipeline


def furthest(history: History) -> int:
    """The highest place reached in the pipeline of creation; a loss reaches nothing further."""
    return max([stay.stage.rank or 0 for stay in stays(history) if stay.stage.pipeline == home(history)])


def is_complete(history: History) -> bool:
    """Nothing of the history is missing."""
    assert history.complete_from
    return history.complete_from <= created(history)


def last_amount(history: History) -> Decimal | None:
    """The last amount in the home currency at the rate of the day of the close, the removal, or the as-of."""
    last = stays(history)[-1]
    at = last.exited or (last.entered if last.stage.kind != "open" else AS_OF)
    return in_home_currency(value_at(history, "amount", AS_OF), value_at(history, "currency", AS_OF), local_date(at))


def rounded(value: Decimal | None) -> Decimal:
    """None as nought."""
    return value or Decimal(0)


def quantile(values: list[float], share: float) -> float | None:
    """Linear interpolation between the two neighbours."""
    if not values:
        return None
    ordered, place = sorted(values), share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def wilson(hits: int, n: int) -> tuple[float, float] | tuple[None, None]:
    """Wilson's 95 % interval of hits / n."""
    if not n:
        return None, None
    z, share = 1.959963984540054, hits / n
    centre, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)
    return max(0.0, low), min(1.0, high)


def in_periods(day: date) -> Iterator[tuple[str, date]]:
    """Every period that the day belongs to."""
    for grain in GRAINS:
        yield grain, period_start(grain, day)


# --- the questions -----------------------------------------------------------------------------------------------------


def board(histories: list[History]) -> dict[str, tuple[int, Decimal, Decimal]]:
    """Open stage → deals, amount, recurring amount now."""
    found = {
        stage.name: (0, Decimal(0), Decimal(0))
        for ladder in PIPELINES.values()
        for stage in ladder
        if stage.kind == "open"
    }
    for history in histories:
        if status(history) == "open":
            stage = stays(history)[-1].stage.name
            today, currency = local_date(AS_OF), value_at(history, "currency", AS_OF)
            amount = rounded(in_home_currency(value_at(history, "amount", AS_OF), currency, today))
            recurring = rounded(in_home_currency(history.recurring, currency, today))
            found[stage] = (found[stage][0] + 1, found[stage][1] + amount, found[stage][2] + recurring)
    return found


def daily(histories: list[History]) -> dict[tuple[date, str, str], tuple[int, Decimal, int]]:
    """(day, open stage, owner) → deals, amount, deals without a rate, at the end of the day."""
    groups: dict[tuple[date, str, str, str | None], list[Decimal | None]] = defaultdict(list)
    day = min(local_date(created(history)) for history in histories)
    while day <= local_date(AS_OF):
        midnight = datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)
        for history in histories:
            there = [
                stay for stay in stays(history)
                if stay.entered < midnight and (stay.exited is None or stay.exited >= midnight)
            ]  # fmt: skip
            if there and there[-1].stage.kind == "open":
                before = midnight - timedelta(microseconds=1)
                owner = str(owner_key(value_at(history, "owner", before)))
                group = (day, there[-1].stage.name, owner, value_at(history, "currency", before))
                groups[group].append(value_at(history, "amount", before))
        day += timedelta(days=1)
    found: dict[tuple[date, str, str], tuple[int, Decimal, int]] = {}
    for (day, stage, owner, currency), amounts in groups.items():
        held = [amount for amount in amounts if amount is not None]
        amount = in_home_currency(sum(held, Decimal(0)), currency, day)
        count, total, without = found.get((day, stage, owner), (0, Decimal(0), 0))
        found[day, stage, owner] = (
            count + len(amounts), total + rounded(amount), without + (len(held) if amount is None else 0)
        )  # fmt: skip
    return found


def how_left(stay: Stay) -> str:
    """What became of a visit to an open stage."""
    if stay.exited is None:
        return "still_in"
    if stay.ended_by in ("deleted", "merged"):
        return "deleted_merged"
    there = stay.next_stage
    assert there
    if there.kind != "open":
        return there.kind
    if there.pipeline != stay.stage.pipeline:
        return "moved_pipeline"
    assert there.rank
    assert stay.stage.rank
    step = there.rank - stay.stage.rank
    return "forward" if step == 1 else "skipped_forward" if step > 1 else "back"


def visit_flow(histories: list[History]) -> dict[tuple[str, date, str], dict[str, int]]:
    """(grain, period of entry, open stage) → visits entered and by what became of them."""
    found: dict[tuple[str, date, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for history in histories:
        for stay in stays(history):
            if stay.stage.kind == "open":
                for grain, start in in_periods(local_date(stay.entered)):
                    found[grain, start, stay.stage.name]["entered"] += 1
                    found[grain, start, stay.stage.name][how_left(stay)] += 1
    return found


def stage_entry_conversion(histories: list[History]) -> dict[tuple[str, date, str], tuple[int, int, int]]:
    """(grain, period of the first entry, open stage) → deals, of them beyond it, of the others open."""
    found: dict[tuple[str, date, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for history in histories:
        path = stays(history)
        if not is_complete(history):
            continue
        for number, stay in enumerate(path):
            if stay.stage.kind != "open" or stay.stage in [earlier.stage for earlier in path[:number]]:
                continue
            later = [visit.stage for visit in path[number + 1 :]]
            beyond = any(
                stage.kind == "won"
                or (stage.pipeline == stay.stage.pipeline and (stage.rank or 0) > (stay.stage.rank or 0))
                for stage in later
            )
            waits = not beyond and status(history) == "open"
            for grain, start in in_periods(local_date(stay.entered)):
                count, converted, still_open = found[grain, start, stay.stage.name]
                found[grain, start, stay.stage.name] = (count + 1, converted + beyond, still_open + waits)
    return found


def stands_won_at_home(history: History) -> bool:
    """Won at the as-of, in the pipeline of creation."""
    return status(history) == "won" and stays(history)[-1].stage.pipeline == home(history)


def created_conversion(histories: list[History]) -> dict[tuple[str, date, str, str], tuple[int, int, int]]:
    """(grain, period of creation, pipeline, stage or 'won') → deals, of them implied reached, of the others open."""
    found: dict[tuple[str, date, str, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for history in histories:
        if not is_complete(history):
            continue
        goals = {
            stage.name: furthest(history) >= (stage.rank or 0)
            for stage in PIPELINES[home(history)]
            if stage.kind == "open"
        }
        goals["won"] = stands_won_at_home(history)
        for grain, start in in_periods(local_date(created(history))):
            for goal, is_reached in goals.items():
                count, reached, waits = found[grain, start, home(history), goal]
                found[grain, start, home(history), goal] = (
                    count + 1, reached + is_reached, waits + (not is_reached and status(history) == "open")
                )  # fmt: skip
    return found


def matured_days(histories: list[History], stage: str) -> float | None:
    """90th percentile of the days of the ended visits to the stage that took any time."""
    return quantile([
        (stay.exited - stay.entered) / timedelta(days=1)
        for history in histories for stay in stays(history)
        if stay.stage.name == stage and stay.exited is not None and stay.exited > stay.entered
    ], 0.9)  # fmt: skip


@dataclass
class Close:
    """One counted win or loss."""

    history: History
    stay: Stay
    group: str


def closes(histories: list[History]) -> list[Close]:
    """Wins at their final close, losses in their own period; deals deleted or merged since are left out."""
    found = []
    for history in histories:
        path = stays(history)
        if status(history) in ("deleted", "merged"):
            continue
        for number, stay in enumerate(path):
            follower = path[number + 1] if number + 1 < len(path) else None
            if stay.stage.kind == "won" and follower is None:
                found.append(Close(history, stay, "won"))
            # lost and moved to another lost stage, or restored there: one loss, the last
            if stay.stage.kind == "lost" and (
                follower is None or (follower.stage.kind != "lost" and not follower.restored)
            ):
                found.append(Close(history, stay, history.lost_group or "lost"))
    return found


def close_amount(close: Close) -> Decimal | None:
    """The amount at the close, in the home currency at the day's rate."""
    at = close.stay.entered
    return in_home_currency(
        value_at(close.history, "amount", at), value_at(close.history, "currency", at), local_date(at)
    )


def has_no_rate(close: Close) -> bool:
    """An amount was in force at the close, and it cannot be said in the home currency."""
    return value_at(close.history, "amount", close.stay.entered) is not None and close_amount(close) is None


def average_deal_size(row: dict[str, Any]) -> tuple[Decimal, int, float | None]:
    """Won revenue, the won deals it is known of, and the one by the other: revenue nobody can convert is not nought."""
    revenue, deals = Decimal(row["won_amount"]), row["won"] - row["won_without_rate"]
    return revenue, deals, float(revenue / deals) if deals else None


def splits(owner: str | None, history: History) -> list[tuple[str, str]]:
    """The dimensions of a deal besides its pipeline: the owner's of the event, everything else as it is now; the histories name no more than these."""
    return [
        ("owner", str(owner_key(owner))),
        ("channel", history.channel or "unknown"),
        ("direction", history.direction or "unknown"),
        *((dimension, "unknown") for dimension in ("team", "product_line", "company_size", "country")),
    ]


def win_rates(histories: list[History]) -> dict[tuple[str, date, str, str], dict[str, Any]]:
    """(grain, period, dimension, value) → counts and amounts by close period, and of the created cohort."""
    found: dict[tuple[str, date, str, str], dict[str, Any]] = defaultdict(lambda: defaultdict(int))

    def groups(day: date, pipeline: str, owner: str | None, history: History) -> Iterator[dict[str, Any]]:
        for grain, start in in_periods(day):
            for split in (("all", "all"), ("pipeline", pipeline), *splits(owner, history)):
                yield found[(grain, start, *split)]

    for close in closes(histories):
        owner = value_at(close.history, "owner", close.stay.entered)
        for row in groups(local_date(close.stay.entered), close.stay.stage.pipeline, owner, close.history):
            row[close.group] += 1
            if close.group in ("won", "lost"):
                row[f"{close.group}_amount"] += rounded(close_amount(close))
                row[f"{close.group}_without_rate"] += has_no_rate(close)
    for history in histories:
        owner = value_at(history, "owner", created(history))
        for row in groups(local_date(created(history)), home(history), owner, history):
            row["created"] += 1
            row["created_won"] += status(history) == "won"
    return found


def sales_cycle(histories: list[History]) -> dict[tuple[str, date, str, str, str, str], list[float]]:
    """(grain, close period, dimension, value, scope, start) → the days of every close."""
    found: dict[tuple[str, date, str, str, str, str], list[float]] = defaultdict(list)
    for close in closes(histories):
        starts = {"created": created(close.history), "lead_created": close.history.lead_created_at}
        scopes = ["won", "won_lost"] if close.group == "won" else ["won_lost"] if close.group == "lost" else []
        owner = value_at(close.history, "owner", close.stay.entered)
        for grain, start in in_periods(local_date(close.stay.entered)):
            by_more = [] if grain in ("day", "week") else splits(owner, close.history)
            for split in (("all", "all"), ("pipeline", close.stay.stage.pipeline), *by_more):
                for scope in scopes:
                    for name, since in starts.items():
                        if since is not None:
                            found[(grain, start, *split, scope, name)].append(
                                (close.stay.entered - since) / timedelta(days=1)
                            )
    return found


def highest_amount(history: History, at: datetime) -> Decimal | None:
    """The highest amount up to the instant since the deal had its currency then."""
    since, currency = datetime.min.replace(tzinfo=UTC), None
    for event in history.events:
        if event.field == "currency" and event.at <= at and not event.retracted:
            if currency is not None:
                since = event.at
            currency = event.value
    amounts = [
        event.value for event in history.events
        if event.field == "amount" and since <= event.at <= at and event.value is not None and not event.retracted
    ]  # fmt: skip
    now = value_at(history, "amount", at)
    return max([*amounts, *([now] if now is not None else [])], default=None)


def leakage(
    histories: list[History],
) -> dict[tuple[str, date, str, str, str, str, str], tuple[int, int, Decimal, Decimal]]:
    """(grain, period, last open stage, group, reason, channel, direction) → visits, come back, last and highest amount."""
    found: dict[Any, tuple[int, int, Decimal, Decimal]] = defaultdict(lambda: (0, 0, Decimal(0), Decimal(0)))
    for history in histories:
        path = stays(history)
        for number, stay in enumerate(path):
            if stay.stage.kind == "open" and how_left(stay) in ("lost", "deleted_merged"):
                at, stage, kind = stay.exited, stay.stage.name, "lost" if how_left(stay) == "lost" else stay.ended_by
            elif number == 0 and stay.stage.kind == "lost":
                at, stage, kind = stay.entered, "none", "lost"
            else:
                continue
            assert at
            assert kind
            reason = (history.lost_reason or "unknown") if kind == "lost" else "none"
            group = (history.lost_group or "lost") if kind == "lost" else kind
            back = any(visit.stage.kind != "lost" for visit in path[number + 1 :])
            currency, day = value_at(history, "currency", at), local_date(at)
            last = rounded(in_home_currency(value_at(history, "amount", at), currency, day))
            most = rounded(in_home_currency(highest_amount(history, at), currency, day))
            for grain, start in in_periods(day):
                if grain != "day":
                    split = (
                        grain,
                        start,
                        stage,
                        group,
                        reason,
                        history.channel or "unknown",
                        history.direction or "unknown",
                    )
                    row = found[split]
                    found[split] = (row[0] + 1, row[1] + back, row[2] + last, row[3] + most)
    return found


def dormant(histories: list[History]) -> dict[str, int]:
    """Open stage → open deals without a sign of life for longer than the stage's limit."""
    found: dict[str, int] = defaultdict(int)
    for history in histories:
        if status(history) != "open":
            continue
        here = stays(history)[-1]
        limit = matured_days(histories, here.stage.name)
        quiet_since = max([stay.entered for stay in stays(history)] + [at for at in history.activities if at <= AS_OF])
        if limit is not None and (AS_OF - quiet_since) / timedelta(days=1) > limit:
            found[here.stage.name] += 1
    return found


def partition(histories: list[History]) -> dict[tuple[str, date, str, str, str], int]:
    """(grain, period of creation, pipeline, outcome, last open stage of a loss) → deals."""
    found: dict[tuple[str, date, str, str, str], int] = defaultdict(int)
    for history in histories:
        opened = [stay.stage.name for stay in stays(history) if stay.stage.kind == "open"]
        stage = opened[-1] if opened and status(history) == "lost" else "none"
        for grain, start in in_periods(local_date(created(history))):
            found[grain, start, home(history), outcome(history), stage] += 1
    return found


def funnel(histories: list[History], steps: list[str]) -> dict[tuple[str, date, str, str], tuple[int, Decimal]]:
    """(grain, period of creation, pipeline or 'all', step, 'won' or 'unmapped') → deals that reached it, their amounts."""
    found: dict[tuple[str, date, str, str], tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal(0)))
    for history in histories:
        if not is_complete(history):
            continue
        passed = [
            steps.index(stage.step) for stage in PIPELINES[home(history)]
            if stage.rank and stage.rank <= furthest(history) and stage.step in steps
        ]  # fmt: skip
        if stands_won_at_home(history):
            reached = [*steps, "won"]
        else:
            reached = steps[: max(passed) + 1] if passed else ["unmapped"]
        for grain, start in in_periods(local_date(created(history))):
            for pipeline in ("all", home(history)):
                for step in reached:
                    count, amount = found[grain, start, pipeline, step]
                    found[grain, start, pipeline, step] = (count + 1, amount + rounded(last_amount(history)))
    return found
