"""A few dozen deals of every kind, by hand, told over five nights in the words of HubSpot, of a folder of files and of Tryton."""

import copy
from datetime import datetime, timedelta
from typing import Any

from tests.core.warehouse import Warehouse, instant, iso

NIGHTS = [instant("2026-06-01 02:00:00") + timedelta(days=day) for day in range(5)]
TRACKED = (
    "dealstage",
    "pipeline",
    "amount",
    "deal_currency_code",
    "closedate",
    "hubspot_owner_id",
    "hs_merged_object_ids",
)
Row = dict[str, Any]
#: the deal of a company that is merged away
COMPANY_OF = {"28": "c7"}


class HubSpot:
    """A HubSpot account: deals are dictionaries of histories, rendered as they stand."""

    def __init__(self) -> None:
        self.deals: dict[str, Row] = {}
        self.changed: list[str] = []
        self.archived: list[str] = []

    def deal(self, number: str, created: str, stage: str = "a", pipeline: str = "p", **properties: str | None) -> None:
        """Create a deal with its first values."""
        first = {
            "dealstage": stage,
            "pipeline": pipeline,
            "amount": "1000",
            "deal_currency_code": "EUR",
            "hubspot_owner_id": "7",
        }
        values = first | properties
        self.deals[number] = {
            "createdate": created,
            "history": {
                name: [(created, values.get(name))] if values.get(name) is not None else [] for name in TRACKED
            },
            "updated": created,
        }
        self.changed.append(number)

    def change(self, number: str, at: str, recorded: str | None = None, **properties: str | None) -> None:
        """Set properties at an instant; `recorded` is when the CRM learnt of it."""
        deal = self.deals[number]
        for name, value in properties.items():
            deal["history"][name].append((at, value))
            deal["history"][name].sort(key=lambda entry: instant(entry[0]))
        deal["updated"] = max(deal["updated"], recorded or at, key=instant)
        self.changed.append(number)

    def forget(self, number: str, name: str, entry: int) -> None:
        """The history of a property loses an entry."""
        del self.deals[number]["history"][name][entry]
        self.changed.append(number)

    def payload(self, number: str, archived_at: str | None = None) -> Row:
        """The deal as the API gives it."""
        deal = self.deals[number]
        history = deal["history"]
        return {
            "id": number,
            "createdAt": iso(deal["createdate"]),
            "updatedAt": iso(deal["updated"]),
            "archived": archived_at is not None,
            "archivedAt": iso(archived_at),
            "properties": {name: entries[-1][1] if entries else None for name, entries in history.items()}
            | {
                "dealname": f"Deal {number}",
                "createdate": iso(deal["createdate"]),
                "closed_lost_reason": "went silent",
            },
            "propertiesWithHistory": {
                name: [
                    {"value": value or "", "timestamp": iso(at), "sourceType": "CRM_UI"}
                    for at, value in reversed(entries)
                ]
                for name, entries in history.items()
            },
            "associations": {"companies": [COMPANY_OF.get(number, "c1")], "contacts": ["k1"], "leads": ["l" + number]},
        }

    def rows(self) -> list[Row]:
        """What changed since the last call, as landed rows."""
        numbers, self.changed = list(dict.fromkeys(self.changed)), []
        return [
            {"id": each, "payload": self.payload(each), "updated_at": instant(self.deals[each]["updated"])}
            for each in numbers
        ]

    def archive(self, number: str, at: str) -> Row:
        """The row of an archived deal."""
        return {
            "id": number,
            "payload": self.payload(number, at),
            "is_deleted": True,
            "updated_at": instant(self.deals[number]["updated"]),
        }

    def vanished(self, number: str) -> Row:
        """The row the loader writes for a deal that vanished."""
        return {"id": number, "payload": self.payload(number), "is_deleted": True}


def stage(identity: str, label: str, order: int, closed: bool = False, probability: str = "0.5") -> Row:
    """A stage as HubSpot lists it."""
    metadata = {"isClosed": str(closed).lower(), "probability": probability}
    return {"id": identity, "label": label, "displayOrder": order, "archived": False, "metadata": metadata}


