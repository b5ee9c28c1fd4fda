"""What Pipedrive shows of the company, worked out from the truth log alone.

Entered late = happened when it was entered, in whole seconds; won and lost are a status, the deal keeps its open stage; no amount is 0; every
deal has a user; closing leaves the expected close date alone; a merged deal is a deleted one; a lead that became a deal is no lead any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from simulator.identities import number_of
from simulator.pipedrive.identities import ADMIN_ID, STAGE_ID, identify, lead_id, pipeline_id
from simulator.pipelines import CODE, PIPELINE_CODE, STAGES
from tests.thousand.entity import Entity, Facts, Leaving
from tests.thousand.lives import Event, Life, in_force, instant, items_in, standing, touched

_KEPT_AFTER_DELETION = timedelta(days=30)
_FIRST_OWNER, _OWNER_STEP = 50_710_000, 13
_STAGE = {stage.id: stage for stage in STAGES}
_FIRST_OPEN = {
    pipeline: next(stage.id for stage in STAGES if stage.pipeline == pipeline and stage.kind == "open")
    for pipeline in PIPELINE_CODE
}
_AT_ONCE: Mapping[str, Leaving] = {"archived": "marked", "merged": "marked", "deleted": "swept"}
_SWEPT: Mapping[str, Leaving] = {"archived": "swept", "merged": "swept", "deleted": "swept", "ended": "swept"}
_UNSEEN: Mapping[str, Leaving] = {"archived": "unseen", "merged": "unseen", "deleted": "unseen"}
_READABLE: Mapping[str, Leaving] = {"archived": "kept", "merged": "kept", "deleted": "unseen"}
#: field of the changelog → field of the record
_LOGGED = {
    "stage_id": "stage_id",
    "status": "status",
    "value": "value",
    "currency": "currency",
    "expected_close_date": "expected_close_date",
    "user_id": "owner_id",
    "lost_reason": "lost_reason",
}


def entities() -> tuple[Entity, ...]:
    """Every entity of the truth log that Pipedrive holds; notes are no activities there."""
    kinds = {"call": "calls", "email": "emails", "meeting": "meetings", "task": "tasks"}
    return (
        _entity("deal", "deals", "deals", _deal_shows, _deal_says, _AT_ONCE, _KEPT_AFTER_DELETION),
        _entity("deal", "deal_changelogs", "deals", _log_shows, _log_says, _READABLE, _KEPT_AFTER_DELETION),
        # Read with the deal; a deal without products may have no record of them.
        Entity(
            "deal", "deal_products", lambda number: str(identify("deals", number)), _products_show, _products_say, _UNSEEN, timedelta(seconds=1),
            is_empty=lambda facts: not facts["items"],
        ),
        Entity("lead", "leads", lead_id, _lead_shows, _lead_says, _SWEPT, timedelta(seconds=1), ends=_converted),
        _entity("contact", "persons", "contacts", _stamp, _updated, _SWEPT),
        _entity("company", "organizations", "companies", _stamp, _updated, _SWEPT),
        *(_entity(kind, "activities", name, _activity_shows(kind), _activity_says, _SWEPT) for kind, name in kinds.items()),
        _entity(
            "product", "products", "products", lambda life: {"name": in_force(life)["name"]}, lambda payload, _: {"name": payload["name"]},
            {"archived": "marked", "deleted": "marked"}, timedelta(),
        ),
        # One that is put aside is still listed.
        Entity(
            "goal", "goals", lambda number: f"{number:032x}", _goal_shows, _goal_says, {"archived": "kept", "deleted": "marked"}, timedelta(seconds=1),
            timedelta(), is_kept=lambda life: in_force(life)["goal"] == "revenue",
        ),
        _entity("owner", "users", "users", _user_shows, lambda payload, _: {"active": payload["active_flag"]}, {"archived": "kept"}),
    )  # fmt: skip


def _entity(
    kind: str,
    table: str,
    name: str,
    shows: Callable[[Life], Facts],
    says: Callable[[dict[str, Any], Mapping[str, list[dict[str, Any]]]], Facts],
    leaves: Mapping[str, Leaving],
    stays: timedelta = timedelta.max,
) -> Entity:
    return Entity(
        kind, table, lambda number: str(identify(name, number)), shows, says, leaves, timedelta(seconds=1), stays
    )


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _stamp(life: Life) -> Facts:
    return {"updated": _second(touched(life))}


def _updated(payload: dict[str, Any], _: object) -> Facts:
    return {"updated": instant(payload["update_time"])}


def _user_shows(life: Life) -> Facts:
    return {"active": life[-1].kind != "archived"}


def _user_of(owner: str | None) -> int:
    return ADMIN_ID if owner is None else identify("users", (int(owner) - _FIRST_OWNER) // _OWNER_STEP)


def _products_show(life: Life) -> Facts:
    items = items_in(life)
    return {
        "items": {
            identify("line_items", number): (
                identify("products", number_of("products", item["product"]) or 0),
                Decimal(item["quantity"]),
                Decimal(item["amount"]),
                item["currency"],
            )
            for number, item in items.items()
        }
    }


def _products_say(payload: dict[str, Any], _: object) -> Facts:
    return {
        "items": {
            row["id"]: (row["product_id"], Decimal(str(row["quantity"])), Decimal(str(row["sum"])), row["currency"])
            for row in payload["products"]
        }
    }


def record_of(life: Life) -> tuple[dict[str, Any], list[tuple[datetime, str, Any, Any]]]:
    """The deal's record as it is now, and its changelog."""
    created = next(event for event in life if event.kind == "created")
    now: dict[str, Any] = {"value": Decimal(0), "status": "open", "owner_id": ADMIN_ID}
    log: list[tuple[datetime, str, Any, Any]] = []
    newest: dict[str, int] = {}
    is_beginning = True
    for event in sorted(life, key=lambda each: (each.recorded, each.sequence)):
        if event.kind != "changed" or event.sequence < newest.get(event.field, -1):
            continue
        if event.field == "expected_close" and event.new is not None and instant(event.new) == event.happened:
            continue  # the date that closing sets elsewhere
        changes = _changes(event, now)
        if changes is None:
            newest[event.field] = event.sequence
            continue
        is_first = event.field not in newest and event.recorded == event.happened == created.recorded
        is_beginning = is_beginning and is_first
        newest[event.field] = event.sequence
        after = now | changes
        if not is_beginning:
            log += [
                (_second(event.recorded), key, now.get(name), after.get(name))
                for key, name in _LOGGED.items()
                if now.get(name) != after.get(name)
            ]
        now = after
    return now, log


