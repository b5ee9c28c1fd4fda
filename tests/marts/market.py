"""A random market around random deals (companies, leads, hand-offs, spend, costs), and what the marts of marketing and customers must say
of it: no SQL, no shared formula, from the metrics' definitions. Answers go from the grain to the measures; money is Decimal in the home currency.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any
from uuid import UUID

from tests.marts.answers import in_home_currency, period_end, period_start, value_at
from tests.marts.histories import AS_OF, OWNERS, START, UNKNOWN, History, key, local_date, owner_key, rate

Row = dict[str, Any]
Answer = dict[Any, Any]
CHANNELS = ["web", "event", "print", None]
SPAN = (AS_OF - START) // timedelta(minutes=1)
ON_TIME = timedelta(hours=24)
CENT = Decimal("0.01")
SIZES = [(250, "250+"), (50, "50-249"), (10, "10-49"), (0, "1-9")]


@dataclass
class Market:
    """What was drawn, as rows of core; `purchases` are (company, won_at, amount or None) of the deals that stand as won."""

    companies: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    offers: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    touches: list[Row] = field(default_factory=list)
    spend: list[Row] = field(default_factory=list)
    costs: list[Row] = field(default_factory=list)
    purchases: list[tuple[UUID, datetime, Decimal | None]] = field(default_factory=list)
    buyers: set[UUID] = field(default_factory=set)


def _moment(dice: random.Random) -> datetime:
    return START + timedelta(minutes=dice.randrange(SPAN))


def draw(seed: int, histories: list[History], tables: dict[str, list[Row]]) -> Market:
    """Draws a market and writes it into the core tables, the deals' companies and leads included."""
    dice, market = random.Random(seed), Market()
    count = max(20, len(histories) // 5)
    for number in range(count):
        lost_at = _moment(dice) if dice.random() < 0.4 else None
        market.companies.append({
            "company_key": key("company", str(number)), "source_system": "files", "source_company_id": str(number),
            "employee_count": dice.choice([None, 1, 9, 10, 49, 50, 249, 250]), "country": dice.choice(["DE", "AT", None]),
            "customer_lost_at": lost_at,
            "merged_into_company_key": key("company", str(number + 1)) if number % 10 == 0 else None,
        })  # fmt: skip
    by_id = {history.key: history for history in histories}
    for number in range(len(histories)):
        _draw_lead(dice, market, number, [*by_id])
    for deal in tables["dim_deals"]:
        deal["company_key"] = dice.choice([UNKNOWN, *(company["company_key"] for company in market.companies)])
        deal["lead_key"] = dice.choice(market.leads)["lead_key"] if dice.random() < 0.4 else None
        if deal["deal_status"] == "won":
            _note_win(market, deal, by_id[deal["deal_key"]])
    for number in range(60):
        day, currency = local_date(_moment(dice)), dice.choice(["EUR", "EUR", "USD", "XXX"])
        amount, factor = Decimal(dice.randrange(100, 99999)) / 100, rate(currency, day)
        market.spend.append({
            "spend_key": key("spend", str(number)), "source_system": "files", "spend_date": day, "channel": dice.choice(CHANNELS),
            "spend_amount": amount, "currency_code": currency,
            "booked_amount": (amount * factor).quantize(CENT, ROUND_HALF_UP) if factor else None,
        })  # fmt: skip
    for number in range(12):
        first = local_date(START) + timedelta(days=dice.randrange(-20, 120))
        market.costs.append({
            "process_cost_key": key("cost", str(number)), "source_system": "files", "process": dice.choice(["attraction", "sales", "retention"]),
            "period_start_date": first, "period_end_date": first + timedelta(days=dice.randrange(60)),
            "booked_amount": Decimal(dice.randrange(1000, 999999)) / 100 if dice.random() < 0.9 else None,
        })  # fmt: skip
    tables |= {
        "dim_companies": [*market.companies, {"company_key": UNKNOWN, "source_system": "unknown"}], "dim_leads": market.leads,
        "fct_lead_status_changes": market.changes, "fct_activities": market.touches, "fct_marketing_spend": market.spend,
        "fct_process_costs": market.costs,
    }  # fmt: skip
    return market


def _draw_lead(dice: random.Random, market: Market, number: int, deals: list[UUID]) -> None:
    lead, at = key("lead", str(number)), _moment(dice)
    has_mql = False
    for step in range(dice.choice([0, 1, 1, 2])):
        offered = at + timedelta(hours=dice.randrange(1, 300) + 600 * step)
        outcome = dice.choice(["accepted", "rejected", "recycled", None])
        if offered > AS_OF:
            break
        has_mql = True
        decided = min(offered + timedelta(hours=dice.randrange(1, 200)), AS_OF)
        market.offers.append({"lead": lead, "at": offered, "outcome": outcome or "undecided"})
        for kind, moment in (("offered", offered), *(((outcome, decided),) if outcome else ())):
            market.changes.append({
                "status_change_key": key("change", str(number), str(step), kind), "lead_key": lead, "hand_off_outcome": kind,
                "new_status": {"offered": "mql", "accepted": "sql", "rejected": "disqualified", "recycled": "recycled"}[kind],
                "changed_at": moment, "offered_at": offered,
            })  # fmt: skip
        if outcome is None:
            break
    market.leads.append({
        "lead_key": lead, "source_system": "files", "source_lead_id": str(number), "created_at": at, "channel": dice.choice(CHANNELS),
        "lead_direction": dice.choice(["inbound", "outbound", None]), "owner_key": owner_key(dice.choice(OWNERS)), "lead_status": "new",
        "company_key": dice.choice([UNKNOWN, *(company["company_key"] for company in market.companies)]),
        "converted_deal_key": dice.choice(deals) if dice.random() < 0.2 else None, "first_mql_at": at if has_mql else None,
        "is_deleted": dice.random() < 0.05,
    })  # fmt: skip
    for offset in range(dice.randrange(5)):
        market.touches.append({
            "activity_key": key("touch", str(number), str(offset)), "source_system": "files", "lead_key": lead, "owner_key": UNKNOWN,
            "activity_type": dice.choice(["call", "email", "meeting", "note"]), "direction": dice.choice(["inbound", "outbound", None]),
            "happened_at": at + timedelta(hours=dice.randrange(-20, 900)), "is_automated": dice.random() < 0.3,
            "outcome": dice.choice([None, "answered", "unanswered", "missed"]),
        })  # fmt: skip


def _note_win(market: Market, deal: Row, history: History) -> None:
    won_at = deal["closed_at"]
    worth = in_home_currency(
        value_at(history, "amount", won_at), value_at(history, "currency", won_at), local_date(won_at)
    )
    company = next((each for each in market.companies if each["company_key"] == deal["company_key"]), None)
    market.purchases.append(
        ((company["merged_into_company_key"] or company["company_key"]) if company else UNKNOWN, won_at, worth)
    )
    if deal["lead_key"]:
        market.buyers.add(deal["lead_key"])
    market.buyers |= {lead["lead_key"] for lead in market.leads if lead["converted_deal_key"] == deal["deal_key"]}


def _live(market: Market) -> dict[UUID, Row]:
    return {lead["lead_key"]: lead for lead in market.leads if not lead.get("is_deleted")}


def splits(market: Market, lead: Row) -> Iterator[tuple[str, str]]:
    """Every dimension of a lead with the key of its member."""
    company = next((each for each in market.companies if each["company_key"] == lead["company_key"]), {})
    size = company.get("employee_count")
    yield "all", "all"
    yield "channel", lead["channel"] or "unknown"
    yield "direction", lead["lead_direction"] or "unknown"
    yield "owner", str(lead["owner_key"])
    yield "team", "unknown"
    yield "company_size", "unknown" if size is None else next(name for least, name in SIZES if size >= least)
    yield "country", company.get("country") or "unknown"


def lead_funnel(market: Market) -> Answer:
    """(grain, start, dimension, key) → leads, marketing-qualified ones, customers."""
    found: Answer = defaultdict(lambda: [0, 0, 0])
    for lead in _live(market).values():
        for dimension, member in splits(market, lead):
            for grain in ("day", "week", "month", "quarter", "year", "all"):
                row = found[grain, period_start(grain, local_date(lead["created_at"])), dimension, member]
                row[0] += 1
                row[1] += lead["first_mql_at"] is not None
                row[2] += lead["lead_key"] in market.buyers
    return {at: tuple(row) for at, row in found.items()}


def _first_touch(market: Market, lead: UUID, after: datetime) -> datetime | None:
    return min(
        (
            touch["happened_at"]
            for touch in market.touches
            if touch["lead_key"] == lead and after <= touch["happened_at"] <= AS_OF and touch["activity_type"] != "note"
            and touch["direction"] != "inbound" and not touch["is_automated"] and touch["outcome"] != "missed"
        ),
        default=None,
    )  # fmt: skip


def hand_offs(market: Market) -> Answer:
    """(grain, start, dimension, key) → offered, accepted, rejected, recycled, undecided, touched, mean and median hours, on time."""
    found: Answer = defaultdict(list)
    leads = _live(market)
    for offer in market.offers:
        if offer["lead"] in leads:
            touched = _first_touch(market, offer["lead"], offer["at"])
            for dimension, member in splits(market, leads[offer["lead"]]):
                for grain in ("week", "month", "quarter", "year", "all"):
                    at = grain, period_start(grain, local_date(offer["at"])), dimension, member
                    found[at].append((offer["outcome"], touched and touched - offer["at"]))
    return {at: _told(offers) for at, offers in found.items()}


def _told(offers: list[tuple[str, timedelta | None]]) -> tuple[Any, ...]:
    waits = [wait / timedelta(hours=1) for _, wait in offers if wait is not None]
    outcomes = [outcome for outcome, _ in offers]
    return (
        len(offers), *(outcomes.count(kind) for kind in ("accepted", "rejected", "recycled", "undecided")), len(waits),
        sum(waits) / len(waits) if waits else None, median(waits) if waits else None,
        sum(wait is not None and wait <= ON_TIME for _, wait in offers),
    )  # fmt: skip


def _whole(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, where all of it is known and there is something."""
    listed = [*amounts]
    return None if not listed or None in listed else sum((each for each in listed if each is not None), Decimal(0))


def cost_per_lead(market: Market) -> Answer:
    """(grain, start, dimension, key) → spend, leads, cost, spend of the month before; rows where any of them is there."""
    spend: Answer = defaultdict(list)
    for entry in market.spend:
        for at in (("all", "all"), ("channel", entry["channel"] or "unknown")):
            for grain in ("week", "month", "quarter", "year", "all"):
                spend[grain, period_start(grain, entry["spend_date"]), *at].append(entry["booked_amount"])
    leads = {at: row[0] for at, row in lead_funnel(market).items() if at[0] != "day" and at[2] in ("all", "channel")}
    lagged = {
        ("month", period_end("month", at[1]), *at[2:]): amounts
        for at, amounts in spend.items()
        if at[0] == "month" and period_end("month", at[1]) <= local_date(AS_OF)
    }
    found = {}
    for at in spend.keys() | leads.keys() | lagged.keys():
        whole, count = _whole(spend.get(at, [])), leads.get(at, 0)
        found[at] = (
            whole,
            count,
            float(whole) / count if whole is not None and count else None,
            _whole(lagged.get(at, [])),
        )
    return found


def _periods() -> list[tuple[str, date]]:
    days = [
        date(2025, 1, 1) + timedelta(days=offset) for offset in range((local_date(AS_OF) - date(2025, 1, 1)).days + 1)
    ]
    return sorted({(grain, period_start(grain, day)) for grain in ("month", "quarter", "year") for day in days})


def romi(market: Market) -> Answer:
    """(grain, start) → revenue, spend, romi, incremental romi."""
    money: dict[tuple[str, date], tuple[Decimal, Decimal | None]] = {}
    found: Answer = {}
    costs = cost_per_lead(market)
    for grain, start in _periods():
        inside = _within(grain, start)
        revenue = sum((worth or Decimal(0) for _, at, worth in market.purchases if inside(local_date(at))), Decimal(0))
        spend = costs.get((grain, start, "all", "all"), (None,))[0]
        before = money.get((grain, period_start(grain, start - timedelta(1))))
        money[grain, start] = revenue, spend
        ratio = float((revenue - spend) / spend) if spend else None
        rise = spend - before[1] if before and before[1] is not None and spend is not None else Decimal(0)
        found[grain, start] = (
            revenue,
            spend,
            ratio,
            float((revenue - before[0]) / rise) if before and rise > 0 else None,
        )
    return found


def _within(grain: str, start: date) -> Callable[[date], bool]:
    end = period_end(grain, start)
    return lambda day: start <= day < end


def _is_customer(purchases: list[datetime], lost_at: datetime | None, before: date) -> bool:
    """Whether it was one when the day began."""
    bought = [at for at in purchases if local_date(at) < before]
    return bool(bought) and not (lost_at and lost_at >= bought[-1] and local_date(lost_at) < before)


def retention(market: Market) -> Answer:
    """(grain, start) → opening, new, lost, closing, all who ever bought; from the first customer on."""
    customers: dict[UUID, list[datetime]] = defaultdict(list)
    for company, at, _ in sorted(market.purchases, key=lambda each: each[1]):
        if company != UNKNOWN:
            customers[company].append(at)
    lost = {company["company_key"]: company["customer_lost_at"] for company in market.companies}
    found: Answer = {}
    for grain, start in _periods():
        inside, end = _within(grain, start), period_end(grain, start)
        opening = {each for each, bought in customers.items() if _is_customer(bought, lost[each], start)}
        closing = [each for each, bought in customers.items() if _is_customer(bought, lost[each], end)]
        ever = [each for each, bought in customers.items() if local_date(bought[0]) < end]
        new = [each for each in ever if inside(local_date(customers[each][0]))]
        gone = [each for each in opening if lost[each] and inside(local_date(lost[each]))]
        if ever:
            found[grain, start] = (len(opening), len(new), len(gone), len(closing), len(ever))
    return found


def unit_economics(market: Market) -> Answer:
    """(grain, start) → cost per lead, per new customer, per kept customer, total, revenue and profit per customer."""
    leads, customers, money = lead_funnel(market), retention(market), romi(market)
    found: Answer = {}
    for grain, start in _periods():
        opening, new, _, _, ever = customers.get((grain, start), (0, 0, 0, 0, 0))
        count = leads.get((grain, start, "all", "all"), (0,))[0]
        attraction, sales, retained = (
            _cost(market, process, grain, start) for process in ("attraction", "sales", "retention")
        )
        parts = [_per(attraction, new), _per(sales, new), _per(retained, opening)]
        total = None if None in parts else sum(part for part in parts if part is not None)
        revenue = _per(money[grain, start][0], ever)
        profit = revenue - total if revenue is not None and total is not None else None
        found[grain, start] = (_per(attraction, count), *parts[1:], total, revenue, profit)
    return found


def _per(amount: Decimal | None, heads: int) -> float | None:
    return float(amount) / heads if amount is not None and heads else None


def _cost(market: Market, process: str, grain: str, start: date) -> Decimal | None:
    inside, shares = _within(grain, start), []
    for cost in market.costs:
        days = (cost["period_end_date"] - cost["period_start_date"]).days + 1
        listed = [cost["period_start_date"] + timedelta(days=offset) for offset in range(days)]
        hit = sum(inside(day) and day <= local_date(AS_OF) for day in listed)
        if cost["process"] == process and hit:
            shares.append(cost["booked_amount"] and cost["booked_amount"] * hit / days)
    whole = _whole(shares)
    return whole if whole is None else whole.quantize(CENT, ROUND_HALF_UP)
