"""Random deals as they truly went: a creation, moves, closings, amounts, owners, and ties of them.

A life is what a CRM knows when nothing goes wrong; `faults` damages what is told of it, `sources` tells it in a source's own words.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

NIGHTS = (datetime(2026, 6, 1, 2, tzinfo=UTC), datetime(2026, 6, 2, 2, tzinfo=UTC))
FIELDS = ("stage", "pipeline", "amount", "currency", "expected_close", "owner")
#: stages of each pipeline: open ones in their order, then won and lost
STAGES = {
    "p": (("p1", "open"), ("p2", "open"), ("p3", "open"), ("p4", "open"), ("p8", "won"), ("p9", "lost")),
    "q": (("q1", "open"), ("q2", "open"), ("q3", "open"), ("q8", "won"), ("q9", "lost")),
}
PIPELINE_OF = {stage: pipeline for pipeline, stages in STAGES.items() for stage, _ in stages}
OPEN = {pipeline: [stage for stage, kind in stages if kind == "open"] for pipeline, stages in STAGES.items()}
ENDS = {pipeline: [stage for stage, kind in stages if kind != "open"] for pipeline, stages in STAGES.items()}
OWNERS = ("o1", "o2", "o3", "o4")
CURRENCIES = ("EUR", "USD", "GBP")


@dataclass(frozen=True)
class Event:
    """One tracked field took a value; `order` breaks ties of `at`, `old` is the value before (None for the creation)."""

    field: str
    value: str
    old: str | None
    at: datetime
    order: int


@dataclass
class Life:
    """One deal; `events` in their true order, those of the creation first."""

    deal_id: str
    created_at: datetime
    events: list[Event] = field(default_factory=list)

    def of(self, name: str) -> list[Event]:
        """The events of one field, in order."""
        return [event for event in self.events if event.field == name]

    @property
    def record(self) -> dict[str, str]:
        """The values now."""
        return values_after(self.events)


def values_after(events: Iterable[Event]) -> dict[str, str]:
    """Each field's last value."""
    return {event.field: event.value for event in in_order(events)}


def in_order(events: Iterable[Event]) -> list[Event]:
    """By instant, ties by order."""
    return sorted(events, key=lambda event: (event.at, event.order))


def distinct_changes(events: Iterable[Event]) -> dict[str, list[tuple[datetime, str]]]:
    """Per field when it became what; a value set again to what it is is no change."""
    changes: dict[str, list[tuple[datetime, str]]] = {name: [] for name in FIELDS}
    for event in in_order(events):
        if not changes[event.field] or changes[event.field][-1][1] != event.value:
            changes[event.field].append((event.at, event.value))
    return changes


def live(rng: random.Random, deal_id: str) -> Life:
    """A deal of two to six months with five to twelve steps; about every sixth step ties with the one before."""
    until = NIGHTS[0] - timedelta(hours=3)
    created_at = until - timedelta(minutes=rng.randint(60 * 1440, 180 * 1440))
    pipeline = rng.choice(("p", "p", "q"))
    first = {
        "stage": OPEN[pipeline][0] if rng.random() < 0.8 else rng.choice(OPEN[pipeline]),
        "pipeline": pipeline,
        "amount": _amount(rng),
        "currency": rng.choice(CURRENCIES),
        "expected_close": _day(rng, created_at),
        "owner": rng.choice(OWNERS),
    }
    life = Life(deal_id, created_at)
    for name, value in first.items():
        life.events.append(Event(name, value, None, created_at, len(life.events) + 1))
    steps = rng.randint(5, 12)
    at = created_at
    for number in range(steps):
        if rng.random() >= 0.16 or number == 0:
            room = (until - at) / (steps - number)
            at += timedelta(minutes=max(2, int(room.total_seconds() / 60 * rng.uniform(0.4, 1.6))))
        if at >= until:
            break
        _step(rng, life, at)
    return life


def _step(rng: random.Random, life: Life, at: datetime) -> None:
    now = life.record
    pipeline, stage = now["pipeline"], now["stage"]
    kind = rng.choices(
        ("move", "close", "pipeline", "amount", "owner", "currency", "expected_close"), (9, 2, 2, 4, 2, 1, 2)
    )[0]
    if kind == "move":
        # as often as not to the next stage, else anywhere: skips, returns, re-openings
        opened = OPEN[pipeline]
        ahead = opened[opened.index(stage) + 1 : opened.index(stage) + 2] if stage in opened else opened[:1]
        _set(life, "stage", rng.choice(ahead if ahead and rng.random() < 0.5 else opened), at)
    elif kind == "close":
        _set(life, "stage", rng.choice(ENDS[pipeline]), at)
    elif kind == "pipeline":
        # never twice at one instant nor beside another move: no CRM does, and nothing would tell which stage is whose
        if any(event.at == at and event.field in ("stage", "pipeline") for event in life.events):
            return
        other = "q" if pipeline == "p" else "p"
        _set(life, "pipeline", other, at)
        _set(life, "stage", rng.choice(OPEN[other]), at)
    elif kind == "amount":
        _set(life, "amount", _amount(rng), at)
    elif kind == "owner":
        _set(life, "owner", rng.choice(OWNERS), at)
    elif kind == "currency":
        _set(life, "currency", rng.choice(CURRENCIES), at)
    else:
        _set(life, "expected_close", _day(rng, at), at)


def _set(life: Life, name: str, value: str, at: datetime) -> None:
    old = life.record[name]
    if value != old:
        life.events.append(Event(name, value, old, at, len(life.events) + 1))


def _amount(rng: random.Random) -> str:
    return f"{rng.randint(10_000, 9_000_000) / 100:.2f}"


def _day(rng: random.Random, at: datetime) -> str:
    return (at + timedelta(days=rng.randint(10, 120))).date().isoformat()


@dataclass
class Told:
    """What reaches the warehouse of one deal on one night. A fault is a difference between this and its life.

    `record`: its current values, None when the deal is not delivered. `history`: its events. `listed`: in the CRM's own list of
    ids. `counted`: the values under which the CRM's own totals count it, None when they do not. `dates`: the latest entry into
    and exit from each stage, as the CRM states them apart. `stages`: what the pipelines list.
    """

    deal_id: str
    created_at: datetime
    record: dict[str, str] | None
    history: list[Event]
    counted: dict[str, str] | None
    listed: bool
    dates: dict[str, tuple[datetime, datetime | None]]
    is_deleted: bool = False
    missing_stage: str | None = None
    updated_at: datetime = NIGHTS[0]


def tell(life: Life) -> Told:
    """The whole truth of a live deal."""
    record = life.record
    return Told(
        life.deal_id,
        life.created_at,
        dict(record),
        list(life.events),
        dict(record),
        True,
        stage_dates(life.events),
        updated_at=life.events[-1].at,
    )


def stage_dates(events: Iterable[Event]) -> dict[str, tuple[datetime, datetime | None]]:
    """Stage → (entered, left) of its latest stay."""
    dates: dict[str, tuple[datetime, datetime | None]] = {}
    current: str | None = None
    for event in in_order(events):
        if event.field == "stage" and event.value != current:
            if current is not None:
                dates[current] = (dates[current][0], event.at)
            current = event.value
            dates[current] = (event.at, None)
    return dates


def moved(event: Event, **changes: object) -> Event:
    """The event with other columns."""
    return replace(event, **changes)  # type: ignore[arg-type]
