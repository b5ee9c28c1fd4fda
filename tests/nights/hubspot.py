"""One night on the simulated HubSpot by the product's own steps, and what it holds beside what is true.

What raw and the facts hold is asked of their files; what they should hold is worked out from the truth log by `tests.e2e.truth_ledger`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from extractors.core.settings import Settings, read_settings
from simulator import truth
from simulator.server import Simulation
from tests.e2e.truth_ledger import (
    INDEX_LAG,
    Move,
    instant,
    is_forgotten_absence,
    is_gone,
    is_out_of_reach,
    last_seen_before_merge,
    moves_of,
    possible_states,
)

Lives = Mapping[str, list[truth.Event]]
#: field of the truth log → property whose history tells of it
HISTORIES = {"stage": "dealstage", "pipeline": "pipeline", "amount": "amount", "currency": "deal_currency_code"}


def settings_for(home: Path, simulation: Simulation, **more: Any) -> Settings:
    """The settings of a home that extracts from the simulation; a sweep every third night."""
    return read_settings(
        home_dir=home,
        hubspot_token=simulation.token,
        hubspot_url=simulation.url,
        files_dir=simulation.home / "files",
        simulated_time=True,
        sweep_days=3,
        _env_file=None,
        **more,
    )


class Published(NamedTuple):
    """A ledger, and when it was asked for: everything recorded by `data_through` is in it, nothing recorded after `asked_until`."""

    data_through: datetime
    asked_until: datetime
    ledger: Mapping[str, list[tuple[str, Move]]]


class Night:
    """One night's publication beside what was true when it was made."""

    def __init__(self, settings: Settings, simulation: Simulation, loaded: dict[str, dict[str, Any]]) -> None:
        self.loaded = loaded
        self.asked_until = asked_until(simulation)
        self.night = simulation.world.clock.night
        with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
            self.data_through: datetime = connection.execute(
                "select data_through from dim_sources where source_system = 'hubspot'"
            ).fetchall()[0][0]
            self.ledger = self._read_ledger(connection)
            self.statuses = dict(
                connection.execute(
                    "select source_deal_id, deal_status from dim_deals where source_system = 'hubspot'"
                ).fetchall()
            )

    @staticmethod
    def _read_ledger(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, Move]]]:
        rows = connection.execute("""
            select deals.source_deal_id, moves.transition_kind, moves.transitioned_at, stages.source_pipeline_id,
                stages.source_stage_id, moves.deal_amount, moves.currency_code
            from fct_deal_stage_transitions as moves
            join dim_deals as deals using (deal_key)
            left join dim_stages as stages on stages.stage_key = moves.to_stage_key and stages.is_current
            where deals.source_system = 'hubspot'
            order by moves.deal_key, moves.transition_number
        """).fetchall()
        ledger = defaultdict(list)
        for deal, kind, *move in rows:
            ledger[deal].append((kind, Move(*move)))
        return dict(ledger)


@dataclass
class Compared:
    """What a comparison with the truth found. `unsettled`: deals that changed while the night was asking, comparable in several states."""

    differences: list[str] = field(default_factory=list)
    deals: int = 0
    events: int = 0
    unsettled: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


def asked_until(simulation: Simulation) -> datetime:
    """The simulation's now, UTC without a zone."""
    return datetime.fromisoformat(simulation.world.clock.iso()).replace(tzinfo=None)


def _states(life: list[truth.Event], data_through: datetime, until: datetime) -> list[list[truth.Event]]:
    """The lives that a night may show of a deal. One that was modified once more behind the end of the window is found by no search of that
    night, since its date moved on: it stays as it was the night before."""
    states = list(possible_states(life, data_through - INDEX_LAG, until))
    if any(data_through < instant(event.recorded_at) <= until for event in life):
        states = list(possible_states(life, data_through - timedelta(days=1) - INDEX_LAG, until))
    return states


def compare_core(night: Night | Published, lives: Lives, first_asked: datetime) -> Compared:
    """Every transition of every deal, with its instant and amount, against the truth as known on that night."""
    found = Compared()
    for deal, life in lives.items():
        if deal not in night.ledger and is_out_of_reach(life, first_asked):
            continue  # the CRM itself does not know it any more
        states = _states(life, night.data_through, night.asked_until)
        if not any(states):
            continue
        found.deals += 1
        found.unsettled += len(states) > 1
        ledger = night.ledger.get(deal, [])
        found.events += len(ledger)
        found.kinds.update(kind for kind, _ in ledger)
        if not any(
            agrees(ledger, seen, first_asked) for state in states for seen in (state, last_seen_before_merge(state))
        ):
            found.differences.append(f"{deal}: expected {moves_of(states[-1])}, found {ledger}")
    found.differences += [f"{deal}: never was" for deal in sorted(set(night.ledger) - set(lives))]
    return found


