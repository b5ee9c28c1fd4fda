"""Plants one loss a night and reads off what the reconciliation says, beside what it says of the same night with nothing lost.

The nights are landed and loaded as the product does it. The models that the reconciliation stands on are run from the project's own compiled
SQL: every night twice on the state of the night before, in a transaction each. Without the lost record the transaction is rolled back, with
everything in its place it is committed.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from extractors.core.settings import read_settings
from tests.mutants.project import DataTest, Model, Project
from tests.reconciliation.company import KINDS, Company, Night
from warehouse.lease import Lease
from warehouse.load import load
from watertight import night as steps

Report = Callable[[str], None]

TARGETS = ("mart_ops__reconciliation", "int_crm__listed_deals")
#: what can be lost on nights without and with a list of all deals: amounts come with the list alone, which also mends a lost deletion
LOSSES = {False: ("new deal", "stage update", "deletion"), True: ("amount update", "new deal", "stage update")}


@dataclass(frozen=True)
class Outcome:
    """One night. `found`: the severities of the tests that named a stage of the lost deal; `is_named`: its id was given too."""

    night: int
    is_listed: bool
    kind: str
    deal: str
    found: tuple[str, ...]
    is_named: bool
    elsewhere: tuple[str, ...]
    false_alarms: tuple[str, ...]
    explained: int


def prove(
    folder: Path, project: Project, deals: int, nights: int, seed: int, say: Report = lambda line: None
) -> list[Outcome]:
    """One loss on each of `nights` nights of a company of `deals` deals. The same seed gives the same company and losses."""
    settings = read_settings(_env_file=None, home_dir=folder / "home", hubspot_token="not-used")
    company = Company(settings, deals, seed)
    lease = Lease.take(settings.home, one_process=True)
    load(settings, lease, steps.raw_tables())
    say(f"{deals} deals are loaded")
    ledger = Ledger(folder / "ledger.duckdb", settings.warehouse_file, project)
    ledger.build()
    assert not ledger.alarms(), ledger.alarms()
    say("their ledger is built")
    rng = random.Random(seed)
    kinds = {is_listed: itertools.cycle(losses) for is_listed, losses in LOSSES.items()}
    outcomes = []
    for number in range(1, nights + 1):
        night = company.live_on()
        load(settings, lease, steps.raw_tables())
        kind = next(kinds[night.is_listed])
        outcomes.append(_judge(ledger, company, night, kind, rng.choice(night.candidates[kind])))
        found, alarms = ", ".join(outcomes[-1].found) or "nobody", len(outcomes[-1].false_alarms)
        say(f"night {number}: {kind}, found by {found}; {alarms} false alarms")
    lease.release()
    return outcomes


def _judge(ledger: Ledger, company: Company, night: Night, kind: str, deal: str) -> Outcome:
    assert kind in KINDS
    ledger.begin(lost=deal)
    places = company.places_of(deal)
    alarms = ledger.alarms()
    ledger.end(keep=False)
    ledger.begin()
    false_alarms = ledger.alarms()
    explained = ledger.explained()
    ledger.end(keep=True)
    hits = [alarm for alarm in alarms if alarm.place in places]
    return Outcome(
        night.number,
        night.is_listed,
        kind,
        deal,
        tuple(sorted({alarm.severity for alarm in hits})),
        any(deal in alarm.deals for alarm in hits),
        tuple(sorted({"|".join(alarm.place) for alarm in alarms} - {"|".join(alarm.place) for alarm in hits})),
        tuple(sorted({"|".join(alarm.place) for alarm in false_alarms})),
        explained,
    )


@dataclass(frozen=True)
class Alarm:
    """One row of a failing test: error or warning, (pipeline, stage), ids of deals."""

    severity: str
    place: tuple[str, str]
    deals: frozenset[str]


class Ledger:
    """The models behind the reconciliation in one database file, brought forward night by night."""

    def __init__(self, file: Path, warehouse: Path, project: Project) -> None:
        self._connection = duckdb.connect(str(file))
        self._connection.execute("set timezone = 'UTC'")
        self._warehouse = warehouse
        wanted: set[str] = set(TARGETS)
        for model in reversed(project.models.values()):
            if model.name in wanted:
                wanted |= model.parents
        self._models = [model for model in project.models.values() if model.name in wanted]
        self._tests = [test for test in project.tests if test.label.startswith("equals_control_totals on mart_ops__")]
        assert len(self._tests) == 2
        for seed, path in project.seeds.items():
            self._connection.execute(f"create table {seed} as from read_csv('{path}', header = true, nullstr = '')")

    def build(self) -> None:
        """Everything that is loaded, from nothing."""
        for table in self._take_over(first=True):
            self._connection.execute(f'create table "{table}" as from source.raw."{table}"')
        self._connection.execute("detach source")
        for model in self._models:
            self._create(model, model.full)

    def begin(self, lost: str | None = None) -> None:
        """Opens a transaction and runs the newest loads, without one deal's record if it was lost."""
        tables = self._take_over(first=False)
        self._connection.execute("begin")
        for table in tables:
            column = "load_number" if table.startswith("_") else "_load_number"
            without = f"and _source_id <> '{lost}'" if lost and table == "hubspot__deals" else ""
            self._connection.execute(
                f'insert into "{table}" from source.raw."{table}" where {column} > (select coalesce(max({column}), 0) from "{table}") {without}'
                if table in ("_loads", "_control_totals")
                else f'insert into "{table}" from source.raw."{table}" where {column} > (select max(load_number) from before) {without}'
            )
        for model in self._models:
            if not model.is_incremental:
                self._create(model, model.increment)
                continue
            if "newest_load" in model.increment:
                self._connection.execute(
                    f'set variable newest_load = (select coalesce(max(_load_number), 0) from "{model.name}")'
                )
            self._connection.execute(f"create or replace temp table arrived as {model.increment.strip().rstrip(';')}")
            if model.unique_key:
                key = ", ".join(model.unique_key)
                self._connection.execute(
                    f'delete from "{model.name}" where ({key}) in (select {key} from temp.arrived)'
                )
            self._connection.execute(f'insert into "{model.name}" by name from temp.arrived')

    def end(self, keep: bool) -> None:
        """Commits or forgets."""
        self._connection.execute("commit" if keep else "rollback")
        self._connection.execute("detach source")

    def alarms(self) -> list[Alarm]:
        """What the two data tests say of the newest night."""
        return [alarm for test in self._tests for alarm in self._rows(test)]

    def explained(self) -> int:
        """Differences of the newest night that deals changed meanwhile explain."""
        [(count,)] = self._connection.execute("""
            select count(*) from mart_ops__reconciliation
            where verdict = 'explained' and run_id = (select max(run_id) from mart_ops__reconciliation)
        """).fetchall()
        return int(count)

    def _rows(self, test: DataTest) -> list[Alarm]:
        found = self._connection.execute(f"select guilty_key, source_deal_ids from ({test.sql}\n)").fetchall()
        alarms = []
        for key, deals in found:
            _, _, pipeline, stage = key.split("|")
            alarms.append(Alarm(test.severity, (pipeline, stage), frozenset((deals or "").split())))
        return alarms

    def _take_over(self, first: bool) -> list[str]:
        self._connection.execute(f"attach '{self._warehouse}' as source (read_only)")
        if not first:
            self._connection.execute(
                "create or replace temp table before as select max(load_number) as load_number from _loads"
            )
        rows = self._connection.execute(
            "select table_name from duckdb_tables() where database_name = 'source' and schema_name = 'raw' and table_name <> '_accepted'"
        ).fetchall()
        return [table for (table,) in rows]

    def _create(self, model: Model, query: str) -> None:
        if not model.columns:
            self._connection.execute(f'create or replace table "{model.name}" as {query}')
            return
        names = ", ".join(f'"{name}"' for name, _, _ in model.columns)
        self._connection.execute(f"create or replace temp table made as select {names} from ({query})")
        self._connection.execute(f'create or replace table "{model.name}" ({model.ddl})')
        self._connection.execute(f'insert into "{model.name}" ({names}) from temp.made')
