"""The kinds of faults: each damages what is told of one true life, or says that this life has no place for it.

Whether a source's own statements can show a fault is worked out here, from what is told alone, without any SQL: `contradictions`
names the pairs of statements that cannot both be true.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.planted.lives import (
    CURRENCIES,
    NIGHTS,
    OWNERS,
    PIPELINE_OF,
    Life,
    Told,
    distinct_changes,
    in_order,
    moved,
    stage_dates,
    tell,
    values_after,
)

Damage = Callable[[random.Random, Life, Told], Told | None]


@dataclass(frozen=True)
class Source:
    """What a source states of its deals besides their records and histories."""

    name: str
    system: str
    gives_old_values: bool
    gives_dates: bool
    gives_list: bool
    history_is_whole: bool
    pipelines_own_stages: bool


HUBSPOT = Source("hubspot", "hubspot", False, True, True, True, True)
HUBSPOT_UNDATED = Source("hubspot without stage dates", "hubspot", False, False, True, True, True)
FILES = Source("files with old values", "files", True, False, False, False, False)
FILES_BARE = Source("files without old values", "files", False, False, False, True, False)
SOURCES = (HUBSPOT, HUBSPOT_UNDATED, FILES, FILES_BARE)


def contradictions(source: Source, told: Told) -> set[str]:
    """Which of the source's statements cannot be true together: the evidence of a fault. Empty: nobody could tell."""
    found: set[str] = set()
    if told.record is None:
        if source.gives_list and told.listed:
            found |= {"list"} | ({"totals"} if told.counted else set())
        if source.system == "files" and told.history:
            found.add("history without a deal")
        return found
    if told.is_deleted:
        return found
    changes = distinct_changes(told.history)
    for name, taken in changes.items():
        if taken and taken[-1][1] != told.record[name]:
            found.add("record")
    if source.gives_old_values:
        found |= _broken_chain(told)
    if source.gives_dates and _dates_differ(told):
        found.add("stage dates")
    if source.history_is_whole and changes["stage"] and changes["stage"][0][0] > told.created_at:
        found.add("beginning")
    if source.pipelines_own_stages and _leaves_its_pipeline(told):
        found.add("pipeline's stages")
    if told.missing_stage == told.record["stage"] or PIPELINE_OF[told.record["stage"]] != told.record["pipeline"]:
        found.add("list of stages")
    if source.gives_list:
        if not told.listed:
            found.add("list")
        ours = {name: taken[-1][1] if taken else told.record[name] for name, taken in changes.items()}
        counted = ("pipeline", "stage", "currency", "amount")
        if told.counted is None or any(told.counted[name] != ours[name] for name in counted):
            found.add("totals")
    return found


def is_harmless(life: Life, told: Told) -> bool:
    """The facts are the same with and without the fault."""
    return (
        told.record == life.record
        and told.missing_stage is None
        and not told.is_deleted
        and told.listed
        and distinct_changes(told.history) == distinct_changes(life.events)
    )


def _broken_chain(told: Told) -> set[str]:
    before: dict[str, str] = {}
    for event in in_order(told.history):
        if event.old is not None and event.old != before.get(event.field, event.old):
            return {"old values"}
        before[event.field] = event.value
    return set()


def _dates_differ(told: Told) -> bool:
    ours = stage_dates(told.history)
    for stage, (entered, left) in told.dates.items():
        if stage not in ours or ours[stage][0] != entered:
            return True
        if left is not None and ours[stage][1] is not None and left != ours[stage][1]:
            return True
    return False


def _leaves_its_pipeline(told: Told) -> bool:
    values: dict[str, str] = {}
    events = in_order(told.history)
    for number, event in enumerate(events):
        values[event.field] = event.value
        is_last_of_instant = number + 1 == len(events) or events[number + 1].at > event.at
        if is_last_of_instant and PIPELINE_OF.get(values.get("stage", "")) not in (None, values.get("pipeline")):
            return True
    return False


