"""Products, line items, campaigns and quotas: what the company sells, plans and spends, in Salesforce's words."""

from typing import Any

import numpy as np

from simulator import campaigns, catalogue, deals, goals, line_items, links
from simulator.chance import uniform
from simulator.events import AMOUNT, BUDGET, CURRENCY, GOAL, LIVE, NAME, OWNER, PERIOD, PRODUCT, QUANTITY, SPEND
from simulator.rates import HOME_CURRENCY
from simulator.salesforce.identities import PREFIX, identify
from simulator.salesforce.objects import euros, ledger_rows, system_fields, user_id
from simulator.salesforce.org import Org, second
from simulator.salesforce.rows import Bounds, Field, LedgerRows, MadeRows, SObject, fields, made
from simulator.seasons import DAY


def _numbers(rows: LedgerRows) -> list[int]:
    return [int(number) for number in rows.page.numbers.tolist()]


def _product_names(rows: LedgerRows) -> list[str]:
    held = zip(_numbers(rows), rows.page.column(NAME).tolist(), strict=True)
    return [catalogue.PRODUCTS[number].names[value] for number, value in held]


PRODUCT2 = SObject("Product2", PREFIX["Product2"], fields(
    *system_fields("Product2"),
    Field("Name", "string", _product_names),
    Field("ProductCode", "string", lambda rows: [f"WT-{number:03d}" for number in _numbers(rows)]),
    Field("Family", "picklist", lambda rows: [catalogue.PRODUCTS[number].line for number in _numbers(rows)]),
    Field("IsActive", "boolean", lambda rows: [True] * len(rows)),
), ledger_rows("products"))  # fmt: skip


def _unit_prices(rows: LedgerRows) -> list[float | None]:
    pairs = zip(rows.page.column(AMOUNT).tolist(), rows.page.column(QUANTITY).tolist(), strict=True)
    return [round(amount / quantity / 100, 2) for amount, quantity in pairs]


def _standing_of_deals(org: Org, now: int) -> tuple[set[int], set[int]]:
    """Numbers of the opportunities that are shown at all, and of those that are not in the bin."""
    places = org.shown("deals", now)
    found = org.company.ledgers["deals"].versions
    numbers, standing = found.number[places], found.standing[places]
    return set(numbers.tolist()), set(numbers[standing == LIVE].tolist())


def _line_items(org: Org, now: int, bounds: Bounds) -> LedgerRows:
    """A line goes with its opportunity, and no stamp of its own moves."""
    rows = ledger_rows("line_items")(org, now, bounds)
    shown, _ = _standing_of_deals(org, now)
    return rows.take([place for place, number in enumerate(_numbers(rows)) if line_items.deal_of(number) in shown])


def _is_deleted_line(rows: LedgerRows) -> list[bool]:
    _, live = _standing_of_deals(rows.org, rows.now)
    standing = rows.page.ledger.versions.standing[rows.page.places].tolist()
    return [
        each != LIVE or line_items.deal_of(number) not in live
        for number, each in zip(_numbers(rows), standing, strict=True)
    ]


def _stamps_of_deals(rows: LedgerRows) -> list[int]:
    places = rows.org.shown("deals", rows.now)
    found = rows.org.company.ledgers["deals"].versions
    stamps = dict(zip(found.number[places].tolist(), found.recorded[places].tolist(), strict=True))
    return [second(stamps[line_items.deal_of(number)]) for number in _numbers(rows)]


