"""What the company by hand has beside its deals: campaigns, spend, payments, costs, goals, capacity, products, lines and links with contacts.

Rows of the folder of files by table, as they stand after the first night and what changes on the second: several currencies and days
without a rate, amounts left empty, owners, campaigns, products and deals that nobody lists or that two sources have, rows taken back, links that
merged deals hand over, instants that are the next day in Berlin. Then a second HubSpot portal that uses the ids of the others.
"""

from __future__ import annotations

from tests.core.company import Row, stage
from tests.core.warehouse import Warehouse, iso

LATE = "2026-05-{:02d}T22:30:00Z".format  # the next day in Berlin


def _keyed(*rows: tuple[str, dict[str, str | None]]) -> dict[str, dict[str, str | None]]:
    return dict(rows)


def _priced(
    key: str, name: str, entries: dict[str, tuple[dict[str, str | None], str | None, str | None]]
) -> dict[str, dict[str, str | None]]:
    """Rows of money: what they are about, amount and currency; the id stands in `name` where the table has one."""
    return {
        f"{key}{number}": row
        | {"amount": amount, "currency_code": currency}
        | ({name: f"{key}{number}"} if name else {})
        for number, (row, amount, currency) in entries.items()
    }


def _link(deal: str, contact: str, role: str | None) -> tuple[str, dict[str, str | None]]:
    return f"{deal}|{contact}|{role}", {"deal_id": deal, "contact_id": contact, "role": role}


def _month(first: str, last: str, **words: str | None) -> dict[str, str | None]:
    return {"period_start": first, "period_end": last, **words}