def pipelines(night: int) -> list[Row]:
    """HubSpot's pipelines: on night 2 a stage is added and one renamed, on night 3 one is removed."""
    stages = [
        stage("a", "New", 0),
        stage("b", "Qualified" if night < 2 else "Well qualified", 1),
        stage("c", "Offer", 2),
        stage("d", "Contract", 3),
    ]
    if night >= 2:
        stages.insert(3, stage("late", "Trial", 3))
    if night >= 3:
        stages = [each for each in stages if each["id"] != "c"]
    ends = [stage("won", "Won", 8, True, "1.0"), stage("lost", "Lost", 9, True, "0.0")]
    other = [
        stage("x", "Need", 0),
        stage("y", "Offer sent", 1),
        stage("won2", "Won", 2, True, "1.0"),
        stage("lost2", "Lost", 3, True, "0.0"),
    ]
    return [
        {
            "id": "p",
            "payload": {
                "id": "p",
                "label": "New business",
                "displayOrder": 0,
                "archived": False,
                "stages": [*stages, *ends],
            },
        },
        {
            "id": "q",
            "payload": {"id": "q", "label": "Expansion", "displayOrder": 1, "archived": False, "stages": other},
        },
    ]


def _parties(warehouse: Warehouse, night: int) -> None:
    """In the third night contact k8 swallows k7, and company c8 swallows c7; nobody touches the lead, the contact and the deal that name a loser."""
    merged = {"c8": "c7", "k8": "k7"} if night >= 2 else {}

    def records(identities: list[str], companies: list[str]) -> list[Row]:
        return [
            {"id": each, "is_deleted": night == 3, "payload": {
                "createdAt": iso("2026-01-01"), "properties": {"name": each, "lastname": each, "hs_merged_object_ids": merged.get(each)},
                "associations": {"companies": companies},
            }}
            for each in identities
        ]  # fmt: skip

    known = {0: ["7", "8", "9"], 2: ["8"], 3: ["7"]}.get(night, [])
    warehouse.load("hubspot", "companies", records([f"c{each}" for each in known if each != "9"], []))
    warehouse.load("hubspot", "contacts", records([f"k{each}" for each in known], ["c7"]))
    if night == 0:
        said = {"hs_pipeline_stage": "new-stage-id", "hs_createdate": iso("2026-05-02 08:00:00")}
        warehouse.load(
            "hubspot", "leads", [{"id": "l90", "payload": {"properties": said, "associations": {"companies": ["c7"], "contacts": ["k7"]}}}]
        )  # fmt: skip


