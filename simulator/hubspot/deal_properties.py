"""The properties of HubSpot's deals."""

from functools import cache

from simulator import deals, links, pipelines
from simulator.chance import Flags
from simulator.events import AMOUNT, CLOSE, CURRENCY, NULL, OWNER, PIPELINE, REASON, STAGE
from simulator.hubspot.page import Page, instant_text
from simulator.hubspot.properties import (
    Property,
    Render,
    choice,
    created,
    merged_ids,
    modified,
    object_id,
    owned,
    sources,
    text,
    when,
)
from simulator.names import company_name

RATES = {"EUR": 1.0, "USD": 0.92, "GBP": 1.16}
"""The rates at which the calculated amounts of deals are converted: the first ones the account was given, whatever it set later."""

ANALYTICS = {
    "website": ("DIRECT_TRAFFIC", "website"),
    "referral": ("REFERRALS", "customer referral"),
    "event": ("OFFLINE", "EVENT"),
    "paid_search": ("PAID_SEARCH", "search ads"),
    "social": ("SOCIAL_MEDIA", "LinkedIn"),
    "email": ("EMAIL_MARKETING", "newsletter"),
    "partner": ("OFFLINE", "PARTNER"),
    "cold_call": ("OFFLINE", "COLD_CALL"),
    "cold_email": ("OFFLINE", "COLD_EMAIL"),
}
"""HubSpot's traffic source and its drill-down for each of the company's channels."""


