"""The rounds: in each, every piece runs once, its reference right before and after it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from tests.bench import bases, measure, proof, publication, rivals
from tests.bench.bases import Base
from tests.bench.book import Book, Runs
from tests.bench.measure import Run
from tests.bench.plan import DAILY, FUNNEL, TRANSITIONS, VISITS, Plan
from tests.bench.statements import Model

Say = Callable[[str], None]

SORT = "scan and sort"
FULL_FIRST, FULL_SECOND = "full rebuild, staging and facts", "full rebuild, dimensions and marts"
NIGHT_FIRST, NIGHT_SECOND = "night, staging and facts", "night, dimensions and marts"
TRIPLED = "night, staging and facts, three times the history"
POLARS, PANDAS = "polars", "pandas"
#: the daily pipeline like for like, the versions in memory or read from their file first; and the mart as it is
CHANGES, RANGE_JOIN = "changes by day", "calendar range join"
CHANGES_READ = "changes by day, read from the file"
#: the same on deals that are open for longer
LONGER_CHANGES, LONGER_RANGE_JOIN = "changes by day, longer cycle", "calendar range join, longer cycle"
MART_RANGE_JOIN = "calendar range join to the same rows"
#: how far each deal came, by the project's formulation and by ClickHouse's
FURTHEST, WINDOW_FUNNEL = "furthest stage by deal", "ClickHouse windowFunnel"
#: a publication's copying alone, with the sum of what it copied, and all that it does; and a plain copy of the same files
PUBLICATION, PUBLICATION_SUMMED, PUBLICATION_WHOLE = "publication", "publication, summed up", "publication, whole"
FILE_COPY = "file copy"
#: they come with the dependency group `bench`; without it their rows say that they were not measured
RIVALS_THERE = tuple(name for name in (POLARS, PANDAS) if find_spec(name))
CLICKHOUSE_THERE = find_spec("chdb") is not None


def ledger(
    base: Base, plan: Plan, models: set[str], rounds: int, scratch: Path, say: Say, book: Book
) -> Iterator[Runs]:
    """Each core fact and mart of `models` alone, into a new file, from read-only inputs; and what they are held against. After every round, all
    runs so far."""
    if book.rounds:
        yield book.runs
    table, parquet, visits = bases.events(base)
    inputs = {name: str(base.night / f"{name}.duckdb") for name in bases.FILES}
    longer = {"marts": str(bases.longer(base))} if DAILY in models else {}

    def alone(name: str, statement: str, attached: dict[str, str], before: str = "") -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        spec = {
            "main": str(scratch / "out.duckdb"), "attached": attached, "read_only": True,
            "before": [before] if before else [], "statements": [[name, statement]],
        }  # fmt: skip
        _keep(book, name, measure.run(scratch, spec), say)

    def rival(name: str, function: str, module: str, **arguments: str) -> None:
        spec = {"rival": f"tests.bench.rivals:{function}", "imports": [module], "arguments": arguments}
        _keep(book, name, measure.run(scratch, spec), say)

    def sort() -> None:
        alone(
            SORT,
            "create table sorted as select * from events.events order by deal_key, changed_at",
            {"events": str(table)},
        )

    def daily(is_checked: bool) -> None:
        found = {}
        for name, statement, attached, before in (
            (CHANGES, rivals.DAILY_BY_CHANGES, inputs, rivals.READ_VERSIONS),
            (CHANGES_READ, rivals.DAILY_BY_CHANGES, inputs, ""),
            (RANGE_JOIN, rivals.DAILY_BY_RANGE_JOIN, inputs, rivals.READ_VERSIONS),
            (LONGER_CHANGES, rivals.DAILY_BY_CHANGES, longer, rivals.READ_VERSIONS),
            (LONGER_RANGE_JOIN, rivals.DAILY_BY_RANGE_JOIN, longer, rivals.READ_VERSIONS),
            (MART_RANGE_JOIN, rivals.MART_BY_RANGE_JOIN, inputs, ""),
        ):
            alone(name, statement, attached, before)
            if is_checked:
                found[name] = proof.fingerprints(scratch / "out.duckdb")
        if is_checked:
            found[DAILY] = {DAILY: proof.fingerprints(base.night / "marts.duckdb")[DAILY]}
            proof.require_same_rows(found, CHANGES, RANGE_JOIN)
            proof.require_same_rows(found, LONGER_CHANGES, LONGER_RANGE_JOIN)
            proof.require_same_rows(found, DAILY, MART_RANGE_JOIN)
            say("  changes and range joins give the same rows")

    def funnel(is_checked: bool) -> None:
        alone(FURTHEST, rivals.FURTHEST, inputs)
        if is_checked:
            ours = rivals.funnel_of(scratch / "out.duckdb")
        rival(WINDOW_FUNNEL, "window_funnel", "chdb", visits=str(visits), funnel=str(scratch / "funnel.json"))
        if is_checked:
            proof.require_same_rows(
                {FURTHEST: ours, WINDOW_FUNNEL: rivals.funnel_of(scratch / "funnel.json")}, FURTHEST, WINDOW_FUNNEL
            )
            say("  the furthest stages and windowFunnel give the same funnel")

    for number in range(book.rounds + 1, rounds + 1):
        say(f"Round {number} of {rounds}: the ledger")
        sort()
        for name in (each for each in plan.facts if each in models):
            alone(name, _creation(plan.models[name]), inputs)
            if name in (TRANSITIONS, VISITS):
                sort()
        for name in RIVALS_THERE if VISITS in models else ():
            rival(name, f"{name}_visits", name, events=str(parquet), visits=str(scratch / "visits.parquet"))
        if DAILY in models:
            daily(number == 1)
        if FUNNEL in models and CLICKHOUSE_THERE:
            funnel(number == 1)
        for name in (each for each in plan.marts if each in models):
            alone(name, _creation(plan.models[name]), inputs)
        sort()
        book.close_round()
        yield book.runs
    shutil.rmtree(scratch, ignore_errors=True)


def night(base: Base, plan: Plan, rounds: int, scratch: Path, say: Say, book: Book) -> Iterator[Runs]:
    """The nightly build and the full one on copies of one base. After every round, all runs so far.

    Raises SystemExit when the first night does not leave what the full build gives.
    """
    if book.rounds:
        yield book.runs

    def replay(name: str, folder: Path, models: Iterable[Model], kind: str) -> None:
        _keep(book, name, measure.run(scratch / "run", bases.build(folder, models, kind)), say)

    for number in range(book.rounds + 1, rounds + 1):
        say(f"Round {number} of {rounds}: the night")
        tonight = bases.copy(base.night, scratch / "night")
        replay(NIGHT_FIRST, tonight, plan.first_half, "delta")
        replay(NIGHT_SECOND, tonight, plan.second_half, "delta")
        whole = bases.copy(base.raw, scratch / "whole")
        replay(FULL_FIRST, whole, plan.first_half, "full")
        replay(FULL_SECOND, whole, plan.second_half, "full")
        if number == 1:
            say(f"  {proof.require_equal(tonight, whole)} tables of the night equal those of the full rebuild")
        book.close_round()
        yield book.runs
    shutil.rmtree(scratch, ignore_errors=True)


def history(base: Base, tripled: Base, plan: Plan, rounds: int, scratch: Path, say: Say, book: Book) -> Iterator[Runs]:
    """The nightly build of staging and facts on a copy of a base, and of one with three times the history. After every round, all runs so far."""
    if book.rounds:
        yield book.runs
    for number in range(book.rounds + 1, rounds + 1):
        say(f"Round {number} of {rounds}: the night with three times the history")
        for name, each in ((NIGHT_FIRST, base), (TRIPLED, tripled)):
            tonight = bases.copy(each.night, scratch / "night")
            _keep(book, name, measure.run(scratch / "run", bases.build(tonight, plan.first_half, "delta")), say)
            shutil.rmtree(tonight)
        book.close_round()
        yield book.runs
    shutil.rmtree(scratch, ignore_errors=True)


def publications(base: Base, rounds: int, scratch: Path, say: Say, book: Book) -> Iterator[Runs]:
    """The publication of the base's night, and a plain copy of its files. After every round, all runs so far."""
    if book.rounds:
        yield book.runs
    home = scratch / "home"

    def piece(function: str) -> Run:
        publication.prepare(home, base.night)
        return measure.run(scratch, {"rival": f"tests.bench.publication:{function}", "arguments": {"home": str(home)}})

    for number in range(book.rounds + 1, rounds + 1):
        say(f"Round {number} of {rounds}: the publication")
        _keep(book, FILE_COPY, piece("copy"), say)
        whole = piece("publish")
        _keep(book, PUBLICATION_WHOLE, whole, say)
        summed = whole.cpu - whole.steps[publication.READING] - whole.steps[publication.PAGE]
        _keep(book, PUBLICATION_SUMMED, replace(whole, cpu=summed), say)
        _keep(book, PUBLICATION, replace(whole, cpu=summed - whole.steps[publication.SUMMING]), say)
        book.close_round()
        yield book.runs
    shutil.rmtree(scratch, ignore_errors=True)


def _creation(model: Model) -> str:
    return f'create table "{model.name}" as\n{model.query}'


def _keep(book: Book, name: str, run: Run, say: Say) -> None:
    book.keep(name, run)
    say(f"  {name}: {run.cpu:.2f} CPU-s, {run.peak_mb:.0f} MB")
