"""Random companies as plain histories, and the core tables that follow from them.

A history is what happened to one deal, in order; nothing else is drawn. `core_tables` writes it down as the core
models' contracts (`_core.yml`) want it, so that the marts can be built on it; `marts_oracle` answers the marts' questions from
the histories alone.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2025, 11, 3, tzinfo=UTC)
AS_OF = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)
UNKNOWN = uuid.UUID(int=0)
HOME_CURRENCY = "EUR"


@dataclass(frozen=True)
class Stage:
    """One stage; `rank` is its place among the open stages, won n + 1, lost None. `step` is its funnel step."""

    pipeline: str
    name: str
    kind: str
    rank: int | None
    step: str = "unmapped"

    @property
    def key(self) -> uuid.UUID:
        """Key as a dimension would hold it."""
        return stable_key(f"{self.pipeline}|{self.name}")


# the steps of the preset `eight_steps` in the seed; pipeline B leaves one out, and one open stage is mapped to none
PIPELINES: dict[str, list[Stage]] = {
    "A": [
        Stage("A", "a1", "open", 1, "first request"),
        Stage("A", "a2", "open", 2, "first consultation"),
        Stage("A", "a3", "open", 3),
        Stage("A", "a4", "open", 4, "offer received"),
        Stage("A", "a_won", "won", 5, "contract"),
        Stage("A", "a_lost", "lost", None),
        Stage("A", "a_lost_too", "lost", None),
    ],
    "B": [
        Stage("B", "b1", "open", 1),
        Stage("B", "b2", "open", 2, "first consultation"),
        Stage("B", "b3", "open", 3, "meeting"),
        Stage("B", "b_won", "won", 4, "contract"),
        Stage("B", "b_lost", "lost", None),
    ],
}
CHANNELS = ["web", "referral", None]
OWNERS = ["o1", "o2", None]


@dataclass
class Event:
    """At `at` the field took the value: stage (a Stage), amount, currency, owner, expected_close (a date); or removed ('deleted',
    'merged') or restored."""

    at: datetime
    field: str
    value: Any
    retracted: bool = False


@dataclass
class History:
    """One deal. Events are in their total order; the first stage event is the creation."""

    deal_id: str
    events: list[Event] = field(default_factory=list)
    channel: str | None = None
    direction: str | None = None
    lost_group: str | None = None
    lost_reason: str | None = None
    recurring: Decimal | None = None
    lead_created_at: datetime | None = None
    complete_from: datetime | None = None
    activities: list[datetime] = field(default_factory=list)

    @property
    def key(self) -> uuid.UUID:
        """Key as dim_deals would hold it."""
        return key("deal", self.deal_id)


def key(*parts: str) -> uuid.UUID:
    """A key of the parts that stays the same; a pipeline's is the one that the core models make of its id."""
    if parts[0] == "pipeline":
        return stable_key(parts[1])
    return uuid.uuid5(uuid.NAMESPACE_OID, "|".join(parts))


def stable_key(source_id: str) -> uuid.UUID:
    """The key as the core models make it of (system, account, id)."""
    return uuid.UUID(hashlib.md5(f"files|test|{source_id}".encode()).hexdigest())  # noqa: S324 - the warehouse makes its keys so; nothing is kept secret by it


def owner_key(owner: str | None) -> uuid.UUID:
    """The owner's key; nobody is the unknown member."""
    return stable_key(owner) if owner else UNKNOWN


def local_date(instant: datetime) -> date:
    """The day in the reporting time zone."""
    return instant.astimezone(ZONE).date()


def rate(currency: str | None, day: date) -> Decimal | None:
    """Units of the home currency for one of `currency` on a day; None where there is no rate."""
    if currency == HOME_CURRENCY:
        return Decimal(1)
    if currency == "USD" and day < date(2026, 2, 20):
        return Decimal("0.9") + Decimal(day.toordinal() % 7) / 100
    if currency == "USD" and day >= date(2026, 3, 1):
        return Decimal("0.95")
    return None


def draw(seed: int, deals: int) -> list[History]:
    """Histories of `deals` deals; every kind of move, tie and oddity that the rules name has a chance."""
    dice = random.Random(seed)
    return [_draw_one(dice, f"d{number}") for number in range(deals)]