def _hubspot_nights(hub: HubSpot, warehouse: Warehouse, night: int) -> None:
    day = "2026-05-"
    if night == 0:
        for number in range(1, 30):
            hub.deal(str(number), f"{day}01 08:00:00")
        hub.change("1", f"{day}03 09:00:00", dealstage="b", amount="1500.50")
        hub.change("1", f"{day}05 09:00:00", dealstage="c")
        hub.change("1", f"{day}06 09:00:00", dealstage="d")
        hub.change("1", f"{day}08 09:00:00", dealstage="won", closedate=f"{day}08T09:00:00Z", amount="1400")
        hub.change("2", f"{day}04 09:00:00", dealstage="c")
        hub.change("3", f"{day}04 09:00:00", dealstage="c")
        hub.change("3", f"{day}06 09:00:00", dealstage="a")
        hub.change("4", f"{day}04 09:00:00", dealstage="lost")
        hub.change("5", f"{day}04 09:00:00", dealstage="lost")
        hub.change("5", f"{day}07 09:00:00", dealstage="b")
        hub.change("6", f"{day}04 09:00:00", dealstage="lost")
        hub.change("6", f"{day}07 09:00:00", dealstage="won")
        hub.deal("7", f"{day}02 08:00:00", stage="won", closedate=f"{day}02T08:00:00Z")
        hub.change("8", f"{day}04 09:00:00", dealstage="y", pipeline="q")
        hub.change("9", f"{day}04 09:00:00", dealstage="b")
        hub.change("9", f"{day}04 09:00:00", dealstage="x", pipeline="q")
        hub.change("9", f"{day}04 09:00:00", dealstage="y")
        hub.change("10", f"{day}04 09:00:00", dealstage="b")
        hub.change("10", f"{day}04 09:00:00", dealstage="c")
        # Deal 17: the history's beginning is forgotten.
        hub.change("17", f"{day}10 09:00:00", dealstage="c")
        hub.forget("17", "dealstage", 0)
        hub.change("18", f"{day}04 09:00:00", dealstage="b")
        hub.change("18", f"{day}05 09:00:00", dealstage="c")
        hub.change("19", f"{day}05 09:00:00", dealstage="late")
        hub.change("20", f"{day}05 09:00:00", hubspot_owner_id="8", deal_currency_code="USD", amount="900")
        hub.change("21", f"{day}05 09:00:00", amount=None)
        hub.change("21", f"{day}06 09:00:00", dealstage="b")
        hub.change("22", f"{day}05 09:00:00", dealstage="b")
        hub.change("22", f"{day}06 09:00:00", dealstage="b")
        hub.change("16", f"{day}05 09:00:00", dealstage="b")
        hub.change("16", f"{day}06 09:00:00", dealstage="d")
        hub.deal("24", f"{day}02 08:00:00", deal_currency_code=None, amount="70")
        hub.deal("25", f"{day}02 08:00:00", deal_currency_code="GBP", amount="70", hubspot_owner_id="99")
        hub.change("26", f"{day}05 09:00:00", dealstage="nowhere")
        hub.deal("27", f"{day}02 08:00:00", hubspot_owner_id=None, amount=None)
        hub.change("28", f"{day}04 09:00:00", closedate=f"{day}30T00:00:00Z")
        hub.change("28", f"{day}09 09:00:00", dealstage="won", closedate=f"{day}09T09:00:00Z")
        hub.change("29", f"{day}04 09:00:00", dealstage="won")
        hub.change("29", f"{day}06 09:00:00", dealstage="b")
        hub.change("29", f"{day}07 09:00:00", dealstage="won")
        hub.change("13", f"{day}20 09:00:00", dealstage="b", amount="600")
    rows = []
    if night == 1:
        hub.change("2", "2026-06-01 09:00:00", dealstage="d", amount="2000")
        hub.change("15", f"{day}05 09:00:00", "2026-06-01 11:00:00", dealstage="b")
        hub.deal("30", "2026-06-01 10:00:00")
        rows = [hub.archive("11", "2026-06-01 12:00:00"), hub.archive("12", "2026-06-01 12:00:00")]
    if night == 2:
        hub.change("12", "2026-06-02 08:30:00", dealstage="b")
        # The survivor shows the loser's past as its own.
        hub.change("14", f"{day}20 09:00:00", "2026-06-02 10:00:00", dealstage="b", amount="600")
        hub.change("14", "2026-06-02 10:00:00", hs_merged_object_ids="13")
        hub.change("14", "2026-06-02 10:00:00", dealstage="a", amount="1600")
        hub.forget("16", "dealstage", 1)
        hub.forget("18", "dealstage", 0)
        hub.change("3", "2026-06-02 10:00:00", dealstage="late")
    if night == 3:
        hub.change("5", "2026-06-03 10:00:00", dealstage="won")
        hub.change("3", "2026-06-03 11:00:00", dealstage="d")
        rows = [hub.vanished("13"), hub.vanished("23")]
    if night == 4:
        hub.change("15", f"{day}03 09:00:00", "2026-06-04 11:00:00", dealstage="c")
        hub.change("30", "2026-06-04 10:00:00", dealstage="won", closedate="2026-06-04T10:00:00Z")
    warehouse.load("hubspot", "deal_pipelines", pipelines(night))
    if night == 0:
        owners = [
            {
                "id": "7",
                "payload": {"id": "7", "firstName": "Ada", "lastName": "L", "email": "ada@example.com", "teams": []},
            }
        ]
        owners += [
            {
                "id": "8",
                "payload": {
                    "id": "8",
                    "firstName": "Bob",
                    "lastName": "M",
                    "email": "bob@example.com",
                    "archived": True,
                },
            }
        ]
        warehouse.load("hubspot", "owners", owners)
        warehouse.load(
            "hubspot",
            "companies",
            [{"id": "c1", "payload": {"id": "c1", "createdAt": iso("2026-01-01"), "properties": {"name": "Acme"}}}],
        )
        person = {
            "firstname": "Eve",
            "lastname": "N",
            "email": "eve@example.com",
            "hs_legal_basis": "Freely given consent from contact",
        }
        warehouse.load(
            "hubspot", "contacts", [{"id": "k1", "payload": {"createdAt": iso("2026-01-01"), "properties": person}}]
        )
    called = {"hs_timestamp": iso("2026-05-10"), "hs_call_direction": "OUTBOUND", "hs_call_status": "COMPLETED"}
    calls = [{"id": "1", "payload": {"properties": called, "associations": {"deals": ["13"]}}}] if night == 0 else []
    warehouse.load("hubspot", "calls", calls)
    _parties(warehouse, night)
    warehouse.load("hubspot", "deals", hub.rows() + rows)


