"""The properties of HubSpot's products, line items and goal targets."""

from functools import cache

from simulator import catalogue, deals, goals
from simulator.campaigns import quarter_start
from simulator.events import AMOUNT, CURRENCY, GOAL, NAME, OWNER, PERIOD, PRODUCT, QUANTITY
from simulator.hubspot.deal_properties import money
from simulator.hubspot.page import Page, instant_text
from simulator.hubspot.properties import Property, created, modified, object_id, sources, text, when
from simulator.identities import identify
from simulator.line_items import unit_price


def _number(name: str, label: str, render: object, **more: object) -> Property:
    return Property(name, label, "number", "number", render, **more)  # type: ignore[arg-type]


def _named(*found: Property) -> dict[str, Property]:
    return {each.name: each for each in found}


def _amount(name: str, label: str) -> Property:
    return _number(name, label, lambda page: [money(cents) for cents in page.column(AMOUNT).tolist()],
                   field=AMOUNT, show=lambda _, value: money(value))  # fmt: skip


@cache
def products() -> dict[str, Property]:
    """All properties of products by name."""
    return _named(
        object_id(),
        created("createdate"),
        modified("hs_lastmodifieddate"),
        text("name", "Name", lambda page: [
            catalogue.PRODUCTS[number].names[code]
            for number, code in zip(page.numbers.tolist(), page.column(NAME).tolist(), strict=True)
        ]),
        _number("price", "Unit price", lambda page: [money(catalogue.PRODUCTS[number].price) for number in page.numbers.tolist()]),
        text("hs_sku", "SKU", lambda page: [f"WT-{number:03d}" for number in page.numbers.tolist()]),
        text("product_line", "Product line", lambda page: [catalogue.PRODUCTS[number].line for number in page.numbers.tolist()], custom=True),
        Property("description", "Product description", "string", "html", lambda page: ["<p>…</p>"] * len(page)),
        sources("product", ((1.0, "CRM_UI"),)),
    )  # fmt: skip


@cache
def line_items() -> dict[str, Property]:
    """All properties of line items by name."""
    return _named(
        object_id(),
        created("createdate"),
        modified("hs_lastmodifieddate"),
        Property("hs_product_id", "Product ID", "number", "number",
                 lambda page: [identify("products", code) for code in page.column(PRODUCT).tolist()]),
        text("name", "Name", lambda page: [catalogue.PRODUCTS[code].names[0] for code in page.column(PRODUCT).tolist()]),
        _number("price", "Unit price", lambda page: [
            money(cents) for cents in unit_price(page.seed, page.numbers, page.column(PRODUCT).astype("int64")).tolist()
        ]),
        _number("quantity", "Quantity", lambda page: [str(count) for count in page.column(QUANTITY).tolist()],
                field=QUANTITY, show=lambda _, value: str(value)),
        _amount("amount", "Net price"),
        text("hs_line_item_currency_code", "Currency", lambda page: [deals.CURRENCIES[code] for code in page.column(CURRENCY).tolist()]),
        sources("line_item", ((0.8, "CRM_UI"), (1.0, "INTEGRATION"))),
    )  # fmt: skip


def _bound(place: int) -> object:
    return lambda page: [instant_text(goals.period_bounds(index)[place]) for index in page.column(PERIOD).tolist()]


def _assignees(page: Page) -> list[str | None]:
    sellers = page.company.sellers.everyone
    return [sellers[number].user_id for number in page.column(OWNER).tolist()]


@cache
def goal_targets() -> dict[str, Property]:
    """All properties of goal targets by name. Who a goal is for is a user, not an owner."""
    types = {"revenue": "deals_revenue", "average_deal_size": "average_deal_size"}
    return _named(
        object_id(),
        created("hs_createdate"),
        modified("hs_lastmodifieddate"),
        text("hs_goal_name", "Goal name", lambda page: [
            f"Revenue {day.year} Q{(day.month + 2) // 3}" for day in map(quarter_start, page.column(PERIOD).tolist())
        ]),
        _amount("hs_target_amount", "Target amount"),
        when("hs_start_datetime", "Start date", _bound(0)),  # type: ignore[arg-type]
        when("hs_end_datetime", "End date", _bound(1)),  # type: ignore[arg-type]
        text("hs_assignee_user_id", "Assignee", _assignees),
        Property("hs_goal_type", "Goal type", "enumeration", "select",
                 lambda page: [types[goals.KINDS[code]] for code in page.column(GOAL).tolist()],
                 options=tuple((value, value) for value in types.values())),
        text("hs_kpi_display_unit", "Display unit", lambda page: ["currency"] * len(page)),
        text("hs_group_correlation_uuid", "Goal family", lambda page: [f"00000000-0000-4000-8000-{index:012d}" for index in page.column(PERIOD).tolist()]),
    )  # fmt: skip