def agrees(found: list[tuple[str, Move]], state: list[truth.Event], first_asked: datetime) -> bool:
    """Equal transition for transition. Two things HubSpot does not date are compared without their instant: a restoration
    (seen at the next visit) and a deletion without a trace (noticed by the comparison of ids, if that has run since). Archived
    and restored before anybody asked leaves nothing to see."""
    if not any(event.kind == "created" for event in state):
        return (
            not found
        )  # nothing of it, or all that is known is that it was merged away: it came and went between two nights
    expected = moves_of([event for event in state if not is_forgotten_absence(state, event, first_asked)])
    if is_gone(state):
        if found and found[-1][0] == "deleted" and found[-1][1].at > expected[-1].at:
            found = found[:-1]
        return [move for _, move in found] == expected  # as it was last seen
    moves = [move for _, move in found]
    restored = {index for index, (kind, _) in enumerate(found) if kind == "restored"}
    if len(moves) != len(expected):
        return False
    return all(
        move[1:] == wanted[1:] if index in restored else move == wanted
        for index, (move, wanted) in enumerate(zip(moves, expected, strict=True))
    )


def compare_raw(settings: Settings, simulation: Simulation, lives: Lives, first_asked: datetime) -> Compared:
    """The histories in the newest version of every deal in raw against the truth's events, field by field."""
    found = Compared()
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        data_through = connection.execute(
            "select max(data_through) from raw._loads where source_system = 'hubspot' and resource = 'deals'"
        ).fetchall()[0][0]
        held = {
            deal: (is_deleted, json.loads(payload))
            for deal, is_deleted, payload in connection.execute("""
                select _source_id, _is_deleted, payload from raw.hubspot__deals
                qualify row_number() over (partition by _account, _source_id order by _load_number desc, _record_number desc) = 1
            """).fetchall()
        }
    until = asked_until(simulation)
    for deal, life in lives.items():
        states = [state for state in _states(life, data_through, until) if state]
        if not states or (deal not in held and is_out_of_reach(life, first_asked)):
            continue
        found.deals += 1
        found.unsettled += len(states) > 1
        if deal not in held:
            # Made and merged away between two nights it was in no answer.
            if all(_was_made(last_seen_before_merge(state)) for state in states):
                found.differences.append(f"{deal}: not in raw")
            continue
        is_deleted, payload = held[deal]
        told = _told(payload)
        found.events += len(told)
        is_absent = [not _is_live(state) for state in states]
        if all(is_absent) or (is_deleted and any(is_absent)):
            # As it was last seen: an absence without a trace is found by the next sweep, what happened before it may be lost with the deal.
            if not any(_is_beginning(told, _events(state)) for state in states):
                found.differences.append(f"{deal}: raw tells of {told}, which never was")
        elif is_deleted or not any(told == _events(state) for state in states):
            found.differences.append(f"{deal}: expected {_events(states[-1])}, raw has {told}, deleted: {is_deleted}")
    found.differences += [f"{deal}: in raw and never was" for deal in sorted(set(held) - set(lives))]
    return found


def _was_made(life: list[truth.Event]) -> bool:
    return any(event.kind == "created" for event in life)


def _told(payload: dict[str, Any]) -> Counter[tuple[str, datetime, str | None]]:
    return Counter(
        (name, instant(entry["timestamp"]), _value(name, entry["value"]))
        for name, property_name in HISTORIES.items()
        for entry in payload["propertiesWithHistory"].get(property_name, [])
    )


def _events(life: list[truth.Event]) -> Counter[tuple[str, datetime, str | None]]:
    return Counter(
        (str(event.field), instant(event.happened_at), _value(str(event.field), event.new))
        for event in life
        if event.kind == "changed" and event.field in HISTORIES
    )


def _is_beginning(told: Counter[Any], events: Counter[Any]) -> bool:
    return not told - events


def _is_live(life: list[truth.Event]) -> bool:
    kinds = [event.kind for event in life if event.kind in ("archived", "restored", "deleted", "merged")]
    return not kinds or kinds[-1] == "restored"


def _value(name: str, text: str | None) -> str | None:
    if not text:
        return None
    return f"{Decimal(text):.2f}" if name == "amount" else text
