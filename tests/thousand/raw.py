"""Raw beside the truth: the newest version of every record against what the CRM shows of its entity, all entities, every night."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec

from tests.thousand import hubspot, pipedrive, salesforce
from tests.thousand.entity import Entity, Facts
from tests.thousand.lives import Life, Lives, known_at, states_between
from tests.thousand.readings import held_after

ENTITIES: Mapping[str, tuple[Entity, ...]] = {
    "hubspot": hubspot.entities(),
    "salesforce": salesforce.entities(),
    "pipedrive": pipedrive.entities(),
}
#: tables that are compared as a whole (`listed`)
LISTS: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("exchange_rates", "deal_pipelines"),
    "salesforce": ("dated_conversion_rates", "currency_types", "opportunity_stages"),
    "pipedrive": ("currencies", "stages"),
}


class Asked(NamedTuple):
    """One night's reading of one table: everything recorded by `through` is in it, nothing recorded after `until`."""

    through: datetime
    until: datetime


@dataclass
class Record:
    """The newest version held of one id. `load` brought its payload; who was only marked as gone later keeps it. `said` is worked out when it is first
    compared."""

    is_deleted: bool
    payload: dict[str, Any]
    load: int
    said: Facts | None = None


@dataclass
class Table:
    """What raw holds of one table, folded version by version."""

    records: dict[str, Record] = field(default_factory=dict)
    versions: int = 0
    newest_load: int = 0
    hashes: dict[str, object] = field(default_factory=dict)
    #: of a table of children: the newest version of each row by the parent it names
    by_parent: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))


@dataclass
class Compared:
    """What the comparisons of one night found."""

    differences: list[str] = field(default_factory=list)
    entities: Counter[str] = field(default_factory=Counter)
    events: int = 0
    unsettled: int = 0


#: of an entity that agreed, what its verdict rests on: the length of its life and the version of its record
Agreed = tuple[int, object]


