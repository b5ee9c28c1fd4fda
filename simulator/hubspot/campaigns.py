"""HubSpot's marketing campaigns: their list, and what each was to cost and has cost, entry by entry."""

from datetime import date, timedelta
from typing import Any

from simulator.campaigns import PAID, at_midnight, name_of, quarter_start
from simulator.company import State
from simulator.events import BUDGET, LIVE, NULL, SPEND
from simulator.hubspot.page import instant_text
from simulator.identities import identify, number_of
from simulator.rates import HOME_CURRENCY


def listed(state: State, asked: list[str], start: int) -> list[dict[str, Any]]:
    """The campaigns there are, from a number on, with the properties that were asked for: values are strings or null."""
    return [_campaign(state, number, asked) for number in state.listed("campaigns").tolist() if number >= start]


def _campaign(state: State, number: int, asked: list[str]) -> dict[str, Any]:
    found = state.company.ledgers["campaigns"].versions
    place = state.company.ledgers["campaigns"].version_at(number, state.at)
    assert place is not None  # it was listed  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    start = quarter_start(number // len(PAID))
    properties: dict[str, str | None] = {
        "hs_name": name_of(number),
        "hs_start_date": start.isoformat(),
        "hs_end_date": (quarter_start(number // len(PAID) + 1) - timedelta(days=1)).isoformat(),
        "hs_campaign_status": "completed" if _is_over(state, number) else "in_progress",
        "hs_currency_code": HOME_CURRENCY,
        "hs_utm": f"{PAID[number % len(PAID)]}-{start.year}-q{(start.month + 2) // 3}",
        "hs_budget_items_sum_amount": _sum(int(found.columns[BUDGET][place])),
        "hs_spend_items_sum_amount": _sum(int(found.columns[SPEND][place])),
        "hs_object_id": str(310_000_000 + number),
    }
    return {
        "id": identify("campaigns", number),
        "properties": {name: properties[name] for name in sorted(set(asked or ("hs_name",)) & properties.keys())},
        "createdAt": instant_text(int(found.recorded[found.starts[number]])),
        "updatedAt": instant_text(int(found.modified[place])),
    }


def _is_over(state: State, number: int) -> bool:
    return at_midnight(quarter_start(number // len(PAID) + 1)) <= state.at


def _sum(cents: int) -> str | None:
    return None if cents == NULL else f"{cents / 100:.2f}"


def budget(state: State, identity: str) -> dict[str, Any] | None:
    """Totals and entries of one campaign; None if there is none of that id. Amounts are numbers, instants epoch milliseconds."""
    number = number_of("campaigns", identity)
    ledger = state.company.ledgers["campaigns"]
    place = None if number is None else ledger.version_at(number, state.at)
    if number is None or place is None or int(ledger.versions.standing[place]) != LIVE:
        return None
    budgeted, spent = _entries(state, number, BUDGET), _entries(state, number, SPEND)
    totals = [round(sum(each["amount"] for each in entries), 2) for entries in (budgeted, spent)]
    return {
        "currencyCode": HOME_CURRENCY,
        "budgetTotal": totals[0],
        "spendTotal": totals[1],
        "remainingBudget": round(totals[0] - totals[1], 2),
        "budgetItems": budgeted,
        "spendItems": spent,
    }


def _entries(state: State, number: int, field: int) -> list[dict[str, Any]]:
    """One entry per change of the total."""
    events = state.company.ledgers["campaigns"].events
    low, high = int(events.starts[number]), int(events.starts[number + 1])
    found: list[dict[str, Any]] = []
    before = 0
    for place in range(low, high):
        at, total = int(events.recorded[place]), int(events.value[place])
        if events.which[place] != field or at > state.at:
            continue
        month = date.fromordinal(date(1970, 1, 1).toordinal() + at // 86_400_000)
        found.append({
            "id": f"{number}{field}{len(found):03d}",
            "name": f"{'Budget' if field == BUDGET else 'Bill'} {month:%Y-%m}",
            "amount": (total - before) / 100,
            "order": len(found),
            "createdAt": at,
            "updatedAt": at,
        })  # fmt: skip
        before = total
    return found