def money(cents: int) -> str | None:
    """An amount as HubSpot writes it: no decimals when there are none."""
    if cents == NULL:
        return None
    return f"{cents // 100}.{cents % 100:02d}" if cents % 100 else str(cents // 100)


def _tracked(
    name: str, label: str, field: int, values: tuple[str, ...], labels: tuple[str, ...] | None = None
) -> Property:
    def render(page: Page) -> list[str | None]:
        return [values[code] if code >= 0 else None for code in page.column(field).tolist()]

    def show(_: Page, value: int) -> str | None:
        return values[value] if value >= 0 else None

    options = tuple(zip(values, labels or values, strict=True))
    return Property(name, label, "enumeration", "select", render, field=field, show=show, options=options)


def _channels(page: Page) -> list[str]:
    return [links.CHANNELS[code] for code in links.channel_of_lead(page.seed, page.numbers * 2).tolist()]


def _names(page: Page) -> list[str | None]:
    companies = links.company_of_deal(page.seed, page.numbers)
    names = [company_name(draw) for draw in page.draw_bits("company.name", companies)]
    return [f"{name} - {pipelines.PIPELINES[code].name} {number}" for name, code, number in zip(
        names, links.pipeline_of(page.seed, page.numbers).tolist(), page.numbers.tolist(), strict=True)]  # fmt: skip


def _of_amount(stream: str, odds: float, share: float) -> Render:
    """An amount that is a fixed share of the deal's, known for some deals only."""

    def render(page: Page) -> list[str | None]:
        amounts, draws = page.column(AMOUNT).tolist(), page.draw(stream)
        return [
            money(round(amount * share * (0.5 + draw)) // 100 * 100) if draw < odds and amount > 0 else None
            for amount, draw in zip(amounts, draws, strict=True)
        ]

    return render


def _in_home_currency(page: Page) -> list[str | None]:
    pairs = zip(page.column(AMOUNT).tolist(), page.column(CURRENCY).tolist(), strict=True)
    return [money(NULL if cents == NULL else round(cents * RATES[deals.CURRENCIES[code]])) for cents, code in pairs]


def _kind(flags: Flags) -> Render:
    def render(page: Page) -> list[str | None]:
        stages = page.column(STAGE)
        return ["true" if flag else "false" for flag in flags[stages].tolist()]

    return render


def _stage_dates(code: int, stage: str, name: str) -> list[Property]:
    def entered(page: Page) -> list[str | None]:
        return [instant_text(visits[code][0]) if code in visits else None for visits in page.visits]

    def exited(page: Page) -> list[str | None]:
        return [
            None if (left := visits.get(code, (0, None))[1]) is None else instant_text(left) for visits in page.visits
        ]

    def stayed(page: Page) -> list[str | None]:
        stays = [visits.get(code, (0, None)) for visits in page.visits]
        return [None if left is None else str(left - start) for start, left in stays]

    return [
        when(f"hs_v2_date_entered_{stage}", f'Date entered "{name}"', entered, calculated=True),
        when(f"hs_v2_date_exited_{stage}", f'Date exited "{name}"', exited, calculated=True),
        Property(f"hs_v2_time_in_{stage}", f'Latest time in "{name}"', "number", "number", stayed, calculated=True),
    ]


def _closed(page: Page) -> list[str | None]:
    return [None if at == NULL else instant_text(at) for at in page.column(CLOSE).tolist()]


@cache
def catalogue() -> dict[str, Property]:
    """All properties of deals by name."""
    stages = tuple(stage.id for stage in pipelines.STAGES)
    channel_names = tuple((channel, channel) for channel in links.CHANNELS)
    found = [
        object_id(),
        created("createdate"),
        modified("hs_lastmodifieddate"),
        text("dealname", "Deal name", _names),
        Property("amount", "Amount", "number", "number", lambda page: [money(cents) for cents in page.column(AMOUNT).tolist()],
                 field=AMOUNT, show=lambda _, value: money(value)),
        _tracked("dealstage", "Deal stage", STAGE, stages, tuple(stage.name for stage in pipelines.STAGES)),
        _tracked("pipeline", "Pipeline", PIPELINE, tuple(p.id for p in pipelines.PIPELINES), tuple(p.name for p in pipelines.PIPELINES)),
        Property("closedate", "Close date", "datetime", "date", _closed, field=CLOSE,
                 show=lambda _, value: None if value == NULL else instant_text(value)),
        _tracked("deal_currency_code", "Currency", CURRENCY, deals.CURRENCIES),
        owned(OWNER),
        _tracked("closed_lost_reason", "Closed lost reason", REASON, deals.LOST_REASONS),
        merged_ids(),
        text("amount_in_home_currency", "Amount in company currency", _in_home_currency, calculated=True),
        text("hs_exchange_rate", "Exchange rate",
             lambda page: [str(RATES[deals.CURRENCIES[code]]) for code in page.column(CURRENCY).tolist()], calculated=True),
        Property("hs_is_closed", "Is closed", "bool", "calculation_read_time", _kind(pipelines.IS_WON | pipelines.IS_LOST), calculated=True),
        Property("hs_is_closed_won", "Is closed won", "bool", "calculation_read_time", _kind(pipelines.IS_WON), calculated=True),
        Property("hs_is_closed_lost", "Is closed lost", "bool", "calculation_read_time", _kind(pipelines.IS_LOST), calculated=True),
        text("hs_deal_stage_probability", "Deal probability",
             lambda page: [str(pipelines.STAGES[code].probability) for code in page.column(STAGE).tolist()], calculated=True),
        Property("dealtype", "Deal type", "enumeration", "radio",
                 lambda page: ["existingbusiness" if code == 1 else "newbusiness"
                               for code in links.pipeline_of(page.seed, page.numbers).tolist()],
                 options=(("newbusiness", "New business"), ("existingbusiness", "Existing business"))),
        Property("hs_analytics_source", "Original traffic source", "enumeration", "select",
                 lambda page: [ANALYTICS[channel][0] for channel in _channels(page)],
                 options=tuple((value, value) for value in sorted({first for first, _ in ANALYTICS.values()}))),
        text("hs_analytics_source_data_1", "Original traffic source drill-down 1",
             lambda page: [ANALYTICS[channel][1] for channel in _channels(page)]),
        Property("lead_channel", "Channel", "enumeration", "select", lambda page: list(_channels(page)), options=channel_names, custom=True),
        Property("lead_direction", "Lead direction", "enumeration", "select", direction(2), custom=True,
                 options=(("inbound", "Inbound"), ("outbound", "Outbound"))),
        text("hs_mrr", "Monthly recurring revenue", _of_amount("deal.recurring", 0.45, 0.08)),
        text("discount_amount", "Discount", _of_amount("deal.discount", 0.2, 0.3), custom=True),
        text("promised_value", "Promised yearly value for the customer", _of_amount("deal.promised", 0.6, 2.5), custom=True),
        text("achieved_value", "Achieved yearly value for the customer", _of_amount("deal.achieved", 0.15, 6.0), custom=True),
        choice("product_line", "Product line", ("Platform", "Sensors", "Services"), "deal.product_line", custom=True),
        sources("deal", ((0.7, "CRM_UI"), (0.85, "INTEGRATION"), (0.95, "AUTOMATION_PLATFORM"), (1.0, "IMPORT"))),
    ]  # fmt: skip
    for code, stage in enumerate(pipelines.STAGES):
        found.extend(_stage_dates(code, stage.id, stage.name))
    return {each.name: each for each in found}


def direction(leads_each: int) -> Render:
    """Inbound or outbound, by the lead behind it (`leads_each` leads per entity)."""

    def render(page: Page) -> list[str | None]:
        ours = links.is_outbound(links.channel_of_lead(page.seed, page.numbers * leads_each))
        return ["outbound" if flag else "inbound" for flag in ours.tolist()]

    return render