def _draw_one(dice: random.Random, deal_id: str) -> History:
    history = History(
        deal_id,
        channel=dice.choice(CHANNELS),
        direction=dice.choice(["inbound", "outbound", None]),
        recurring=dice.choice([None, Decimal(dice.randrange(100, 5000)) / 100]),
    )
    pipeline = dice.choice("AB")
    now = START + timedelta(minutes=dice.randrange(60 * 24 * 110))
    if dice.random() < 0.5:
        history.lead_created_at = now - timedelta(hours=dice.randrange(400))
    if dice.random() < 0.95:
        history.events.append(Event(now, "currency", dice.choice(["EUR", "EUR", "USD", "XXX"])))
    if dice.random() < 0.85:
        history.events.append(Event(now, "amount", _amount(dice)))
    history.events.append(Event(now, "owner", dice.choice(OWNERS)))
    start = dice.choices(PIPELINES[pipeline], [8 if stage.rank == 1 else 1 for stage in PIPELINES[pipeline]])[0]
    history.events.append(Event(now, "stage", start))
    created_at, here, removed = now, start, False
    for _ in range(dice.randrange(0, 9)):
        if dice.random() > 0.12:  # otherwise the next change has the same instant
            now += timedelta(minutes=dice.choice([1, 600, 3000, 15000, 40000]) * dice.randrange(1, 5) // 2)
        if now > AS_OF:
            break
        if removed:
            if dice.random() < 0.5:
                # Within an instant the end of a deal is the last that happens to it.
                now += timedelta(minutes=now == history.events[-1].at)
                history.events.append(Event(now, "restored", here))
                removed = False
            continue
        luck = dice.random()
        if luck < 0.2:
            history.events.append(Event(now, "amount", _amount(dice), retracted=dice.random() < 0.15))
        elif luck < 0.25:
            history.events.append(Event(now, "owner", dice.choice(OWNERS)))
        elif luck < 0.28:
            history.events.append(Event(now, "currency", dice.choice(["EUR", "USD", "XXX"])))
        elif luck < 0.36:
            history.events.append(Event(now, "removed", dice.choice(["deleted", "merged"])))
            removed = True
        else:
            if dice.random() < 0.07:
                pipeline = dice.choice("AB")
            ladder = PIPELINES[pipeline]
            there = dice.choice([stage for stage in ladder if stage != here])
            if here.kind == "open" and here.pipeline == pipeline and dice.random() < 0.5 and here.rank is not None:
                there = next(stage for stage in ladder if stage.rank == here.rank + 1)
            history.events.append(Event(now, "stage", there))
            here = there
    if here.kind == "lost" and not removed and dice.random() < 0.85:
        history.lost_group = dice.choice(["lost", "lost", "disqualified", "no_decision"])
        history.lost_reason = dice.choice(["price", "timing"])
    history.complete_from = created_at if dice.random() < 0.9 else created_at + timedelta(days=3)
    _draw_expected_closes(history)
    history.activities = [created_at + timedelta(hours=dice.randrange(3000)) for _ in range(dice.randrange(3))]
    return history


def _draw_expected_closes(history: History) -> None:
    """Puts changes of the expected close among the events, some at the instant of another."""
    dice = random.Random(f"expected {history.deal_id} {history.events[0].at}")
    for event in list(history.events):
        if event is history.events[0] or dice.random() < 0.4:
            day = local_date(event.at) + timedelta(days=dice.randrange(-5, 60))
            at = event.at + timedelta(hours=dice.choice([0, 0, 50])) if event is not history.events[0] else event.at
            if at <= AS_OF:
                value = None if dice.random() < 0.1 else day
                history.events.append(Event(at, "expected_close", value, retracted=dice.random() < 0.1))
    history.events.sort(key=lambda event: event.at)


def _amount(dice: random.Random) -> Decimal | None:
    return None if dice.random() < 0.08 else Decimal(dice.randrange(0, 5_000_000)) / 100


# --- the core tables ---------------------------------------------------------------------------------------------------


def core_tables(histories: list[History]) -> dict[str, list[dict[str, Any]]]:
    """Rows by core table; columns that are left out are null (or false, or empty) in the table."""
    tables: dict[str, list[dict[str, Any]]] = {
        "dim_sources": [
            {"source_key": key("source"), "source_system": "files", "account": "test", "data_through": AS_OF,
             "is_in_latest_run": True, "warehouse_data_through": AS_OF, "run_id": "run-1"}
        ],
        "dim_dates": [_calendar_row(date(2025, 1, 1) + timedelta(days=offset)) for offset in range(730)],
        "dim_exchange_rates": [
            {"rate_date": day, "from_currency_code": currency, "to_currency_code": HOME_CURRENCY,
             "exchange_rate": value, "observed_date": day}
            for offset in range(500)
            for day in [date(2025, 1, 1) + timedelta(days=offset)]
            for currency in ["EUR", "USD"]
            if (value := rate(currency, day)) is not None
        ],
        "dim_owners": [
            {"owner_key": owner_key(owner), "source_system": "files", "source_owner_id": owner, "owner_name": owner or "nobody"}
            for owner in OWNERS
        ],
        "dim_pipelines": [
            {"pipeline_key": key("pipeline", name), "source_system": "files", "source_pipeline_id": name,
             "pipeline_name": "Sales"}
            for name in PIPELINES
        ],
        "dim_stages": [_stage_row(stage, order) for ladder in PIPELINES.values() for order, stage in enumerate(ladder, 1)],
        "dim_leads": [
            {"lead_key": key("lead", history.deal_id), "source_system": "files", "source_lead_id": history.deal_id,
             "created_at": history.lead_created_at, "lead_status": "converted", "company_key": UNKNOWN,
             "owner_key": UNKNOWN}
            for history in histories if history.lead_created_at
        ],
        "fct_activities": [
            {"activity_key": key("activity", history.deal_id, str(number)), "source_system": "files",
             "source_activity_id": f"{history.deal_id}-{number}", "activity_type": "call", "happened_at": at,
             "deal_key": history.key, "owner_key": UNKNOWN}
            for history in histories for number, at in enumerate(history.activities)
        ],
        "dim_deals": [], "fct_deal_changes": [], "fct_deal_stage_visits": [], "fct_deal_stage_transitions": [],
    }  # fmt: skip
    for history in histories:
        visits = _visits(history)
        tables["fct_deal_stage_visits"] += visits
        tables["fct_deal_stage_transitions"] += _transitions(history)
        tables["fct_deal_changes"] += _changes(history)
        tables["dim_deals"].append(_deal_row(history, visits))
    return tables


def _calendar_row(day: date) -> dict[str, Any]:
    monday = day - timedelta(days=day.weekday())
    return {
        "calendar_date": day, "day_of_week": day.isoweekday(), "is_weekend": day.isoweekday() > 5,
        "iso_year": day.isocalendar().year, "iso_week": day.isocalendar().week, "week_start_date": monday,
        "month_start_date": day.replace(day=1), "quarter_start_date": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year_start_date": day.replace(month=1, day=1),
    }  # fmt: skip


def _stage_row(stage: Stage, order: int) -> dict[str, Any]:
    return {
        "stage_key": stage.key, "pipeline_key": key("pipeline", stage.pipeline), "source_system": "files",
        "source_pipeline_id": stage.pipeline, "source_stage_id": stage.name, "stage_name": stage.name,
        "stage_order": order, "open_rank": stage.rank, "stage_kind": stage.kind, "is_active_stage": True,
        "funnel_step": stage.step, "valid_from": datetime(1, 1, 1, tzinfo=UTC), "valid_to": datetime(9999, 12, 31, tzinfo=UTC),
        "is_current": True,
    }  # fmt: skip


def _kind_of_move(here: Stage | None, there: Stage) -> str:
    if here is None:
        return "created"
    if there.kind in ("won", "lost"):
        return there.kind
    if here.kind != "open":
        return "reopened"
    if here.pipeline != there.pipeline:
        return "moved_pipeline"
    assert here.rank
    assert there.rank
    return "advanced" if there.rank == here.rank + 1 else "skipped_ahead" if there.rank > here.rank else "moved_back"


def _in_force(history: History, at: datetime) -> dict[str, Any]:
    state: dict[str, Any] = {"amount": None, "currency": None, "owner": None}
    for event in history.events:
        if event.field in state and event.at <= at and not event.retracted:
            state[event.field] = event.value
    return state


def _visits(history: History) -> list[dict[str, Any]]:
    visits: list[dict[str, Any]] = []
    here: Stage | None = None
    for event in history.events:
        if event.field not in ("stage", "removed", "restored"):
            continue
        is_entry = event.field != "removed"
        kind = _kind_of_move(here, event.value) if event.field == "stage" else "restored" if is_entry else event.value
        now = _in_force(history, event.at)
        if visits and visits[-1]["exited_at"] is None:
            last = visits[-1]
            last |= {
                "exited_at": event.at, "is_current": False, "exit_kind": kind, "exit_amount": now["amount"],
                "exit_currency_code": now["currency"], "is_transient": event.at == last["entered_at"],
                "hours_in_stage": (event.at - last["entered_at"]) / timedelta(hours=1),
            }  # fmt: skip
        if is_entry:
            here = event.value
            assert here is not None
            visits.append({
                "visit_key": key("visit", history.deal_id, str(len(visits))), "deal_key": history.key,
                "visit_number": len(visits) + 1,
                "stage_visit_number": 1 + sum(visit["stage_key"] == here.key for visit in visits),
                "pipeline_key": key("pipeline", here.pipeline), "stage_key": here.key, "stage_kind": here.kind,
                "open_rank": here.rank, "entered_at": event.at, "exited_at": None, "is_current": True,
                "entry_kind": kind, "exit_kind": None, "hours_in_stage": None, "entry_amount": now["amount"],
                "currency_code": now["currency"], "owner_key": owner_key(now["owner"]), "is_transient": False,
            })  # fmt: skip
    return visits


def _transitions(history: History) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    here: Stage | None = None
    for event in history.events:
        if event.field not in ("stage", "removed", "restored"):
            continue
        there = None if event.field == "removed" else event.value
        rows.append({
            "transition_key": key("transition", history.deal_id, str(len(rows))), "deal_key": history.key,
            "transition_number": len(rows) + 1, "transitioned_at": event.at,
            "owner_key": owner_key(_in_force(history, event.at)["owner"]),
            "to_stage_key": there and there.key, "to_pipeline_key": there and key("pipeline", there.pipeline),
            "to_stage_kind": there and there.kind, "change_source": "crm_history", "_load_number": 1,
            "transition_kind": event.value if there is None else
            "restored" if event.field == "restored" else _kind_of_move(here, there),
        })  # fmt: skip
        here = there or here
    return rows


def _changes(history: History) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    old: dict[str, str | None] = {}
    for number, event in enumerate(history.events):
        for field_name, value in _fields(event):
            text = None if value is None else str(value)
            if field_name in ("stage", "pipeline", "status") and old.get(field_name) == text:
                continue
            rows.append({
                "deal_key": history.key, "field": field_name, "old_value": old.get(field_name), "new_value": text,
                "changed_at": event.at, "sequence": number, "change_source": "crm_history", "known_at": event.at,
                "retracted_at": AS_OF if event.retracted else None, "_record_number": number, "_load_number": 1,
            })  # fmt: skip
            if not event.retracted:
                old[field_name] = text
    return rows


def _fields(event: Event) -> list[tuple[str, Any]]:
    """The tracked fields that the event sets."""
    if event.field == "removed":
        return [("status", event.value)]
    if event.field in ("stage", "restored"):
        return [("status", "live"), ("pipeline", event.value.pipeline), ("stage", event.value.name)]
    return [(event.field, event.value)]


def _deal_row(history: History, visits: list[dict[str, Any]]) -> dict[str, Any]:
    state, last = _in_force(history, AS_OF), visits[-1]
    removed = last["exit_kind"] if last["exit_kind"] in ("deleted", "merged") else None
    closes = [visit["entered_at"] for visit in visits if visit["stage_kind"] != "open"]
    closed_at = closes[-1] if closes and last["stage_kind"] != "open" else None
    event_at = last["exited_at"] or closed_at or AS_OF
    factor = rate(state["currency"], local_date(event_at))
    booked = (
        None
        if state["amount"] is None or factor is None
        else (state["amount"] * factor).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    )
    return {
        "deal_key": history.key, "source_system": "files", "account": "test", "source_deal_id": history.deal_id,
        "deal_status": removed or last["stage_kind"], "created_at": visits[0]["entered_at"], "closed_at": closed_at,
        "left_at": last["exited_at"], "pipeline_key": last["pipeline_key"], "stage_key": last["stage_key"],
        "deal_amount": state["amount"], "booked_amount": booked, "currency_code": state["currency"],
        "recurring_amount": history.recurring, "owner_key": owner_key(state["owner"]), "company_key": UNKNOWN,
        "lead_key": key("lead", history.deal_id) if history.lead_created_at else None,
        "lost_reason": history.lost_reason, "lost_group": history.lost_group, "channel": history.channel,
        "lead_direction": history.direction, "history_complete_from": history.complete_from,
        "is_deleted": removed is not None, "crm_url": f"https://crm.example/{history.deal_id}",
    }  # fmt: skip