FILE_STAGES = [
    {"pipeline_id": "s", "stage_id": stage_id, "stage_name": stage_id.title(), "stage_order": str(order), "stage_kind": kind}
    for order, (stage_id, kind) in enumerate([("one", "open"), ("two", "open"), ("three", "open"), ("won", "won"), ("lost", "lost")], 1)
] + [{"pipeline_id": "r", "stage_id": each, "stage_name": each, "stage_order": str(order), "stage_kind": kind}
     for order, (each, kind) in enumerate([("one", "open"), ("won", "won")], 1)]  # fmt: skip


def file_deal(number: str, stage_id: str = "one", **columns: str | None) -> Row:
    """A row of `deals`."""
    first = {
        "deal_id": number,
        "pipeline_id": "s",
        "stage_id": stage_id,
        "created_at": "2026-05-01T08:00:00Z",
        "deal_amount": "100.00",
    }
    return first | {"currency_code": "EUR", "owner_id": "o1"} | columns


def file_change(
    number: str, field: str, new: str | None, at: str, old: str | None = None, sequence: str | None = None
) -> Row:
    """A row of `deal_changes`."""
    return {
        "deal_id": number,
        "field": field,
        "new_value": new,
        "changed_at": at,
        "old_value": old,
        "sequence": sequence,
    }


def files(night: int) -> tuple[list[Row], list[Row]]:
    """The rows of `deals` and `deal_changes` on a night."""
    may = "2026-05-{:02d}T09:00:00Z".format
    deals = [
        file_deal("f1", "three"),
        file_deal("f2", "won", closed_at=may(9)),
        file_deal("f3", "one" if night < 2 else "two", deal_amount="100.00" if night < 1 else "150.00"),
        file_deal("f4", "one")
        | (
            {"is_deleted": "true", "merged_into_deal_id": "f1", "deleted_at": "2026-06-01T10:00:00Z"}
            if night >= 1
            else {}
        ),
        file_deal("f5", "one") | ({"is_deleted": "true", "deleted_at": "2026-06-02T10:00:00Z"} if night >= 2 else {}),
        file_deal("f7", "two"),
        file_deal("f8", "two"),
        file_deal("f9", "two" if night < 2 else "one"),
        file_deal("f10", "one", pipeline_id="r"),
        file_deal("f11", "one" if night < 3 else "won", closed_at=None if night < 3 else "2026-06-03T15:00:00Z"),
        file_deal("f12", "lost", closed_at=may(1), created_at=may(1), lost_reason="no decision"),
        file_deal("f13", "three"),
        file_deal("f14", "two"),
        file_deal("f15"),
        file_deal("f16"),
        file_deal("f17"),
    ]
    changes = [
        file_change("f1", "stage", "one", "2026-05-01T08:00:00Z"),
        file_change("f1", "stage", "two", may(2), "one", "1"),
        file_change("f1", "stage", "three", may(2), "two", "2"),
        file_change("f1", "amount", "100", may(3), "80"),
        file_change("f7", "stage", "two", may(2), "one"),
        file_change("f8", "stage", "two", may(2)),
        file_change("f10", "pipeline", "r", may(4), "s"),
        # Deal 13: through another pipeline and back at one instant; the pipelines share stage ids.
        file_change("f13", "pipeline", "r", may(4), "s"),
        file_change("f13", "stage", "one", may(4), "two"),
        file_change("f13", "pipeline", "s", may(4), "r"),
        file_change("f13", "stage", "three", may(4), "one"),
        # Deal 14: moved at the instant of its creation. Deal 15: without an owner until one was set.
        file_change("f14", "stage", "two", "2026-05-01T08:00:00Z", "one"),
        file_change("f15", "owner", "o1", may(2)),
    ]
    # Deal 16: an event that came late, before a tie. Deal 17: one before all others.
    changes.append(file_change("f16", "amount", "60.00", may(3), "50.00" if night < 2 else "55.00"))
    changes.append(file_change("f16", "amount", "100.00", may(3), "60.00"))
    changes.append(file_change("f17", "amount", "100.00", may(5), "80.00"))
    if night >= 2:
        changes.append(file_change("f16", "amount", "55.00", may(2), "50.00"))
        changes.append(file_change("f17", "amount", "80.00", may(3), "70.00"))
    if night < 3:
        deals.append(file_deal("f6", "three"))
        changes.append(file_change("f6", "stage", "three", may(5), "two"))
    if night < 2:
        changes.append(file_change("f9", "stage", "two", may(6), "one"))
    # Deal 18: gone for a night, and back without its last move.
    if night != 2:
        deals.append(file_deal("f18", "three" if night < 2 else "two"))
        changes.append(file_change("f18", "stage", "two", may(2), "one"))
    if night < 2:
        changes.append(file_change("f18", "stage", "three", may(3), "two"))
    return deals, changes