# --- the kinds -----------------------------------------------------------------------------------------------------


def _lose(name: str, last: bool) -> Damage:
    """The last event of a field is lost, or one between its first and its last."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of(name)
        if len(events) < (2 if last else 3):
            return None
        gone = events[-1] if last else rng.choice(events[1:-1])
        told.history = [event for event in life.events if event is not gone]
        return told

    return damage


def _lose_middle_stage(is_entered_again: bool) -> Damage:
    """A move in the middle; only the latest stay in each stage is dated, so it matters whether the stage was entered again."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of("stage")
        places = [
            place
            for place in range(1, len(events) - 1)
            if any(later.value == events[place].value for later in events[place + 1 :]) == is_entered_again
        ]
        if not places:
            return None
        gone = events[rng.choice(places)]
        told.history = [event for event in life.events if event is not gone]
        return told

    return damage


def _double(when: str) -> Damage:
    """A move is told twice: at once, or again after a later one."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of("stage")
        if len(events) < 3:
            return None
        place = rng.randrange(1, len(events) - 1)
        twin = events[place]
        if when == "at once":
            told.history.append(moved(twin, order=twin.order * 1000))
            return told
        after = rng.randrange(place + 1, len(events))
        until = events[after + 1].at if after + 1 < len(events) else NIGHTS[0] - timedelta(hours=2)
        if events[after].value == twin.value or until - events[after].at < timedelta(minutes=10):
            return None
        at = events[after].at + (until - events[after].at) / 2
        told.history.append(moved(twin, at=_to_the_second(at), order=len(life.events) + 1))
        return told

    return damage


def _shift(past_a_neighbour: bool) -> Damage:
    """A move has another instant: before the one before it, or between its neighbours."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of("stage")
        places = range(2, len(events)) if past_a_neighbour else range(1, len(events))
        if not places:
            return None
        place = rng.choice(places)
        event, before = events[place], events[place - 1]
        earliest = events[place - 2].at if past_a_neighbour else before.at
        latest = before.at if past_a_neighbour else event.at
        at = _to_the_second(earliest + (latest - earliest) / 2)
        if latest - earliest < timedelta(minutes=10) or abs(at - event.at) < timedelta(minutes=5):
            return None
        told.history = [moved(event, at=at) if one is event else one for one in life.events]
        return told

    return damage


def _swap_a_tie(rng: random.Random, life: Life, told: Told) -> Told | None:
    """Two changes of one field at one instant come in the other order."""
    pairs = [
        (first, second)
        for name in ("stage", "amount")
        for first, second in zip(life.of(name)[1:], life.of(name)[2:], strict=False)
        if first.at == second.at and {one.field for one in life.events if one.at == first.at} == {name}
    ]
    if not pairs:
        return None
    first, second = rng.choice(pairs)
    orders = {id(first): second.order, id(second): first.order}
    told.history = [moved(one, order=orders[id(one)]) if id(one) in orders else one for one in life.events]
    return told


def _miss_the_deal(rng: random.Random, life: Life, told: Told) -> Told | None:
    told.record = None
    return told


def _cut_the_history(rng: random.Random, life: Life, told: Told) -> Told | None:
    since = NIGHTS[0] - timedelta(days=30)
    stages = life.of("stage")
    if len(stages) < 3 or not stages[0].at < stages[1].at < since < stages[-1].at:
        return None
    told.history = [event for event in life.events if event.at >= since]
    return told


