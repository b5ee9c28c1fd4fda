"""What HubSpot shows of the company, worked out from the truth log alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from simulator.identities import identify
from simulator.pipelines import LEAD_STAGES
from simulator.sellers import Seller
from tests.e2e.truth_ledger import INDEX_LAG
from tests.thousand.entity import Entity, Facts, Leaving
from tests.thousand.lives import Life, in_force, instant, touched

#: field of the truth log → property
HISTORIES = {
    "stage": "dealstage",
    "pipeline": "pipeline",
    "amount": "amount",
    "currency": "deal_currency_code",
    "expected_close": "closedate",
    "owner": "hubspot_owner_id",
}
_LEAD_STAGE = {stage.status: stage.id for stage in LEAD_STAGES}
_FIRST_OWNER, _OWNER_STEP = 50_710_000, 13
#: since when HubSpot counts
_MILLISECONDS = datetime(1970, 1, 1)  # noqa: DTZ001 (instants of the log carry no zone)
#: how each kind of activity spells scheduled, held, missed, cancelled, and where
_OUTCOMES = {
    "call": ("hs_call_status", ("QUEUED", "COMPLETED", "NO_ANSWER", "CANCELED")),
    "meeting": ("hs_meeting_outcome", ("SCHEDULED", "COMPLETED", "NO_SHOW", "CANCELED")),
    "task": ("hs_task_status", ("NOT_STARTED", "COMPLETED", "DEFERRED", "WAITING")),
}
_WORDS = ("scheduled", "held", "missed", "cancelled")
#: what left without a trace is marked by the comparison of ids, where there is one; else it stays as it was last seen
_SWEPT: Mapping[str, Leaving] = {"archived": "marked", "deleted": "swept", "merged": "swept"}


def entities() -> tuple[Entity, ...]:
    """Every entity of the truth log that HubSpot holds."""
    plain = {"email": "emails", "note": "notes"}
    parties = {"contact": "contacts", "company": "companies"}
    return (
        _entity("deal", "deals", _deal_shows, _deal_says, _SWEPT),
        _entity("lead", "leads", _lead_shows, _lead_says, _SWEPT),
        *(_entity(kind, table, _stamp, _updated, _SWEPT) for kind, table in plain.items()),
        *(_entity(kind, table, _party_shows, _party_says, _SWEPT) for kind, table in parties.items()),
        *(_activity(kind) for kind in _OUTCOMES),
        _entity("line_item", "line_items", _item_shows, _item_says, _SWEPT),
        _entity("product", "products", _product_shows, _product_says, _SWEPT),
        _entity("goal", "goal_targets", _goal_shows, _goal_says, _SWEPT),
        # Listed whole every night.
        Entity(
            "campaign", "campaigns", lambda number: identify("campaigns", number), _campaign_shows, _campaign_says,
            {"archived": "marked", "deleted": "marked"}, timedelta(), timedelta(),
        ),
        # Asked for when the campaign has changed: of one that is gone the last answer stays.
        Entity(
            "campaign", "campaign_budgets", lambda number: identify("campaigns", number), _budget_shows, _budget_says,
            {"archived": "unseen", "deleted": "unseen"}, timedelta(),
        ),
        Entity("owner", "owners", _owner_id, lambda life: {}, lambda payload, _: {}, {"archived": "marked"}, timedelta()),
    )  # fmt: skip


def _entity(
    kind: str,
    table: str,
    shows: Callable[[Life], Facts],
    says: Callable[[dict[str, Any], Mapping[str, list[dict[str, Any]]]], Facts],
    leaves: Mapping[str, Leaving],
) -> Entity:
    return Entity(kind, table, lambda number: identify(table, number), shows, says, leaves, INDEX_LAG)


def _owner_id(number: int) -> str:
    return Seller(number, "", "", "", 0, 0, None).id


def _stamp(life: Life) -> Facts:
    # Archiving leaves the modified date alone.
    return {"updated": touched([event for event in life if event.kind != "archived"])}


def _updated(payload: dict[str, Any], _: object) -> Facts:
    return {"updated": instant(payload["updatedAt"])}


def _party_shows(life: Life) -> Facts:
    return {**_stamp(life), "merged": _swallowed(life)}


def _party_says(payload: dict[str, Any], _: object) -> Facts:
    return {**_updated(payload, None), "merged": _merged(payload["properties"])}


def _swallowed(life: Life) -> frozenset[str | None]:
    return frozenset(event.new for event in life if event.field == "merged_in")


def _merged(properties: dict[str, Any]) -> frozenset[str]:
    said = properties.get("hs_merged_object_ids")
    return frozenset(said.split(";") if said else ())


def _deal_shows(life: Life) -> Facts:
    now = in_force(life)
    history = Counter(
        (event.field, event.happened, _value(event.field, event.new))
        for event in life
        if event.kind == "changed" and event.field in HISTORIES
    )
    reason = now.get("lost_reason")
    return {
        **_stamp(life),
        **{name: _value(name, now.get(name)) for name in HISTORIES},
        "lost_reason": reason,
        "merged": _swallowed(life),
        "history": history,
    }


def _deal_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    history = Counter(
        (name, instant(entry["timestamp"]), _value(name, entry["value"]))
        for name, property_name in HISTORIES.items()
        for entry in payload["propertiesWithHistory"].get(property_name, [])
    )
    return {
        "updated": instant(payload["updatedAt"]),
        **{name: _value(name, properties.get(property_name)) for name, property_name in HISTORIES.items()},
        "lost_reason": properties.get("closed_lost_reason"),
        "merged": _merged(properties),
        "history": history,
    }


def _value(name: str, text: str | None) -> Decimal | datetime | str | None:
    if not text:
        return None
    if name == "amount":
        return Decimal(text)
    return instant(text) if name == "expected_close" else text


def _lead_shows(life: Life) -> Facts:
    now = in_force(life)
    history = Counter((event.happened, _LEAD_STAGE[event.new or ""]) for event in life if event.field == "stage")
    return {
        **_stamp(life),
        "stage": _LEAD_STAGE[now["stage"] or ""],
        "owner": now.get("owner"),
        "history": history,
    }


def _lead_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    return {
        "updated": instant(payload["updatedAt"]),
        "stage": properties["hs_pipeline_stage"],
        "owner": properties.get("hubspot_owner_id"),
        "history": Counter(
            (instant(entry["timestamp"]), entry["value"])
            for entry in payload["propertiesWithHistory"]["hs_pipeline_stage"]
        ),
    }


def _activity(kind: str) -> Entity:
    name, spelt = _OUTCOMES[kind]

    def shows(life: Life) -> Facts:
        return {**_stamp(life), "outcome": spelt[_WORDS.index(in_force(life)["outcome"] or "")]}

    def says(payload: dict[str, Any], _: object) -> Facts:
        return {"updated": instant(payload["updatedAt"]), "outcome": payload["properties"][name]}

    return _entity(kind, f"{kind}s", shows, says, _SWEPT)


def _item_shows(life: Life) -> Facts:
    now = in_force(life)
    amounts = {name: Decimal(now[name] or "0") for name in ("quantity", "amount")}
    return {**_stamp(life), **amounts, "product": now["product"], "currency": now["currency"]}


def _item_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    return {
        **_updated(payload, None),
        **{name: Decimal(properties[name]) for name in ("quantity", "amount")},
        "product": properties["hs_product_id"],
        "currency": properties["hs_line_item_currency_code"],
    }


def _product_shows(life: Life) -> Facts:
    return {**_stamp(life), "name": in_force(life)["name"]}


def _product_says(payload: dict[str, Any], _: object) -> Facts:
    return {**_updated(payload, None), "name": payload["properties"]["name"]}


def _goal_shows(life: Life) -> Facts:
    now = in_force(life)
    first, last = (now["period"] or "").split("/")
    return {
        **_stamp(life),
        "amount": Decimal(now["amount"] or "0"),
        "period": (first, last),
        "kind": now["goal"],
        "user": Seller((int(now["owner"] or "0") - _FIRST_OWNER) // _OWNER_STEP, "", "", "", 0, 0, None).user_id,
    }


def _goal_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    return {
        **_updated(payload, None),
        "amount": Decimal(properties["hs_target_amount"]),
        "period": (properties["hs_start_datetime"][:10], properties["hs_end_datetime"][:10]),
        "kind": properties["hs_goal_type"].removeprefix("deals_"),
        "user": properties["hs_assignee_user_id"],
    }


def _campaign_shows(life: Life) -> Facts:
    now = in_force(life)
    return {"name": now["name"], **{name: Decimal(now.get(name) or "0") for name in ("budget", "spend")}}


def _campaign_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    costs = {name: Decimal(properties[f"hs_{name}_items_sum_amount"] or "0") for name in ("budget", "spend")}
    return {"name": properties["hs_name"], **costs}


def _budget_shows(life: Life) -> Facts:
    return {name: Counter(_entries(life, name)) for name in ("budget", "spend")}


def _entries(life: Life, name: str) -> Iterator[tuple[datetime, Decimal]]:
    """An entry is the difference between two totals."""
    before = Decimal(0)
    for event in (each for each in life if each.field == name):
        total = Decimal(event.new or "0")
        yield event.happened, total - before
        before = total


def _budget_says(payload: dict[str, Any], _: object) -> Facts:
    return {
        name: Counter(
            (
                _MILLISECONDS + timedelta(milliseconds=entry["createdAt"]),
                Decimal(str(entry["amount"])).quantize(Decimal("0.01")),
            )
            for entry in payload[f"{name}Items"]
        )
        for name in ("budget", "spend")
    }