def _changes(event: Event, now: dict[str, Any]) -> dict[str, Any] | None:
    """What one event changes in the record; None for what Pipedrive does not keep."""
    value = event.new
    if event.field == "amount":
        return {"value": Decimal(value or "0")}
    if event.field == "currency":
        return {"currency": value}
    if event.field == "expected_close":
        return {"expected_close_date": None if value is None else value[:10]}
    if event.field == "owner":
        return {"owner_id": _user_of(value)}
    if event.field == "lost_reason":
        return {"lost_reason": value}
    return _moved(value or "", now) if event.field == "stage" else None


def _moved(stage: str, now: dict[str, Any]) -> dict[str, Any]:
    kind, pipeline = _STAGE[stage].kind, pipeline_id(PIPELINE_CODE[_STAGE[stage].pipeline])
    if kind == "open":
        return {"stage_id": STAGE_ID[CODE[stage]], "status": "open", "pipeline_id": pipeline, "lost_reason": None}
    stays = now.get("pipeline_id") == pipeline
    first = STAGE_ID[CODE[_FIRST_OPEN[_STAGE[stage].pipeline]]]
    return {
        "stage_id": now["stage_id"] if stays else first,
        "status": kind,
        "pipeline_id": pipeline,
        "lost_reason": now.get("lost_reason") if kind == "lost" else None,
    }


def _deal_shows(life: Life) -> Facts:
    now, _ = record_of(life)
    # A product that is put on a deal or taken off changes the deal.
    stamp = {"updated": _second(touched(life, with_related=True))}
    return {**stamp, **{name: now.get(name) for name in (*_LOGGED.values(), "pipeline_id") if name != "status"}}


def _deal_says(payload: dict[str, Any], _: object) -> Facts:
    said: Facts = {name: payload.get(name) for name in (*_LOGGED.values(), "pipeline_id") if name != "status"}
    return {"updated": instant(payload["update_time"]), **said, "value": Decimal(str(payload["value"]))}


def _log_shows(life: Life) -> Facts:
    return {"log": Counter((at, key, _text(before), _text(after)) for at, key, before, after in record_of(life)[1])}


def _log_says(payload: dict[str, Any], _: object) -> Facts:
    return {
        "log": Counter(
            (instant(row["time"]), row["field_key"], row["old_value"], row["new_value"]) for row in payload["changes"]
        )
    }


def _text(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else str(int(value))
    return None if value is None else str(value)


def _converted(life: Life) -> Event | None:
    now = [event for event in life if event.field == "stage"]
    return now[-1] if now and now[-1].new == "converted" else None


def _lead_shows(life: Life) -> Facts:
    now = in_force(life)
    return {
        "updated": touched(life),
        "archived": now["stage"] == "disqualified",
        "owner": _user_of(now.get("owner")),
    }


def _lead_says(payload: dict[str, Any], _: object) -> Facts:
    return {
        "updated": instant(payload["update_time"]),
        "archived": payload["is_archived"],
        "owner": payload["owner_id"],
    }


def _activity_shows(kind: str) -> Callable[[Life], Facts]:
    def shows(life: Life) -> Facts:
        return {**_stamp(life), "done": kind in ("call", "email") or in_force(life)["outcome"] == "held"}

    return shows


def _activity_says(payload: dict[str, Any], _: object) -> Facts:
    return {"updated": instant(payload["update_time"]), "done": payload["done"]}


def _goal_shows(life: Life) -> Facts:
    now = in_force(life)
    start, end = (now["period"] or "").split("/")
    return {
        "target": int(Decimal(now["amount"] or "0")),
        "period": (start, end),
        "active": standing(life).kind != "archived",
        "user": _user_of(now["owner"]),
    }


def _goal_says(payload: dict[str, Any], _: object) -> Facts:
    duration = payload["duration"]
    period = (duration["start"], duration["end"])
    return {
        "target": payload["expected_outcome"]["target"],
        "period": period,
        "active": payload["is_active"],
        "user": payload["assignee"]["id"],
    }