#: x5 is merged into x6 on the second night, x6 into x7 on the third: of three links with one contact one stands
_HANDED_OVER = [_link(deal, f"k{number}", "user") for number in range(1, 7) for deal in ("x5", "x6", "x7")]
FIRST_NIGHT: dict[str, dict[str, dict[str, str | None]]] = {
    "campaigns": {
        "m1": {"campaign_id": "m1", "campaign_name": "Fair", "channel": "fair"},
        "m2": {"campaign_id": "m2", "campaign_name": None, "channel": "Web"},
        "m3": {"campaign_id": "m3", "campaign_name": "Over", "channel": None},
        "o1": {"campaign_id": "o1", "campaign_name": "Called like a seller", "channel": "OFFLINE"},
    },
    "products": {
        "p1": {"product_id": "p1", "product_name": "One", "product_line": "A"},
        "p2": {"product_id": "p2", "product_name": None, "product_line": None},
        "p3": {"product_id": "p3", "product_name": "Gone", "product_line": "A"},
    },
    "deal_line_items": _priced("i", "line_item_id", {
        "1": ({"deal_id": "x1", "product_id": "p1", "quantity": "2"}, "100.00", "EUR"),
        "2": ({"deal_id": "x5", "product_id": "p2", "quantity": "1"}, "20.00", "CHF"),
        "3": ({"deal_id": "x6", "product_id": "p3", "quantity": None}, None, None),
        "4": ({"deal_id": "x7", "product_id": None, "quantity": "0.5"}, "3.00", "EUR"),
        "5": ({"deal_id": "x2", "product_id": "p3", "quantity": "1"}, "7.00", "EUR"),
        "6": ({"deal_id": "x3", "product_id": "p1", "quantity": "4"}, "8.00", "EUR"),
    }),
    "deal_contacts": _keyed(
        *_HANDED_OVER,
        _link("x1", "k1", "decision_maker"), _link("x1", "k1", "user"), _link("x1", "k1", None), _link("x1", "k2", "decision_maker"),
        _link("x5", "k7", "user"), _link("x6", "k7", "user"), _link("x6", "k8", None), _link("x6", "k9", "user"), _link("x7", "k9", "user"),
        _link("x5", "k10", "user"), _link("x7", "k10", "user"), _link("x2", "k3", "user"), _link("x3", "k3", "user"),
    ),
    "payments": _priced("y", "payment_id", {
        "0": ({"deal_id": "x2", "paid_at": "2026-03-31T22:30:00Z"}, "5.00", "EUR"),
        "1": ({"deal_id": "x2", "paid_at": LATE(21)}, "100.00", "CHF"),
        "2": ({"deal_id": "x2", "paid_at": "2026-05-22T10:00:00Z"}, "50.00", "EUR"),
        "3": ({"deal_id": "nowhere", "paid_at": LATE(3)}, "60.00", "CHF"),
        "4": ({"deal_id": "x3", "paid_at": LATE(4)}, "40.00", "XXX"),
        "5": ({"deal_id": "x3", "paid_at": LATE(6)}, None, "EUR"),
        "6": ({"deal_id": "x8", "paid_at": LATE(7)}, "30.00", "EUR"),
        "7": ({"deal_id": "30", "paid_at": LATE(8)}, "70.00", None),
        "8": ({"deal_id": "2", "paid_at": LATE(9)}, "80.00", "USD"),
        "9": ({"deal_id": "x1", "paid_at": LATE(19)}, "90.00", "SEK"),
        "10": ({"deal_id": "x1", "paid_at": LATE(20)}, "11.00", "GBP"),
        "11": ({"deal_id": "x1", "paid_at": LATE(4)}, "12.30", "GBP"),
        "12": ({"deal_id": "x7", "paid_at": LATE(30)}, "33.30", "SEK"),
        "13": ({"deal_id": "x7", "paid_at": "2026-05-21T10:00:00Z"}, "44.40", "CHF"),
    }),
    "marketing_spend": _priced("s", "", {
        "1": ({"date": "2026-05-04", "channel": "fair", "campaign_id": "m1"}, "100.00", "CHF"),
        "2": ({"date": "2026-05-05", "channel": "Web", "campaign_id": None}, "35.00", "EUR"),
        "3": ({"date": "2026-05-05", "channel": "event", "campaign_id": "m2"}, "36.00", "XXX"),
        "4": ({"date": "2026-05-06", "channel": "event", "campaign_id": "m3"}, None, "EUR"),
        "5": ({"date": "2026-05-06", "channel": "event", "campaign_id": "m1"}, "37.00", "EUR"),
        "6": ({"date": "2026-05-20", "channel": "OFFLINE", "campaign_id": "gone"}, "38.00", "GBP"),
        "7": ({"date": "2026-05-22", "channel": "fair", "campaign_id": "o1"}, "39.10", "CHF"),
        "8": ({"date": "2026-05-31", "channel": "fair", "campaign_id": "m2"}, "40.00", "SEK"),
        "9": ({"date": "2026-05-12", "channel": "fair", "campaign_id": "m1"}, "41.00", "SEK"),
        "10": ({"date": "2026-05-12", "channel": "fair", "campaign_id": "m1"}, "42.00", None),
    }),
    "process_costs": _priced("c", "", {
        "1": (_month("2026-05-04", "2026-05-22", process="attraction"), "500.00", "CHF"),
        "2": (_month("2026-05-01", "2026-05-31", process="sales"), "600.00", "XXX"),
        "3": (_month("2026-05-01", "2026-05-31", process="retention"), None, "EUR"),
        "4": (_month("2026-05-01", "2026-12-31", process="sales"), "700.00", "SEK"),
        "5": (_month("2026-05-01", "2026-05-31", process="sales"), "800.00", "EUR"),
        "6": (_month("2026-05-01", "2026-05-12", process="retention"), "810.55", "GBP"),
        "7": (_month("2026-05-01", "2026-05-06", process="retention"), "820.55", "GBP"),
    }),
    "quotas": _priced("q", "", {
        "1": (_month("2026-05-01", "2026-05-31", pipeline_id="t", owner_id="o1"), "10000.00", "EUR"),
        "2": (_month("2026-05-22", "2026-05-31", pipeline_id="t", owner_id=None), "2000.00", "CHF"),
        "3": (_month("2026-07-01", "2026-07-31", pipeline_id=None, owner_id="o1"), "3000.00", "SEK"),
        "4": (_month("2026-05-05", "2026-05-31", pipeline_id="gone", owner_id="gone"), "4000.00", "GBP"),
        "5": (_month("2026-05-01", "2026-05-31", pipeline_id="p", owner_id="8"), "5000.00", "XXX"),
        "6": (_month("2026-05-01", "2026-05-31", pipeline_id="u", owner_id="7"), None, "EUR"),
        "7": (_month("2026-05-01", "2026-05-31", pipeline_id="s", owner_id="o1"), "6000.00", "EUR"),
        "8": (_month("2026-05-12", "2026-05-31", pipeline_id="r", owner_id="o1"), "7000.00", "GBP"),
    }),
    "capacity": {
        f"{owner}|{week}": {"owner_id": owner, "week_start": week, "meetings": meetings, "active_deals": "20"}
        for owner, week, meetings in (
            ("o1", "2026-05-25", "5"), ("o1", "2026-06-01", None), ("7", "2026-06-01", "6"), ("8", "2026-06-01", "7"), ("gone", "2026-06-01", "8"),
            ("o1", "2026-06-08", "9"),
        )
    },
}  # fmt: skip

