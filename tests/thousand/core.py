"""Core beside the truth: every transition of every deal, and of every other entity who is there, who is gone and how far it is."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from extractors.core.settings import Settings
from simulator import truth
from simulator.salesforce.identities import identify as salesforce_id
from tests.e2e import pipedrive_truth, salesforce_truth, truth_ledger
from tests.e2e.truth_ledger import Move
from tests.nights import hubspot as hubspot_nights
from tests.thousand import changes, links, pipedrive
from tests.thousand.lives import Lives
from tests.thousand.raw import Asked, Compared, Raw
from tests.thousand.rows import ROWS
from warehouse.build import DBT_PROJECT

Deals = Mapping[str, list[truth.Event]]
Ledger = dict[str, list[tuple[str, Move]]]


class Core:
    """Builds core, and nothing behind it, from one project that is parsed once; dbt keeps nothing of it between processes."""

    def __init__(self) -> None:
        self._manifest: Any = None

    def build(self, settings: Settings) -> None:
        """Every model up to core. Raises RuntimeError naming what failed."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        settings.build_dir.mkdir(parents=True, exist_ok=True)
        os.environ |= {
            "WATERTIGHT_WAREHOUSE_FILE": str(settings.warehouse_file),
            "WATERTIGHT_MARTS_FILE": str(settings.marts_file),
            "WATERTIGHT_DETAIL_FILE": str(settings.detail_file),
        }
        places = (
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(settings.build_dir / "target"), "--log-path", str(settings.build_dir / "logs")),
        )
        quiet = ("--log-level", "none", "--log-level-file", "none", "--no-write-json")
        try:
            if self._manifest is None:
                # A run leaves its compiled SQL in the manifest: every build begins with a fresh one.
                self._manifest = dbtRunner().invoke(["parse", *places, *quiet]).result
            which = ("--select", "+path:models/core", "--exclude-resource-type", "test", "unit_test")
            outcome = dbtRunner(manifest=self._manifest.deepcopy()).invoke(["build", *places, *which, *quiet])
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        results = list(getattr(outcome.result, "results", []))
        failed = [f"{each.node.name}: {each.message}" for each in results if each.status not in ("success", "pass")]
        if outcome.exception or not results or failed:
            raise RuntimeError(f"core could not be built: {outcome.exception or ''} {'; '.join(failed)[:2000]}")


def compare(marts: Path, raw: Raw, lives: Lives, first_asked: datetime) -> Compared:
    """Every CRM's ledger, the other changes of its deals, then every other entity."""
    found = Compared()
    with duckdb.connect(str(marts), read_only=True, config={"threads": 1}) as connection:
        for crm, differ in (("hubspot", _hubspot), ("salesforce", _salesforce), ("pipedrive", _pipedrive)):
            ledger = _ledger(connection, crm)
            asked = raw.asked(f"{crm}__{DEALS[crm]}")
            found.events += sum(map(len, ledger.values()))
            found.entities[f"{crm} transitions"] += sum(map(len, ledger.values()))
            found.differences += [f"{crm} {each}" for each in differ(ledger, lives.deals, asked, first_asked, found)]
        for compare_more in (
            changes.compare, changes.compare_leads, changes.compare_items, changes.compare_pointers, links.compare_core,
        ):  # fmt: skip
            found.differences += compare_more(connection, raw, lives, found)
        for crm, rows in ROWS.items():
            for each in rows:
                rows_held = connection.execute(each.query, [crm]).fetchall()
                held = {identity: tuple(values) for identity, *values in rows_held}
                if len(held) < len(rows_held):
                    found.differences.append(f"{crm} {each.name}: {len(rows_held)} rows of {len(held)} ids")
                expected = each.expected(raw)
                found.entities[f"{crm} {each.name}"] += len(held)
                found.differences += [
                    f"{crm} {each.name} {identity}: core has {held.get(identity)}, expected {expected.get(identity)}"
                    for identity in sorted(held.keys() | expected.keys())
                    if held.get(identity) != expected.get(identity)
                ]
    return found


#: the table that tells when a CRM's deals were asked for
DEALS = {"hubspot": "deals", "salesforce": "opportunities", "pipedrive": "deals"}


def _ledger(connection: duckdb.DuckDBPyConnection, crm: str) -> Ledger:
    rows = connection.execute(
        """
        select deals.source_deal_id, moves.transition_kind, moves.transitioned_at, stages.source_pipeline_id,
            stages.source_stage_id, moves.deal_amount, moves.currency_code
        from fct_deal_stage_transitions as moves
        join dim_deals as deals using (deal_key)
        left join dim_stages as stages on stages.stage_key = moves.to_stage_key and stages.is_current
        where deals.source_system = ?
        order by moves.deal_key, moves.transition_number
        """,
        [crm],
    ).fetchall()
    ledger: Ledger = defaultdict(list)
    for deal, kind, *move in rows:
        ledger[deal].append((kind, Move(*move)))
    return dict(ledger)


def _hubspot(ledger: Ledger, deals: Deals, asked: list[Asked], first_asked: datetime, found: Compared) -> Iterator[str]:
    night = hubspot_nights.Published(asked[-1].through, asked[-1].until, ledger)
    compared = hubspot_nights.compare_core(night, deals, first_asked)
    found.unsettled += compared.unsettled
    yield from compared.differences


def _salesforce(
    ledger: Ledger, deals: Deals, asked: list[Asked], first_asked: datetime, found: Compared
) -> Iterator[str]:
    through, until = asked[-1]
    settled = through - salesforce_truth.LONGEST_COMMIT
    known = set()
    for deal, life in deals.items():
        identity = salesforce_id("Opportunity", life[0].number)
        known.add(identity)
        moves = ledger.get(identity, [])
        if not moves and salesforce_truth.left_the_bin(life, asked[0].through):
            continue
        states = [state for state in salesforce_truth.possible_states(life, settled, until) if state]
        if not states:
            continue
        found.unsettled += len(states) > 1
        seen = [
            salesforce_truth.last_seen(state, [each.through for each in asked])
            if salesforce_truth.is_erased(state)
            else state
            for state in states
        ]
        if not any(
            salesforce_truth.agrees(moves, salesforce_truth.expected_of(each, first_asked), state)
            for each, state in zip(seen, states, strict=True)
        ):
            yield f"{deal} {identity}: expected {salesforce_truth.expected_of(seen[-1], first_asked)}, found {moves}"
    yield from (f"{identity}: never was" for identity in sorted(set(ledger) - known))


def _pipedrive(
    ledger: Ledger, deals: Deals, asked: list[Asked], first_asked: datetime, found: Compared
) -> Iterator[str]:
    through, until = asked[-1]
    known = set()
    for deal, life in deals.items():
        identity = str(pipedrive.identify("deals", life[0].number))
        known.add(identity)
        moves = ledger.get(identity, [])
        if not moves and pipedrive_truth.is_out_of_reach(truth_ledger.known_at(life, until), first_asked):
            continue
        states = list(truth_ledger.possible_states(life, through, until))
        if not any(states):
            continue
        found.unsettled += len(states) > 1
        if not any(pipedrive_truth.agrees(moves, state, first_asked) for state in states):
            yield f"{deal} {identity}: found {moves}"
    yield from (f"{identity}: never was" for identity in sorted(set(ledger) - known))