def _pipeline_wrong(where: str) -> Damage:
    """A change of pipeline names the other pipeline: its last, one before, or history and record both."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of("pipeline")
        if where == "middle":
            if len(events) < 3:
                return None
            gone = rng.choice(events[1:-1])
            told.history = [moved(event, value=str(event.old)) if event is gone else event for event in life.events]
            return told
        if len(events) < 2:
            return None
        wrong = str(events[-1].old)
        told.history = [moved(event, value=wrong) if event is events[-1] else event for event in life.events]
        if where == "everywhere" and told.record is not None:
            told.record["pipeline"] = wrong
        return told

    return damage


def _arrive_late(what: str) -> Damage:
    """On the first night the history lacks an event that the record shows; or the whole deal is told as it was before its last event."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of("stage")
        if len(events) < 3:
            return None
        if what == "last event":
            told.history = [event for event in life.events if event is not events[-1]]
        elif what == "middle event":
            gone = rng.choice(events[1:-1])
            told.history = [event for event in life.events if event is not gone]
        else:
            known = [event for event in life.events if event.at < events[-1].at]
            told.history, told.record, told.dates = known, values_after(known), stage_dates(known)
        return told

    return damage


def _wrong_everywhere(name: str, values: tuple[str, ...]) -> Damage:
    """The last event of a field and the record both have the value before: an outdated copy of both."""

    def damage(rng: random.Random, life: Life, told: Told) -> Told | None:
        events = life.of(name)
        if len(events) < 2 or told.record is None:
            return None
        told.history = [event for event in life.events if event is not events[-1]]
        told.record[name] = events[-2].value
        return told if not values or told.record[name] in values else None

    return damage


def _lose_the_deletion(rng: random.Random, life: Life, told: Told) -> Told | None:
    """Deleted in the CRM between the nights; the warehouse is not told, the CRM's list and totals do without it."""
    told.listed, told.counted = False, None
    return told


def _lose_a_stage_definition(rng: random.Random, life: Life, told: Told) -> Told | None:
    told.missing_stage = life.record["stage"]
    return told


def _to_the_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `night`: when it is there to be seen, 0 the first; `heals`: the second night tells the truth."""

    name: str
    damage: Damage
    night: int = 0
    heals: bool = False

    def plant(self, rng: random.Random, life: Life) -> Told | None:
        """What is told of the life with this fault; None when the life has no place for it."""
        return self.damage(rng, life, tell(life))


KINDS = (
    Kind("middle move lost", _lose_middle_stage(is_entered_again=False)),
    Kind("middle move lost, stage entered again", _lose_middle_stage(is_entered_again=True)),
    Kind("last move lost", _lose("stage", last=True)),
    Kind("move doubled, at once", _double("at once")),
    Kind("move doubled, later", _double("later")),
    Kind("move shifted past another", _shift(past_a_neighbour=True)),
    Kind("move shifted between its neighbours", _shift(past_a_neighbour=False)),
    Kind("tie swapped", _swap_a_tie),
    Kind("deal missing", _miss_the_deal),
    Kind("history cut to 30 days", _cut_the_history),
    Kind("last amount lost", _lose("amount", last=True)),
    Kind("middle amount lost", _lose("amount", last=False)),
    Kind("last amount lost, record outdated too", _wrong_everywhere("amount", ())),
    Kind("wrong pipeline, last", _pipeline_wrong("last")),
    Kind("wrong pipeline, in between", _pipeline_wrong("middle")),
    Kind("wrong pipeline, record too", _pipeline_wrong("everywhere")),
    Kind("last move arrives late", _arrive_late("last event"), heals=True),
    Kind("middle move arrives late", _arrive_late("middle event"), heals=True),
    Kind("newest version arrives late", _arrive_late("version"), heals=True),
    Kind("last owner lost", _lose("owner", last=True)),
    Kind("middle owner lost", _lose("owner", last=False)),
    Kind("last expected close lost", _lose("expected_close", last=True)),
    Kind("middle expected close lost", _lose("expected_close", last=False)),
    Kind("last currency lost", _lose("currency", last=True)),
    Kind("wrong currency, record too", _wrong_everywhere("currency", CURRENCIES)),
    Kind("wrong owner, record too", _wrong_everywhere("owner", OWNERS)),
    Kind("deletion lost", _lose_the_deletion, night=1),
    Kind("stage definition lost", _lose_a_stage_definition),
)
"""Every kind is planted in every source."""