class Raw:
    """The raw tables of one home, followed from night to night. An entity that agreed with the truth and had settled is compared again when its life
    or its record goes on.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._tables: dict[str, Table] = defaultdict(Table)
        #: table → its nights, oldest first; and the comparisons of ids that judged it
        self._asked: dict[str, list[Asked]] = defaultdict(list)
        self._sweeps: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
        self._loads_read = 0
        self._read_in: dict[int, Asked] = {}
        self._agreed: dict[tuple[str, str, str], Agreed] = {}

    def follow(self, ends: Mapping[str, datetime]) -> list[str]:
        """Takes in what was loaded since the last time; `ends`: when each run had asked everything. Returns what may never be in raw."""
        wrong: list[str] = []
        with duckdb.connect(str(self._file), read_only=True, config={"threads": 1}) as connection:
            for number, source, resource, run_id, through, extracted, sweep_of in connection.execute(
                "select distinct load_number, source_system, resource, run_id, data_through, extracted_at, sweep_of from raw._loads "
                "where load_number > ? order by load_number",
                [self._loads_read],
            ).fetchall():
                self._loads_read = number
                # A run that was cut off after its load left no end: nothing can have been asked later than this.
                until = ends.get(run_id, extracted + timedelta(hours=3))
                self._read_in[number] = Asked(through, until)
                self._asked[f"{source}__{resource}"].append(self._read_in[number])
                if sweep_of:
                    self._sweeps[f"{source}__{sweep_of}"].append((extracted, until))
            for crm, entities in ENTITIES.items():
                tables = dict.fromkeys([*(entity.table for entity in entities), *LISTS[crm]])
                parents = {child: key for entity in entities for child, key in entity.children.items()}
                for name, parent in (tables | parents).items():
                    wrong += self._fold(connection, f"{crm}__{name}", parent)
        return wrong

    def _fold(self, connection: duckdb.DuckDBPyConnection, name: str, parent: str | None) -> Iterator[str]:
        table = self._tables[name]
        decode = msgspec.json.Decoder().decode
        for source_id, is_deleted, payload, load_number, version in connection.execute(
            f'select _source_id, _is_deleted, payload::varchar, _load_number, _version_hash from raw."{name}" where _load_number > ? '
            "order by _load_number, _record_number",
            [table.newest_load],
        ).fetchall():
            table.versions += 1
            table.newest_load = max(table.newest_load, load_number)
            if table.hashes.get(source_id) == version:
                yield f"{name} {source_id}: the same version twice, again in load {load_number}"
            table.hashes[source_id] = version
            said = decode(payload)
            before = table.records.get(source_id)
            is_marked = before is not None and before.payload == said
            brought = before.load if before is not None and is_marked else load_number
            table.records[source_id] = Record(is_deleted, said, brought)
            if parent is not None:
                table.by_parent[said[parent]][source_id] = said
        held = connection.execute(f'select count(*) from raw."{name}"').fetchall()[0][0]
        if held != table.versions:
            yield f"{name}: {held} versions, and {table.versions} were seen to come"

    def asked(self, name: str) -> list[Asked]:
        """The nights of a table, oldest first."""
        return self._asked[name]

    def read_in(self, record: Record) -> Asked:
        """The reading that brought what a record says."""
        return self._read_in[record.load]

    def records(self, name: str) -> dict[str, Record]:
        """The newest version of every record of a table, by id."""
        return self._tables[name].records

    def compare(self, lives: Lives, first_asked: datetime) -> Compared:
        """Every entity of every CRM."""
        found = Compared()
        for crm, entities in ENTITIES.items():
            known: dict[str, set[str]] = defaultdict(set)
            for entity in entities:
                name = f"{crm}__{entity.table}"
                if not self._asked[name]:
                    found.differences.append(f"{name}: was never loaded")
                    continue
                table = self._tables[name]
                for number, life in lives.of[entity.kind].items():
                    if not entity.is_kept(life):
                        continue
                    identity = entity.identity(number)
                    known[name].add(identity)
                    place, rests_on = (name, entity.kind, identity), (len(life), table.hashes.get(identity))
                    if self._agreed.get(place) == rests_on:
                        found.entities[f"{crm} {entity.kind}"] += 1
                        found.events += len(life)
                        continue
                    wrong = self._compare(crm, entity, table, identity, life, first_asked, found)
                    if wrong:
                        found.differences.append(f"{crm} {entity.kind} {identity} ({entity.table}): {wrong}")
                    elif self._has_settled(entity, name, identity, life):
                        self._agreed[place] = rests_on
            for name, ids in known.items():
                for stranger in sorted(self._tables[name].records.keys() - ids - _STRANGERS.get(name, set())):
                    found.differences.append(f"{name} {stranger}: never was")
        return found

    def _compare(
        self, crm: str, entity: Entity, table: Table, identity: str, life: Life, first_asked: datetime, found: Compared
    ) -> str | None:
        name = f"{crm}__{entity.table}"
        nights = self._asked[name]
        low, high = settled(nights, len(nights) - 1, entity.lag), nights[-1].until
        states = list(states_between(life, low, high))
        if not states[-1]:
            return None  # it lies in the future
        outcomes: list[tuple[bool, Facts]] = []
        may_be_absent = not states[0]
        if entity.view is not None:
            held = held_after(entity, life, nights, self._sweeps[name])
            outcomes, may_be_absent = [each for each in held if each], None in held
        for state in states if entity.view is None else []:
            if not state:
                continue
            end = entity.end_of(state)
            if end is None:
                outcomes.append((False, entity.shows(state)))
                continue
            event, leaving = end
            if leaving in ("marked", "kept"):
                outcomes.append((leaving == "marked", entity.shows(state)))
                may_be_absent |= (
                    event.recorded + entity.stays <= first_asked if entity.stays != timedelta.max else False
                )
                if leaving == "kept" and not self._was_ever_seen(nights, state, event.recorded, entity):
                    may_be_absent = True
            else:
                seen, unseen = self._last_seen(nights, life, event.recorded, entity)
                may_be_absent |= unseen or event.recorded <= first_asked
                for each in seen:
                    facts = entity.shows(each)
                    sweeps = self._sweeps[name] if leaving == "swept" else []
                    if any(until >= event.recorded for _, until in sweeps):
                        outcomes.append((True, facts))
                    if not any(began >= event.recorded + entity.lag for began, _ in sweeps):
                        outcomes.append((False, facts))
        found.unsettled += len(states) > 1
        record = table.records.get(identity)
        if record is None:
            may_be_absent |= any(entity.is_empty(facts) for _, facts in outcomes)
            return None if may_be_absent else f"not in raw, expected {outcomes[-1]}"
        found.entities[f"{crm} {entity.kind}"] += 1
        found.events += len(states[0])
        if record.said is None or entity.children:
            record.said = entity.says(record.payload, self._children(crm, entity, identity))
        told = (record.is_deleted, record.said)
        if told in outcomes:
            return None
        return f"raw says {_short(told, outcomes)}"

    def _has_settled(self, entity: Entity, name: str, identity: str, life: Life) -> bool:
        """Whether no later night can expect anything else of it: it is there, all of its life was read, and only its own record tells of it."""
        nights = self._asked[name]
        is_there = entity.end_of(life) is None if entity.view is None else entity.view(life, nights[-1].until) is False
        return (
            identity in self._tables[name].records
            and not entity.children
            and is_there
            and max(event.recorded for event in life) <= settled(nights, len(nights) - 1, entity.lag)
        )

    def _children(self, crm: str, entity: Entity, identity: str) -> dict[str, list[dict[str, Any]]]:
        return {
            child: list(self._tables[f"{crm}__{child}"].by_parent.get(identity, {}).values())
            for child in entity.children
        }

    @staticmethod
    def _was_ever_seen(nights: list[Asked], state: Life, end: datetime, entity: Entity) -> bool:
        return bool(known_at(state, nights[0].through)) or end > nights[0].until

    @staticmethod
    def _last_seen(nights: list[Asked], life: Life, end: datetime, entity: Entity) -> tuple[list[Life], bool]:
        """The states in which an entity may last have been read before its end; and whether it may never have been."""
        before = [place for place, night in enumerate(nights) if night.until < end]
        low = settled(nights, before[-1], entity.lag) if before else _BEGINNING
        upto = [night.until for night in nights if night.through < end]
        high = min(end - timedelta(milliseconds=1), max(upto, default=_BEGINNING))
        states = list(states_between(life, low, high))
        return [state for state in states if state], not states[0]


def settled(nights: list[Asked], place: int, lag: timedelta) -> datetime:
    """Up to when every life is known for certain after a night, whatever happened to it later."""
    return nights[place].through - lag


#: before all lives
_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 (instants of the log carry no zone)
#: records that belong to nobody in the truth log: users that are no sellers
_STRANGERS = {
    "salesforce__users": {salesforce.identify("User", 0)},
    "pipedrive__users": {str(pipedrive.ADMIN_ID)},
}


def _short(told: tuple[bool, Facts], outcomes: list[tuple[bool, Facts]]) -> str:
    """Only what differs from the last outcome."""
    if not outcomes:
        return f"{told}, expected nothing"
    deleted, facts = outcomes[-1]
    wrong = [] if told[0] == deleted else [f"deleted: {told[0]}, expected {deleted}"]
    for name in sorted(facts.keys() | told[1].keys()):
        ours, theirs = told[1].get(name), facts.get(name)
        if ours == theirs:
            continue
        if isinstance(ours, Counter) and isinstance(theirs, Counter):
            wrong.append(f"{name}: too much {dict(ours - theirs)}, missing {dict(theirs - ours)}")
        else:
            wrong.append(f"{name}: {ours}, expected {theirs}")
    return "; ".join(wrong)
