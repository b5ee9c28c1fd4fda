"""What Salesforce shows of the company, worked out from the truth log alone.

Instants are whole seconds, nothing is dated back: a change counts from the moment it was recorded, and what was entered late about an earlier
time shows only in the record's stamp. Opportunities do not merge: a merge is a deletion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from simulator.identities import number_of
from simulator.pipelines import LEAD_STAGES, PIPELINE_CODE, STAGES
from simulator.salesforce.identities import identify
from tests.e2e.salesforce_truth import BIN, LONGEST_COMMIT
from tests.thousand.entity import Entity, Facts, Leaving
from tests.thousand.lives import ROLE, WITH_DEAL, Life, in_force, instant, standing, touched

_STAGE = {stage.id: stage.name for stage in STAGES}
_LEAD_STATUS = {stage.status: stage.name for stage in LEAD_STAGES}
_NOBODY, _QUEUE = identify("User", 0), identify("Group", 1)
#: what is listed whole every night is missed at once
_LISTED: Mapping[str, Leaving] = {"archived": "marked", "deleted": "marked"}
_LEAVES: Mapping[str, Leaving] = {"archived": "marked", "merged": "marked", "deleted": "swept"}
_FIRST_OWNER, _OWNER_STEP = 50_710_000, 13
#: a date that nobody entered stands so far behind the creation
_NO_DATE = timedelta(days=90)


class Save(NamedTuple):
    """One transaction on one record: what it changed (field → before, after), and the values it left."""

    at: datetime
    changed: dict[str, tuple[str | None, str | None]]
    now: dict[str, str | None]


def entities() -> tuple[Entity, ...]:
    """Every entity of the truth log that Salesforce holds; notes it does not."""
    places = {"call": 0, "email": 1, "task": 2}
    return (
        _entity(
            "deal", "opportunities", lambda number: identify("Opportunity", number), _deal_shows, _deal_says,
            {"opportunity_history": "OpportunityId", "opportunity_field_history": "OpportunityId"},
        ),
        _entity("lead", "leads", lambda number: identify("Lead", number), _lead_shows, _lead_says, {"lead_history": "LeadId"}),
        _entity("contact", "contacts", lambda number: identify("Contact", number), _party_shows("contacts", "Contact"), _party_says),
        _entity("company", "accounts", lambda number: identify("Account", number), _party_shows("companies", "Account"), _party_says),
        *(
            _entity(kind, "tasks", lambda number, place=place: identify("Task", number * 3 + place), _task_shows(kind), _task_says)
            for kind, place in places.items()
        ),
        Entity(
            "line_item", "opportunity_line_items", lambda number: identify("OpportunityLineItem", number), _item_shows, _item_says, {},
            LONGEST_COMMIT, view=_item_standing,
        ),
        Entity(
            ROLE, "opportunity_contact_roles", lambda number: identify("OpportunityContactRole", number), _role_shows, _role_says, {},
            LONGEST_COMMIT, view=_role_standing,
        ),
        Entity("product", "products", lambda number: identify("Product2", number), _named, _said_name, _LISTED, LONGEST_COMMIT, timedelta()),
        Entity("campaign", "campaigns", lambda number: identify("Campaign", number), _campaign_shows, _campaign_says, _LISTED, LONGEST_COMMIT, timedelta()),
        # Forecasts know goals of money only.
        Entity(
            "goal", "forecasting_quotas", lambda number: identify("ForecastingQuota", number), _quota_shows, _quota_says, _LISTED, LONGEST_COMMIT,
            timedelta(), is_kept=lambda life: in_force(life)["goal"] == "revenue",
        ),
        _entity("meeting", "events", lambda number: identify("Event", number), _stamp, _updated),
        Entity(
            "owner", "users", lambda number: identify("User", number + 1), _user_shows, lambda payload, _: {"active": payload["IsActive"]},
            {"archived": "kept"}, timedelta(),
        ),
    )  # fmt: skip


def _entity(
    kind: str,
    table: str,
    identity: Callable[[int], str],
    shows: Callable[[Life], Facts],
    says: Callable[[dict[str, Any], Mapping[str, list[dict[str, Any]]]], Facts],
    children: Mapping[str, str] | None = None,
) -> Entity:
    return Entity(kind, table, identity, shows, says, _LEAVES, LONGEST_COMMIT, BIN, children or {})


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _stamp(life: Life) -> Facts:
    return {"updated": _second(touched(life))}


def _updated(payload: dict[str, Any], _: object) -> Facts:
    return {"updated": instant(payload["SystemModstamp"])}


def _party_shows(kind: str, name: str) -> Callable[[Life], Facts]:
    def shows(life: Life) -> Facts:
        last = standing(life)
        into = number_of(kind, last.new or "") if last.kind == "merged" else None
        return {**_stamp(life), "into": None if into is None else identify(name, into)}

    return shows


def _party_says(payload: dict[str, Any], _: object) -> Facts:
    return {**_updated(payload, None), "into": payload["MasterRecordId"]}


def _user_shows(life: Life) -> Facts:
    return {"active": life[-1].kind != "archived"}


def user_of(owner: str | None, nobody: str = _NOBODY) -> str:
    return nobody if owner is None else identify("User", (int(owner) - _FIRST_OWNER) // _OWNER_STEP + 1)


def _record_type(pipeline: str | None) -> str:
    return identify("RecordType", PIPELINE_CODE[pipeline or ""] + 1)


def date_of(text: str | None, created: datetime) -> str:
    return (created + _NO_DATE).date().isoformat() if text is None else text[:10]


def _money(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.01"))


def saves_of(life: Life, fields: tuple[str, ...]) -> list[Save]:
    """The transactions on a record, in the order of their entry."""
    found: list[Save] = []
    now: dict[str, str | None] = dict.fromkeys(fields)
    newest: dict[str, int] = {}
    for event in sorted(life, key=lambda event: (event.recorded, event.sequence)):
        if event.kind != "changed" or event.field not in now or event.sequence < newest.get(event.field, -1):
            continue
        newest[event.field] = event.sequence
        if event.new == now[event.field]:
            continue
        if not found or found[-1].at != event.recorded or event.field in found[-1].changed:
            found.append(Save(event.recorded, {}, {}))
        found[-1].changed[event.field] = (now[event.field], event.new)
        now[event.field] = event.new
        found[-1].now.update(now)
    return found


def _deal_shows(life: Life) -> Facts:
    now, created = in_force(life), created_at(life)
    saves = saves_of(life, ("stage", "pipeline", "amount", "currency", "expected_close", "owner"))
    return {
        **_stamp(life),
        "stage": _STAGE[now["stage"] or ""],
        "record_type": _record_type(now["pipeline"]),
        "amount": _money(now.get("amount")),
        "currency": now["currency"],
        "close": date_of(now.get("expected_close"), created),
        "owner": user_of(now.get("owner")),
        "lost_reason": now.get("lost_reason"),
        "history": Counter(_history(saves, created)),
        "field_history": Counter(_field_history(saves, created)),
    }


def created_at(life: Life) -> datetime:
    return next(event.recorded for event in life if event.kind == "created")


def _history(saves: list[Save], created: datetime) -> Iterator[tuple[object, ...]]:
    for place, save in enumerate(saves):
        dates = [date_of(each, created) for each in save.changed.get("expected_close", (None, None))]
        if place and not ("stage" in save.changed or "amount" in save.changed or dates[0] != dates[1]):
            continue
        yield (
            _second(save.at),
            _STAGE[save.now["stage"] or ""],
            _money(save.now["amount"]),
            date_of(save.now["expected_close"], created),
            save.now["currency"],
        )


def _field_history(saves: list[Save], created: datetime) -> Iterator[tuple[object, ...]]:
    for place, save in enumerate(saves):
        at = _second(save.at)
        if not place:
            yield at, "created", None
            continue
        for field, (before, after) in save.changed.items():
            if field == "stage":
                yield at, "StageName", _STAGE[after or ""]
            elif field == "amount":
                yield at, "Amount", _money(after)
            elif field == "currency":
                yield at, "CurrencyIsoCode", after
            elif field == "expected_close" and date_of(before, created) != date_of(after, created):
                yield at, "CloseDate", date_of(after, created)
            elif field == "owner":
                yield from ((at, "Owner", None), (at, "Owner", user_of(after)))
            elif field == "pipeline":
                yield from ((at, "RecordType", None), (at, "RecordType", _record_type(after)))


def _deal_says(payload: dict[str, Any], children: Mapping[str, list[dict[str, Any]]]) -> Facts:
    return {
        "updated": instant(payload["SystemModstamp"]),
        "stage": payload["StageName"],
        "record_type": payload["RecordTypeId"],
        "amount": _money(payload["Amount"]),
        "currency": payload["CurrencyIsoCode"],
        "close": payload["CloseDate"],
        "owner": payload["OwnerId"],
        "lost_reason": payload["Loss_Reason__c"],
        "history": Counter(
            (instant(row["CreatedDate"]), row["StageName"], _money(row["Amount"]), row["CloseDate"], row["CurrencyIsoCode"])
            for row in children["opportunity_history"]
        ),
        "field_history": Counter(map(_change, children["opportunity_field_history"])),
    }  # fmt: skip


def _change(row: dict[str, Any]) -> tuple[object, ...]:
    value = row["NewValue"]
    if row["Field"] == "Amount":
        value = _money(value)
    if row["Field"] in ("Owner", "RecordType") and row["DataType"] != "EntityId":
        value = None  # the same change again, in names
    return instant(row["CreatedDate"]), row["Field"], value


def _lead_shows(life: Life) -> Facts:
    now = in_force(life)
    rows: list[tuple[object, ...]] = []
    for place, save in enumerate(saves_of(life, ("stage", "owner"))):
        at = _second(save.at)
        if not place:
            rows.append((at, "created", None))
            continue
        if "stage" in save.changed:
            status = save.changed["stage"][1] or ""
            rows.append((at, "Status", _LEAD_STATUS[status]))
            if status == "converted":
                rows.append((at, "leadConverted", None))
        if "owner" in save.changed:
            rows += [(at, "Owner", None), (at, "Owner", user_of(save.changed["owner"][1], _QUEUE))]
    return {
        **_stamp(life),
        "status": _LEAD_STATUS[now["stage"] or ""],
        "converted": now["stage"] == "converted",
        "owner": user_of(now.get("owner"), _QUEUE),
        "history": Counter(rows),
    }


def _lead_says(payload: dict[str, Any], children: Mapping[str, list[dict[str, Any]]]) -> Facts:
    return {
        "updated": instant(payload["SystemModstamp"]),
        "status": payload["Status"],
        "converted": payload["IsConverted"],
        "owner": payload["OwnerId"],
        "history": Counter(map(_change, children["lead_history"])),
    }


def _named(life: Life) -> Facts:
    return {"name": in_force(life)["name"]}


def _said_name(payload: dict[str, Any], _: object) -> Facts:
    return {"name": payload["Name"]}


def _campaign_shows(life: Life) -> Facts:
    now = in_force(life)
    return {**_named(life), "budget": _money(now.get("budget") or 0), "spend": _money(now.get("spend") or 0)}


def _campaign_says(payload: dict[str, Any], _: object) -> Facts:
    costs = {"budget": _money(payload["BudgetedCost"] or 0), "spend": _money(payload["ActualCost"] or 0)}
    return {**_said_name(payload, None), **costs}


def _quota_shows(life: Life) -> Facts:
    now = in_force(life)
    return {"amount": _money(now["amount"]), "start": (now["period"] or "")[:10], "user": user_of(now["owner"])}


def _quota_says(payload: dict[str, Any], _: object) -> Facts:
    return {"amount": _money(payload["QuotaAmount"]), "start": payload["StartDate"], "user": payload["QuotaOwnerId"]}


def _item_shows(life: Life) -> Facts:
    now = in_force(life)
    return {
        **_stamp(life),
        "deal": identify("Opportunity", int(standing(life[:1]).new or "0")),
        "product": identify("Product2", number_of("products", now["product"] or "") or 0),
        "quantity": Decimal(now["quantity"] or "0"),
        "amount": _money(now["amount"]),
        "currency": now["currency"],
    }


def _item_says(payload: dict[str, Any], _: object) -> Facts:
    return {
        "updated": instant(payload["SystemModstamp"]),
        "deal": payload["OpportunityId"],
        "product": payload["Product2Id"],
        "quantity": Decimal(str(payload["Quantity"])),
        "amount": _money(payload["TotalPrice"]),
        "currency": payload["CurrencyIsoCode"],
    }


def _item_standing(life: Life, at: datetime) -> bool | None:
    """A line goes into the bin with its opportunity, out of it and away with it, and nobody stamps it."""
    gone = _gone(life)
    if any(kind == "deleted" or since + BIN <= at for kind, since in gone):
        return None
    return bool(gone)


def _gone(life: Life) -> list[tuple[str, datetime]]:
    """How and when a record went of which its own life or that of its opportunity says that it is gone."""
    own, with_deal = standing(life), [event for event in life if event.kind == WITH_DEAL]
    ends = [(own.kind, own.recorded), *((event.field, event.recorded) for event in with_deal[-1:])]
    return [(kind, since) for kind, since in ends if kind not in ("created", "restored")]


def _role_standing(life: Life, at: datetime) -> bool | None:
    """A role goes with either of its ends; an opportunity that is restored brings it back."""
    return _item_standing(life, at) if any(event.kind == "created" for event in life) else None


def _role_shows(life: Life) -> Facts:
    """It is stamped when it is made and when it goes."""
    now = in_force(life)
    return {
        "updated": _second(max([created_at(life), *(since for _, since in _gone(life))])),
        "deal": identify("Opportunity", int(now["deal"] or 0)),
        "contact": identify("Contact", int(now["contact"] or 0)),
        "primary": now["is_first"] == "1",
    }


def _role_says(payload: dict[str, Any], _: object) -> Facts:
    return {
        "updated": instant(payload["SystemModstamp"]),
        "deal": payload["OpportunityId"],
        "contact": payload["ContactId"],
        "primary": payload["IsPrimary"],
    }


def _task_shows(kind: str) -> Callable[[Life], Facts]:
    def shows(life: Life) -> Facts:
        return {**_stamp(life), "closed": kind == "email" or in_force(life)["outcome"] in ("held", "missed")}

    return shows


def _task_says(payload: dict[str, Any], _: object) -> Facts:
    return {"updated": instant(payload["SystemModstamp"]), "closed": payload["IsClosed"]}