OPPORTUNITY_LINE_ITEM = SObject("OpportunityLineItem", PREFIX["OpportunityLineItem"], fields(
    *system_fields("OpportunityLineItem"),
    Field("IsDeleted", "boolean", _is_deleted_line),
    Field("OpportunityId", "reference", lambda rows: [identify("Opportunity", line_items.deal_of(number)) for number in _numbers(rows)]),
    Field("Product2Id", "reference", lambda rows: [identify("Product2", number) for number in rows.page.column(PRODUCT).tolist()]),
    Field("Quantity", "double", lambda rows: [float(value) for value in rows.page.column(QUANTITY).tolist()]),
    Field("UnitPrice", "currency", _unit_prices),
    Field("TotalPrice", "currency", lambda rows: [euros(value) for value in rows.page.column(AMOUNT).tolist()]),
    Field("CurrencyIsoCode", "picklist", lambda rows: [deals.CURRENCIES[code] for code in rows.page.column(CURRENCY).tolist()]),
    Field("ServiceDate", "date", lambda rows: [None] * len(rows)),
), _line_items, related=fields(Field("Opportunity.SystemModstamp", "datetime", _stamps_of_deals)))  # fmt: skip


def _day(number: int, quarters: int = 0) -> str:
    return campaigns.quarter_start(number // len(campaigns.PAID) + quarters).isoformat()


def _last_day(number: int) -> str:
    following = campaigns.quarter_start(number // len(campaigns.PAID) + 1)
    return following.fromordinal(following.toordinal() - 1).isoformat()


CAMPAIGN = SObject("Campaign", PREFIX["Campaign"], fields(
    *system_fields("Campaign"),
    Field("Name", "string", lambda rows: [campaigns.name_of(number) for number in _numbers(rows)]),
    Field("Type", "picklist", lambda rows: [campaigns.PAID[number % len(campaigns.PAID)] for number in _numbers(rows)]),
    Field("Status", "picklist", lambda rows: ["In Progress"] * len(rows)),
    Field("IsActive", "boolean", lambda rows: [True] * len(rows)),
    Field("StartDate", "date", lambda rows: [_day(number) for number in _numbers(rows)]),
    Field("EndDate", "date", lambda rows: [_last_day(number) for number in _numbers(rows)]),
    Field("ParentId", "reference", lambda rows: [None] * len(rows)),
    Field("BudgetedCost", "currency", lambda rows: [euros(value) for value in rows.page.column(BUDGET).tolist()]),
    Field("ActualCost", "currency", lambda rows: [euros(value) for value in rows.page.column(SPEND).tolist()]),
    Field("ExpectedRevenue", "currency", lambda rows: [None] * len(rows)),
    Field("CurrencyIsoCode", "picklist", lambda rows: [HOME_CURRENCY] * len(rows)),
), ledger_rows("campaigns"))  # fmt: skip


_AGAIN = 20 * DAY
"""So long after a lead came, some are invited once more, by the next quarter's campaign of the same channel."""


def _members(org: Org, now: int, bounds: Bounds) -> MadeRows:
    """Who came by a paid channel is a member of the campaign that ran then. A membership goes with either of its ends."""
    seed, leads, shown = (
        org.company.seed,
        org.company.ledgers["leads"].versions,
        org.company.ledgers["campaigns"].versions,
    )
    running = {int(shown.number[place]): int(place) for place in org.shown("campaigns", now)}
    places = org.shown("leads", now)
    numbers = leads.number[places].astype(np.int64)
    names = np.array(links.CHANNELS)[links.channel_of_lead(seed, numbers)]
    paid = np.isin(names, campaigns.PAID)
    again = uniform(seed, "lead.again", numbers) < 0.15
    rows = []
    for place, number, channel, twice in zip(
        places[paid].tolist(), numbers[paid].tolist(), names[paid].tolist(), again[paid].tolist(), strict=True
    ):
        came = int(leads.recorded[leads.starts[number]])
        first = campaigns.running_at(came) * len(campaigns.PAID) + campaigns.PAID.index(channel)
        for nth, campaign in enumerate([first, first + len(campaigns.PAID)][: 1 + twice]):
            if campaign not in running or came + nth * _AGAIN > now:
                continue
            ends = ((leads, place), (shown, running[campaign]))
            created = max(came + nth * _AGAIN, int(shown.recorded[shown.starts[campaign]]))
            gone = [int(found.recorded[at]) for found, at in ends if found.standing[at] != LIVE]
            stamp = max([created, *gone])
            rows.append({
                "Id": identify("CampaignMember", number * 2 + nth), "CampaignId": identify("Campaign", campaign),
                "LeadId": identify("Lead", number), "ContactId": None, "Status": "Responded", "HasResponded": True,
                "IsDeleted": bool(gone), "CreatedDate": second(created), "LastModifiedDate": second(stamp), "SystemModstamp": second(stamp),
            })  # fmt: skip
    return MadeRows(rows)


CAMPAIGN_MEMBER = SObject("CampaignMember", PREFIX["CampaignMember"], fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("CampaignId", "reference"), ("LeadId", "reference"), ("ContactId", "reference"), ("Status", "picklist"),
    ("HasResponded", "boolean"), ("IsDeleted", "boolean"), ("CreatedDate", "datetime"), ("LastModifiedDate", "datetime"),
    ("SystemModstamp", "datetime"),
))), _members)  # fmt: skip


