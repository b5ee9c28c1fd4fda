"""The life of line items: what a deal is about, piece by piece. Added with the deal or later, changed, discounted, removed.

Deal i has room for the items 2i and 2i + 1; about half of them ever exist. An item's currency is the one its deal began with. The
sum of a deal's items is not its amount: sellers enter that by hand. Nothing happens to the items of a deal that is gone; those of a deal
that was merged belong to the survivor.
"""

import numpy as np

from simulator import catalogue, deals
from simulator.chance import Flags, Ints, uniform, whole
from simulator.events import AMOUNT, CREATED, CURRENCY, PRODUCT, QUANTITY, STATUS, Emission, Events
from simulator.leads import removed
from simulator.seasons import DAY, HOUR, SECOND, Arrivals, workday

PER_DEAL = 2
FIELDS = (PRODUCT, QUANTITY, AMOUNT, CURRENCY)
_PRICES = np.array([product.price for product in catalogue.PRODUCTS], dtype=np.int64)


def _with_the_deal(seed: int, items: Ints) -> Flags:
    """Whether an item is there as soon as its deal is. One deal in eight surely has one, so that no group of slots is without any."""
    return np.asarray((items % (PER_DEAL * 8) == 0) | (uniform(seed, "line_item.at_once", items) < 0.4))


def live(seed: int, items: Ints, arrivals: Arrivals) -> Events:
    """All events of consecutive line items; the numbers that never come to be have none."""
    first, count = int(items[0]), len(items)
    exists = (items % (PER_DEAL * 8) == 0) | (
        uniform(seed, "line_item", items) < np.where(items % PER_DEAL == 0, 0.55, 0.35)
    )
    items = items[exists]
    of_deal = items // PER_DEAL
    deal_came = arrivals.at(of_deal)
    later = workday(
        seed,
        "line_item.day",
        items,
        deal_came + DAY + (uniform(seed, "line_item.wait", items) * 40 * DAY).astype(np.int64),
    )
    created = np.where(_with_the_deal(seed, items), deal_came + (30 + items % PER_DEAL) * SECOND, later)
    out = Emission()
    out.add(items, STATUS, created, CREATED)
    product = catalogue.sold(whole(seed, "line_item.product", items, len(_PRICES)), created)
    price = unit_price(seed, items, product)
    quantity = 1 + (uniform(seed, "line_item.quantity", items) ** 3 * 40).astype(np.int64)
    out.add(items, PRODUCT, created, product)
    out.add(items, QUANTITY, created, quantity)
    out.add(items, AMOUNT, created, price * quantity)
    out.add(items, CURRENCY, created, deals.first_currency(seed, of_deal))
    for turn, odds in enumerate((0.3, 0.12)):
        name = f"line_item.change{turn}"
        some = uniform(seed, name, items) < odds
        wait = HOUR + (uniform(seed, name + ".wait", items) * 70 * DAY).astype(np.int64)
        when = np.maximum(workday(seed, name + ".day", items, created + wait + turn * 70 * DAY), created + HOUR)
        other = 1 + (uniform(seed, name + ".quantity", items) ** 3 * 40).astype(np.int64)
        discounted = uniform(seed, name + ".discount", items) < 0.35
        # A discount of a tenth leaves the quantity alone; without one the line is calculated anew.
        amount = np.where(discounted, price * quantity * 9 // 10, price * other)
        changed = some & ~discounted
        out.add(items[changed], QUANTITY, when[changed], other[changed])
        out.add(items[some], AMOUNT, when[some], amount[some])
        quantity = np.where(changed, other, quantity)
    events = removed(seed, "line_item", out, items, created, 0.08, 0.02, first, count)
    return events.keep(events.happened < deals.gone_at(seed, events.number.astype(np.int64) // PER_DEAL, arrivals))


def deal_of(item: int) -> int:
    """The number of an item's deal."""
    return item // PER_DEAL


def unit_price(seed: int, items: Ints, products: Ints) -> Ints:
    """Cents for one piece of an item's product: near the list price, for ever."""
    return np.asarray(_PRICES[products] * (80 + whole(seed, "line_item.price", items, 41)) // 100, dtype=np.int64)
