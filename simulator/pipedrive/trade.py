"""Products, the products of deals, and goals: what the company sells and plans, as Pipedrive shows it."""

from typing import Any

import numpy as np

from simulator import catalogue, deals, goals, line_items
from simulator.associations import associated
from simulator.chance import Ints
from simulator.company import State
from simulator.events import AMOUNT, CURRENCY, GOAL, GONE, LIVE, NAME, OWNER, PERIOD, PRODUCT, QUANTITY
from simulator.pipedrive.answers import zoned
from simulator.pipedrive.identities import ADMIN_ID, identify, number_of, pipeline_id
from simulator.pipedrive.listing import Rows


def products(state: State, rows: Rows) -> list[dict[str, Any]]:
    """Products as v2 shows them, with their category by its name."""
    found = state.company.ledgers["products"].versions
    return [
        {"id": identify("products", number), "name": product.names[name], "code": f"WT-{number:03d}", "unit": "", "tax": 0, "is_deleted": False,
         "is_linkable": True, "visible_to": 3, "owner_id": ADMIN_ID, "add_time": zoned(int(rows.added[place])),
         "update_time": zoned(int(rows.updated[place])), "description": "", "category": product.line, "custom_fields": {},
         "billing_frequency": "one-time", "billing_frequency_cycles": None,
         "prices": [{"product_id": identify("products", number), "price": product.price / 100, "currency": "EUR", "cost": 0, "notes": ""}]}
        for place, (number, name) in enumerate(
            zip(found.number[rows.places].tolist(), found.columns[NAME][rows.places].tolist(), strict=True))
        for product in [catalogue.PRODUCTS[number]]
    ]  # fmt: skip


def items_of(state: State, numbers: list[int]) -> dict[int, list[int]]:
    """The places of the line items that deals hold now, by the deal's number; a survivor has those of the deals merged into it."""
    ledger = state.company.ledgers["line_items"]
    found = {}
    for number, items in zip(numbers, associated(state, "deals", numbers, "line_items"), strict=True):
        places = [ledger.version_at(item, state.at) for item in items]
        found[number] = [place for place in places if place is not None and ledger.versions.standing[place] == LIVE]
    return found


def last_touched(state: State) -> Ints:
    """When the products of each deal were last added to, changed or taken away; 0 for none. What was merged is looked up elsewhere."""
    found = state.company.ledgers["line_items"].versions
    known = found.recorded <= state.at
    last: Ints = np.zeros(state.company.slots, dtype=np.int64)
    np.maximum.at(last, found.number[known].astype(np.int64) // line_items.PER_DEAL, found.recorded[known])
    for loser, (at, survivor) in state.company.ledgers["deals"].merges.items():
        if at <= state.at:
            last[survivor] = max(last[survivor], last[loser])
            last[loser] = 0
    return last


def deal_products(state: State, identities: list[str]) -> list[dict[str, Any]]:
    """The products of some deals as v2 shows them, by deal and then by their own id."""
    known = [number for text in identities if text.isdigit() and (number := number_of("deals", int(text))) is not None]
    ledger = state.company.ledgers["line_items"]
    found, shown = ledger.versions, []
    for deal, places in items_of(state, sorted(set(known))).items():
        for order, place in enumerate(places):
            number, product = int(found.number[place]), int(found.columns[PRODUCT][place])
            quantity, amount = int(found.columns[QUANTITY][place]), int(found.columns[AMOUNT][place])
            name_place = state.company.ledgers["products"].version_at(product, state.at)
            names = catalogue.PRODUCTS[product].names
            name = (
                0 if name_place is None else int(state.company.ledgers["products"].versions.columns[NAME][name_place])
            )
            shown.append({
                "id": identify("line_items", number), "deal_id": identify("deals", deal), "product_id": identify("products", product),
                "product_variation_id": None, "order_nr": order, "name": names[name], "comments": "", "quantity": quantity,
                "item_price": round(amount / quantity / 100, 2), "sum": amount / 100, "discount": 0, "discount_type": "percentage",
                "currency": deals.CURRENCIES[int(found.columns[CURRENCY][place])], "tax": 0, "tax_method": "none", "is_enabled": True,
                "billing_frequency": "one-time", "billing_frequency_cycles": None, "billing_start_date": None,
                "add_time": zoned(int(found.recorded[found.starts[number]])), "update_time": zoned(int(found.recorded[place])),
            })  # fmt: skip
    return shown


def goals_now(state: State) -> list[dict[str, Any]]:
    """Goals of money won, one per seller and quarter; Pipedrive knows none of the size of a deal."""
    ledger = state.company.ledgers["goal_targets"]
    found, shown = ledger.versions, []
    for place in state.places("goal_targets").tolist():
        standing = int(found.standing[place])
        kind, owner, period, amount = (int(found.columns[each][place]) for each in (GOAL, OWNER, PERIOD, AMOUNT))
        if standing == GONE or goals.KINDS[kind] != "revenue":
            continue
        start, _, end = goals.period_text(period).partition("/")
        seller = state.company.sellers.everyone[owner]
        shown.append({
            "id": f"{int(found.number[place]):032x}",
            "owner_id": ADMIN_ID,
            "title": f"Revenue {start} {seller.first_name}",
            "type": {"name": "deals_won", "params": {"pipeline_id": [pipeline_id(0)]}},
            "assignee": {"id": identify("users", owner), "type": "person"},
            "interval": "quarterly",
            "duration": {"start": start, "end": end},
            "expected_outcome": {"target": amount // 100, "tracking_metric": "sum", "currency_id": 1},
            "is_active": standing == LIVE,
            "report_ids": [],
        })  # fmt: skip
    return shown
