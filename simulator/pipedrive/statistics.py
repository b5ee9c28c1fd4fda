"""What Pipedrive counts itself: summaries of deals, and the movements in one pipeline of one user's deals."""

from collections import Counter
from typing import Any

from simulator.pipedrive.answers import day
from simulator.pipedrive.deals import Deals, DealsNow
from simulator.pipedrive.identities import PIPELINE_OF_STAGE, identify, pipeline_id
from simulator.pipedrive.listing import Rows
from simulator.pipedrive.lives import DealState, Life, money
from simulator.seasons import DAY


def summary(now: DealsNow, rows: Rows) -> dict[str, Any]:
    """Count and value per currency. Converted values are given at par: nothing may rely on them."""
    counts: Counter[str] = Counter()
    values: Counter[str] = Counter()
    found = now.of.company.ledgers["deals"].versions
    for number in found.number[rows.places].tolist():
        state = now.of.life(int(number)).state_at(now.now)
        counts[state.currency] += 1
        values[state.currency] += state.value
    total = sum(values.values())
    return {
        "values_total": {
            code: {"value": money(values[code]), "count": counts[code], "value_converted": money(values[code]),
                   "value_formatted": f"{money(values[code])} {code}", "value_converted_formatted": f"{money(values[code])} EUR"}
            for code in sorted(counts)
        },
        "weighted_values_total": {
            code: {"value": money(values[code]), "count": counts[code], "value_formatted": f"{money(values[code])} {code}"}
            for code in sorted(counts)
        },
        "total_count": sum(counts.values()),
        "total_currency_converted_value": money(total),
        "total_weighted_currency_converted_value": money(total),
        "total_currency_converted_value_formatted": f"{money(total)} EUR",
        "total_weighted_currency_converted_value_formatted": f"{money(total)} EUR",
    }  # fmt: skip


def _owned(of: Deals, now: DealsNow, pipeline: int, user: int) -> list[tuple[int, Life, DealState]]:
    """The user's deals that are or were in the pipeline, archived or not, deleted ones left out."""
    found = []
    for archived in (False, True):
        rows = now.rows([], archived, None, None)
        for number in of.company.ledgers["deals"].versions.number[rows.places].tolist():
            life = of.life(int(number))
            state = life.state_at(now.now)
            if state.user_id == user and pipeline in {pipeline_id(each.pipeline) for each in life.states}:
                found.append((identify("deals", int(number)), life, state))
    return found


def _said(deals: list[tuple[int, DealState]]) -> dict[str, Any]:
    values: Counter[str] = Counter()
    for _, state in deals:
        values[state.currency] += state.value
    return {
        "count": len(deals),
        "deals_ids": sorted(identity for identity, _ in deals),
        "values": {code: values[code] // 100 for code in sorted(values)},
        "formatted_values": {code: f"{values[code] // 100} {code}" for code in sorted(values)},
    }


def movements(of: Deals, now: DealsNow, pipeline: int, user: int, start: str, end: str) -> dict[str, Any]:
    """Movement statistics: days from `start` to `end`, both included, UTC."""
    new: list[tuple[int, DealState]] = []
    closed: dict[str, list[tuple[int, DealState]]] = {"won": [], "lost": []}
    still_open: list[tuple[int, DealState]] = []
    moves = 0
    ages: list[int] = []
    by_stage: dict[int, list[int]] = {}
    for identity, life, state in _owned(of, now, pipeline, user):
        if start <= day(life.created) <= end and pipeline_id(life.states[0].pipeline) == pipeline:
            new.append((identity, state))
        before = life.states[0]
        for at, after in zip(life.starts[1:], life.states[1:], strict=True):
            if at > now.now:
                break
            if start <= day(at) <= end and pipeline_id(after.pipeline) == pipeline:
                moves += after.stage_id != before.stage_id
                if after.status != before.status and after.status in closed:
                    closed[after.status].append((identity, state))
            before = after
        if state.status == "open" and pipeline_id(state.pipeline) == pipeline:
            still_open.append((identity, state))
            ages.append((now.now - life.created) // DAY)
            by_stage.setdefault(state.stage_id, []).append((now.now - (state.stage_change_time or life.created)) // DAY)
    return {
        "movements_between_stages": {"count": moves},
        "new_deals": _said(new),
        "deals_left_open": _said(still_open),
        "won_deals": _said(closed["won"]),
        "lost_deals": _said(closed["lost"]),
        "average_age_in_days": {
            "across_all_stages": sum(ages) // len(ages) if ages else 0,
            "by_stages": [
                {"stage_id": stage, "value": sum(some) // len(some)} for stage, some in sorted(by_stage.items())
            ],
        },
    }


def conversions(of: Deals, now: DealsNow, pipeline: int, user: int, start: str, end: str) -> dict[str, Any]:
    """Conversion statistics in whole per cent: from each stage to those entered from it, and to won and lost."""
    entered: Counter[int] = Counter()
    moved: Counter[tuple[int, int]] = Counter()
    closed: Counter[str] = Counter()
    deals = _owned(of, now, pipeline, user)
    for _, life, state in deals:
        before = life.states[0]
        for at, after in zip(life.starts[1:], life.states[1:], strict=True):
            inside = pipeline_id(PIPELINE_OF_STAGE[before.stage_id]) == pipeline_id(after.pipeline) == pipeline
            if at <= now.now and start <= day(at) <= end and after.stage_id != before.stage_id and inside:
                entered[before.stage_id] += 1
                moved[before.stage_id, after.stage_id] += 1
            before = after
        closed[state.status] += 1
    total = max(len(deals), 1)
    return {
        "stage_conversions": [
            {"from_stage_id": origin, "to_stage_id": target, "conversion_rate": round(100 * count / entered[origin])}
            for (origin, target), count in sorted(moved.items())
        ],
        "won_conversion": round(100 * closed["won"] / total),
        "lost_conversion": round(100 * closed["lost"] / total),
    }