CHANGE_KEY = ("deal_id", "field", "changed_at", "sequence", "new_value", "old_value")


class Files:
    """A folder of files in complete mode: only new versions are loaded, vanished rows as deleted ones."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Row]] = {}

    def load(self, warehouse: Warehouse, name: str, keyed: dict[str, Row]) -> None:
        """Load one file."""
        held = self.held.setdefault(name, {})
        rows: list[Row] = [{"id": key, "payload": row} for key, row in keyed.items() if held.get(key) != row]
        rows += [{"id": key, "payload": row, "is_deleted": True} for key, row in held.items() if key not in keyed]
        self.held[name] = copy.deepcopy(keyed)
        warehouse.load("files", name, rows)

    def night(self, warehouse: Warehouse, night: int) -> None:
        """Load the folder of a night."""
        deals, changes = files(night)
        self.load(warehouse, "pipelines", {each: {"pipeline_id": each, "pipeline_name": each.upper()} for each in "sr"})
        self.load(warehouse, "stages", {f"{each['pipeline_id']}|{each['stage_id']}": each for each in FILE_STAGES})
        self.load(warehouse, "owners", {"o1": {"owner_id": "o1", "owner_name": "Otto"}})
        rate = {"date": "2026-05-01", "from_currency": "EUR", "to_currency": "USD", "rate": "1.25"}
        today = {"date": "2026-05-30", "from_currency": "USD", "to_currency": "EUR", "rate": "0.9"}
        self.load(warehouse, "exchange_rates", {"1": rate, "2": today})
        self.load(warehouse, "deals", {each["deal_id"]: each for each in deals})
        self.load(warehouse, "deal_changes", {"|".join(str(each[key]) for key in CHANGE_KEY): each
                                              for each in changes})  # fmt: skip


def _tryton_night(warehouse: Warehouse, night: int) -> None:
    lives: dict[str, list[tuple[str, str, str | None]]] = {
        "1": [
            ("2026-05-01 08:00", "lead", "500"),
            ("2026-05-03 08:00", "opportunity", "500"),
            ("2026-05-09 08:00", "won", "650"),
        ],
        "2": [
            ("2026-05-01 08:00", "opportunity", "10"),
            ("2026-05-02 08:00", "lost", "10"),
            ("2026-06-02 08:00", "opportunity", "20"),
        ],
        "3": [("2026-05-01 08:00", "lead", None)],
    }
    known = {number: [each for each in life if instant(each[0]) < warehouse.night] for number, life in lives.items()}
    new = {
        number: [each for each in life if instant(each[0]) >= warehouse.night - timedelta(days=1)]
        for number, life in known.items()
    }
    states = [
        ("lead", "Lead"),
        ("opportunity", "Opportunity"),
        ("converted", "Converted"),
        ("won", "Won"),
        ("lost", "Lost"),
        ("cancelled", "Cancelled"),
    ]
    if night == 0:
        warehouse.load(
            "tryton",
            "opportunity_states",
            [{"id": each, "payload": {"id": each, "label": label}} for each, label in states],
        )
        new = known

    def state(life: tuple[str, str, str | None]) -> Row:
        return {"state": life[1], "amount": life[2], "currency_code": "EUR", "employee": "1", "party": "5"}

    warehouse.load("tryton", "opportunity_revisions", [
        {"id": f"{number}@{iso(each[0])}", "payload": state(each) | {"opportunity_id": number, "revision_at": iso(each[0])}}
        for number, life in new.items() for each in life
    ])  # fmt: skip
    records: list[Row] = [
        {"id": number, "updated_at": instant(known[number][-1][0]),
         "payload": state(known[number][-1]) | {"create_date": iso(known[number][0][0]), "write_date": iso(known[number][-1][0])}}
        for number, life in new.items() if life
    ]  # fmt: skip
    if night == 3:
        records.append(
            {"id": "3", "payload": state(known["3"][-1]) | {"create_date": iso(known["3"][0][0])}, "is_deleted": True}
        )
    warehouse.load("tryton", "opportunities", records)


class Company:
    """The whole story: call `night` with 0 to 4 in order."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.hubspot = HubSpot()
        self.files = Files()

    def night(self, number: int) -> datetime:
        """Load one night; returns its instant."""
        self.warehouse.night = NIGHTS[number]
        _hubspot_nights(self.hubspot, self.warehouse, number)
        self.files.night(self.warehouse, number)
        _tryton_night(self.warehouse, number)
        return NIGHTS[number]
