"""The rounds: in each, every piece runs once, its reference right before and after it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.bench import bases, measure, proof, rivals
from tests.bench.bases import Base
from tests.bench.measure import Run
from tests.bench.plan import DAILY, TRANSITIONS, VISITS, Plan
from tests.bench.statements import Model

#: name of a piece → its runs, one per round
Runs = dict[str, list[Run]]
Say = Callable[[str], None]

SORT = "scan and sort"
FULL_FIRST, FULL_SECOND = "full rebuild, staging and facts", "full rebuild, dimensions and marts"
NIGHT_FIRST, NIGHT_SECOND = "night, staging and facts", "night, dimensions and marts"
TRIPLED = "night, staging and facts, three times the history"
POLARS, PANDAS = "polars", "pandas"
#: the daily pipeline like for like, and the mart as it is
CHANGES, RANGE_JOIN = "changes by day", "calendar range join"
MART_RANGE_JOIN = "calendar range join to the same rows"
#: they come with the dependency group `bench`; without it their rows say that they were not measured
RIVALS_THERE = tuple(name for name in (POLARS, PANDAS) if find_spec(name))


def ledger(base: Base, plan: Plan, models: set[str], rounds: int, scratch: Path, say: Say) -> Iterator[Runs]:
    """Each core fact and mart of `models` alone, into a new file, from read-only inputs; and what they are held against. After every round, all
    runs so far."""
    runs: Runs = {}
    table, parquet = bases.events(base)
    inputs = {name: str(base.night / f"{name}.duckdb") for name in bases.FILES}

    def alone(name: str, statement: str, attached: dict[str, str]) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        spec = {
            "main": str(scratch / "out.duckdb"), "attached": attached, "read_only": True, "statements": [[name, statement]],
        }  # fmt: skip
        _keep(runs, name, measure.run(scratch, spec), say)

    def sort() -> None:
        alone(
            SORT,
            "create table sorted as select * from events.events order by deal_key, changed_at",
            {"events": str(table)},
        )

    def daily(is_checked: bool) -> None:
        found = {}
        for name, statement in (
            (CHANGES, rivals.DAILY_BY_CHANGES),
            (RANGE_JOIN, rivals.DAILY_BY_RANGE_JOIN),
            (MART_RANGE_JOIN, rivals.MART_BY_RANGE_JOIN),
        ):
            alone(name, statement, inputs)
            if is_checked:
                found[name] = proof.fingerprints(scratch / "out.duckdb")
        if is_checked:
            found[DAILY] = {DAILY: proof.fingerprints(base.night / "marts.duckdb")[DAILY]}
            proof.require_same_rows(found, CHANGES, RANGE_JOIN)
            proof.require_same_rows(found, DAILY, MART_RANGE_JOIN)
            say("  changes and range joins give the same rows")

    for number in range(1, rounds + 1):
        say(f"Round {number} of {rounds}: the ledger")
        sort()
        for name in (each for each in plan.facts if each in models):
            alone(name, _creation(plan.models[name]), inputs)
            if name in (TRANSITIONS, VISITS):
                sort()
        for rival in RIVALS_THERE if VISITS in models else ():
            arguments = {"events": str(parquet), "visits": str(scratch / "visits.parquet")}
            spec = {"rival": f"tests.bench.rivals:{rival}_visits", "arguments": arguments}
            _keep(runs, rival, measure.run(scratch, spec), say)
        if DAILY in models:
            daily(number == 1)
        for name in (each for each in plan.marts if each in models):
            alone(name, _creation(plan.models[name]), inputs)
        sort()
        yield runs
    shutil.rmtree(scratch, ignore_errors=True)


def night(base: Base, tripled: Base | None, plan: Plan, rounds: int, scratch: Path, say: Say) -> Iterator[Runs]:
    """The nightly build and the full one on copies of one base, and the nightly one with three times the history behind it. After every
    round, all runs so far.

    Raises SystemExit when the first night does not leave what the full build gives.
    """
    runs: Runs = {}

    def replay(name: str, folder: Path, models: Iterable[Model], kind: str) -> None:
        _keep(runs, name, measure.run(scratch / "run", bases.build(folder, models, kind)), say)

    for number in range(1, rounds + 1):
        say(f"Round {number} of {rounds}: the night")
        tonight = bases.copy(base.night, scratch / "night")
        replay(NIGHT_FIRST, tonight, plan.first_half, "delta")
        replay(NIGHT_SECOND, tonight, plan.second_half, "delta")
        if tripled is not None:
            replay(TRIPLED, bases.copy(tripled.night, scratch / "older"), plan.first_half, "delta")
            shutil.rmtree(scratch / "older")
        whole = bases.copy(base.raw, scratch / "whole")
        replay(FULL_FIRST, whole, plan.first_half, "full")
        replay(FULL_SECOND, whole, plan.second_half, "full")
        if number == 1:
            say(f"  {proof.require_equal(tonight, whole)} tables of the night equal those of the full rebuild")
        yield runs
    shutil.rmtree(scratch, ignore_errors=True)


def _creation(model: Model) -> str:
    return f'create table "{model.name}" as\n{model.query}'


def _keep(runs: Runs, name: str, run: Run, say: Say) -> None:
    runs.setdefault(name, []).append(run)
    say(f"  {name}: {run.cpu:.2f} CPU-s, {run.peak_mb:.0f} MB")