def _quotas(org: Org, now: int, bounds: Bounds) -> MadeRows:
    """Forecasts know quotas of money only; one that is deleted goes into no bin."""
    rows = LedgerRows(org, "goal_targets", org.shown("goal_targets", now), now)
    page, shown = rows.page, []
    standing = page.ledger.versions.standing[page.places].tolist()
    columns = [page.column(field).tolist() for field in (GOAL, OWNER, PERIOD, AMOUNT)]
    stamps = page.ledger.versions.recorded[page.places].tolist()
    for place, number in enumerate(_numbers(rows)):
        kind, owner, period, amount = (column[place] for column in columns)
        if standing[place] == LIVE and goals.KINDS[kind] == "revenue":
            shown.append({
                "Id": identify("ForecastingQuota", number),
                "QuotaOwnerId": user_id(owner),
                "QuotaAmount": euros(amount),
                "QuotaQuantity": None,
                "StartDate": goals.period_text(period).partition("/")[0],
                "PeriodId": identify("Period", period),
                "ForecastingTypeId": None,
                "ProductFamily": None,
                "CurrencyIsoCode": HOME_CURRENCY,
                "CreatedDate": second(int(page.created_ms[place])),
                "LastModifiedDate": second(stamps[place]),
                "SystemModstamp": second(stamps[place]),
            })  # fmt: skip
    return MadeRows(shown)


_MADE = (("CreatedDate", "datetime"), ("LastModifiedDate", "datetime"), ("SystemModstamp", "datetime"))
FORECASTING_QUOTA = SObject("ForecastingQuota", PREFIX["ForecastingQuota"], fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("QuotaOwnerId", "reference"), ("QuotaAmount", "currency"), ("QuotaQuantity", "double"), ("StartDate", "date"),
    ("PeriodId", "reference"), ("ForecastingTypeId", "reference"), ("ProductFamily", "picklist"), ("CurrencyIsoCode", "picklist"), *_MADE,
))), _quotas)  # fmt: skip


def _periods(org: Org, now: int, bounds: Bounds) -> MadeRows:
    found: list[dict[str, Any]] = []
    for index in range(campaigns.QUARTERS):
        start, _, end = goals.period_text(index).partition("/")
        found.append({
            "Id": identify("Period", index), "Type": "Quarter", "Number": index % 4 + 1, "StartDate": start, "EndDate": end,
            "SystemModstamp": second(goals.period_bounds(0)[0]),
        })  # fmt: skip
    return MadeRows(found)


PERIOD_OBJECT = SObject("Period", PREFIX["Period"], fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("Type", "picklist"), ("Number", "int"), ("StartDate", "date"), ("EndDate", "date"), ("SystemModstamp", "datetime"),
))), _periods)  # fmt: skip

OBJECTS = (PRODUCT2, OPPORTUNITY_LINE_ITEM, CAMPAIGN, CAMPAIGN_MEMBER, FORECASTING_QUOTA, PERIOD_OBJECT)
