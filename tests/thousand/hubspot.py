"""What HubSpot shows of the company, worked out from the truth log alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
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
    plain = {"contact": "contacts", "company": "companies", "email": "emails", "note": "notes"}
    return (
        _entity("deal", "deals", _deal_shows, _deal_says, _SWEPT),
        _entity("lead", "leads", _lead_shows, _lead_says, _SWEPT),
        *(_entity(kind, table, _stamp, _updated, _SWEPT) for kind, table in plain.items()),
        *(_activity(kind) for kind in _OUTCOMES),
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


def _deal_shows(life: Life) -> Facts:
    now = in_force(life)
    history = Counter(
        (event.field, event.happened, _value(event.field, event.new))
        for event in life
        if event.kind == "changed" and event.field in HISTORIES
    )
    merged = frozenset(event.new for event in life if event.field == "merged_in")
    reason = now.get("lost_reason")
    return {
        **_stamp(life),
        **{name: _value(name, now.get(name)) for name in HISTORIES},
        "lost_reason": reason,
        "merged": merged,
        "history": history,
    }


def _deal_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    history = Counter(
        (name, instant(entry["timestamp"]), _value(name, entry["value"]))
        for name, property_name in HISTORIES.items()
        for entry in payload["propertiesWithHistory"].get(property_name, [])
    )
    merged = properties.get("hs_merged_object_ids")
    return {
        "updated": instant(payload["updatedAt"]),
        **{name: _value(name, properties.get(property_name)) for name, property_name in HISTORIES.items()},
        "lost_reason": properties.get("closed_lost_reason"),
        "merged": frozenset(merged.split(";") if merged else ()),
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
    return {**_stamp(life), "stage": _LEAD_STAGE[now["stage"] or ""], "owner": now.get("owner")}


def _lead_says(payload: dict[str, Any], _: object) -> Facts:
    properties = payload["properties"]
    return {
        "updated": instant(payload["updatedAt"]),
        "stage": properties["hs_pipeline_stage"],
        "owner": properties.get("hubspot_owner_id"),
    }


def _activity(kind: str) -> Entity:
    name, spelt = _OUTCOMES[kind]

    def shows(life: Life) -> Facts:
        return {**_stamp(life), "outcome": spelt[_WORDS.index(in_force(life)["outcome"] or "")]}

    def says(payload: dict[str, Any], _: object) -> Facts:
        return {"updated": instant(payload["updatedAt"]), "outcome": payload["properties"][name]}

    return _entity(kind, f"{kind}s", shows, says, _SWEPT)