#: what vanishes from the folder on the second night, and what stands otherwise
_TAKEN_BACK = {
    "campaigns": ["m3"], "products": ["p3"], "deal_line_items": ["i5"], "payments": ["y6"], "marketing_spend": ["s5"],
    "process_costs": ["c5"], "quotas": ["q7"], "capacity": ["o1|2026-06-08"], "deal_contacts": ["x7|k9|user", "x1|k1|user", "x7|k10|user"],
}  # fmt: skip
_CORRECTED: dict[str, dict[str, dict[str, str | None]]] = {
    "payments": {"y2": {"amount": "55.00"}},
    "deal_line_items": {"i6": {"deal_id": "x8", "quantity": "5"}},
    "products": {"p1": {"product_name": "The one"}},
    "marketing_spend": {"s2": {"amount": "35.50"}},
}


def load(warehouse: Warehouse, night: int) -> None:
    """Loads the tables of the first night, or what the second one changes."""
    for table, rows in FIRST_NIGHT.items():
        if night == 0:
            warehouse.load("files", table, [{"id": each, "payload": row} for each, row in rows.items()])
        if night == 1:
            gone: list[Row] = [{"id": each, "payload": rows[each], "is_deleted": True} for each in _TAKEN_BACK[table]]
            corrected = [{"id": each, "payload": rows[each] | row} for each, row in _CORRECTED.get(table, {}).items()]
            warehouse.load("files", table, gone + corrected)


def load_second_portal(warehouse: Warehouse) -> None:
    """A second HubSpot portal, of the folder's own name, whose records have the ids of the folder's and of the first portal's."""
    ends = [stage("closedwon", "Won here", 8, True, "1.0"), stage("closedlost", "Lost here", 9, True, "0.0")]
    pipelines = [
        {
            "id": each,
            "label": f"{each} here",
            "displayOrder": 0,
            "archived": False,
            "stages": [stage("t1", "One here", 0), stage("own", "Two", 1), *ends],
        }
        for each in ("t", "default")
    ]
    history = {
        "dealstage": [("2026-05-07T09:00:00Z", "own"), ("2026-05-02T09:00:00Z", "t1")], "amount": [("2026-05-02T09:00:00Z", "77")],
        "pipeline": [("2026-05-02T09:00:00Z", "default")], "hubspot_owner_id": [("2026-05-02T09:00:00Z", "7")],
        "deal_currency_code": [("2026-05-02T09:00:00Z", "EUR")],
    }  # fmt: skip
    deals = [
        {
            "id": each, "createdAt": "2026-05-02T09:00:00Z", "updatedAt": "2026-05-07T09:00:00Z", "archived": False,
            "properties": {name: entries[0][1] for name, entries in history.items()} | {"dealname": each, "createdate": "2026-05-02T09:00:00Z"},
            "propertiesWithHistory": {
                name: [{"value": value, "timestamp": at, "sourceType": "CRM_UI"} for at, value in entries] for name, entries in history.items()
            },
            "associations": {"companies": ["c1"], "contacts": ["k1"], "leads": []},
        }
        for each in ("x1", "x2", "x3")
    ]  # fmt: skip
    owners = [
        {"id": each, "firstName": "Other", "lastName": each, "email": f"{each}@example.com", "teams": []}
        for each in ("o1", "7")
    ]
    named = {"createdAt": iso("2026-02-01")}
    records: dict[str, list[Row]] = {
        "deal_pipelines": pipelines,
        "owners": owners,
        "companies": [
            {"id": "c1", **named, "properties": {"name": "Other Acme"}},
            {"id": "c2", **named, "properties": {"name": "Other"}},
        ],
        "contacts": [{"id": "k1", **named, "properties": {"firstname": "Ann", "email": "ann@example.com"}}],
        "deals": deals,
    }
    for resource, rows in records.items():
        landed = [{"id": row["id"], "payload": row} for row in rows]
        warehouse.load("hubspot", resource, landed, account="exports")
