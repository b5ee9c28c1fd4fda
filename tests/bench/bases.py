"""The large companies that are measured on: raw tables, the warehouse built from them, and the same one night later."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from tests.bench import company, measure, rivals
from tests.bench.statements import Model, Recording

FILES = ("warehouse", "marts", "detail")
#: the share of the deals that a night changes
DELTA = 0.005
#: written when a base is finished: the number of its deals
_SIZE = "deals.txt"


@dataclass(frozen=True)
class Base:
    """`raw`: a warehouse file that holds raw, both nights of it, and seeds only. `night`: the three files of a build of the first night,
    with the next night's raw rows."""

    folder: Path
    deals: int
    changed: int

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def night(self) -> Path:
        return self.folder / "night"


def prepare(
    folder: Path, recording: Recording, models: Iterable[Model], deals: int, say: Callable[[str], None], older: int = 0
) -> Base:
    """Makes a base of `deals` deals of two years, with `older` before them, and builds `models` on it in full. Nothing is measured.

    What an earlier try left unfinished in `folder` is thrown away.
    """
    shutil.rmtree(folder, ignore_errors=True)
    base = _base(folder, deals)
    say(f"  raw rows of {deals + older:,} deals")
    company.create(base.raw, deals, older)
    with duckdb.connect(str(base.raw / "warehouse.duckdb")) as connection:
        connection.execute(
            f"attach '{recording.warehouse}' as small (read_only); create schema intermediate; create schema staging"
        )
        for seed in recording.seeds:
            connection.execute(f"create table intermediate.{seed} as from small.intermediate.{seed}")
    copy(base.raw, base.night)
    for layer, each in groupby(models, key=lambda model: model.layer):
        run = measure.run(folder / "run", build(base.night, [*each], "full"))
        say(f"  {layer}: {len(run.steps) - 1} models built, {run.cpu:.0f} CPU-s, {run.peak_mb:.0f} MB")
    (base.raw / "company.duckdb").unlink()
    company.add_night(base.night, deals, base.changed)
    _hand_on_the_night(base)
    (folder / _SIZE).write_text(str(deals))
    return base


def is_finished(folder: Path) -> bool:
    """Did an earlier run make a whole base there?"""
    return (folder / _SIZE).exists()


def held(folder: Path) -> Base:
    """The base that an earlier run made in `folder`. Raises SystemExit where there is none, or one that was not finished."""
    if not is_finished(folder):
        raise SystemExit(f"There is no finished company in {folder}. Measure once with --keep and without --reuse.")
    return _base(folder, int((folder / _SIZE).read_text()))


def _base(folder: Path, deals: int) -> Base:
    return Base(folder, deals, max(20, int(deals * DELTA)))


def _hand_on_the_night(base: Base) -> None:
    """The rebuild reads the very rows that the night reads, so that both must come to the same."""
    with duckdb.connect(str(base.raw / "warehouse.duckdb")) as connection:
        connection.execute(f"attach '{base.night / 'warehouse.duckdb'}' as night (read_only)")
        first = connection.execute("select max(load_number) from raw._loads").fetchone()
        assert first
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns() where database_name = 'night' and schema_name = 'raw'"
            " and column_name in ('load_number', '_load_number')"
        ).fetchall():
            connection.execute(
                f'insert into raw."{table}" select * from night.raw."{table}" where {column} > ?', [first[0]]
            )


def build(folder: Path, models: Iterable[Model], kind: str) -> dict[str, Any]:
    """The piece that replays the `full` or `delta` statements of `models` on the files in `folder`."""
    return {
        "main": str(folder / "warehouse.duckdb"),
        "attached": {name: str(folder / f"{name}.duckdb") for name in FILES[1:]},
        "read_only": False,
        "statements": [[model.name, statement] for model in models for statement in getattr(model, kind)],
    }


def copy(source: Path, target: Path) -> Path:
    """A fresh copy of a base's files in `target`; returns it."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in source.glob("*.duckdb"):
        if path.stem in FILES or source.name == "raw":
            shutil.copyfile(path, target / path.name)
    return target


def events(base: Base) -> tuple[Path, Path, Path]:
    """The deals' changes in the order of their arrival, as a table `events` of a file of their own and as Parquet with short keys; and the visits
    of open and won stages as such a Parquet."""
    table, parquet, visits = (base.folder / name for name in ("events.duckdb", "events.parquet", "visits.parquet"))
    with duckdb.connect(str(table)) as connection:
        connection.execute(f"attach '{base.night / 'marts.duckdb'}' as marts (read_only)")
        connection.execute(
            "create or replace table events as from marts.main.fct_deal_changes order by changed_at, hash(deal_key)"
        )
        connection.execute(f"""
            copy (
                select dense.deal, event.field, event.new_value, event.changed_at, event.sequence, event._record_number
                from events as event
                inner join (select deal_key, row_number() over () as deal from marts.main.dim_deals) as dense using (deal_key)
                where event.retracted_at is null
                order by event.changed_at
            ) to '{parquet}' (format parquet)""")
        # instants as milliseconds: windowFunnel takes no fractions of seconds
        connection.execute(f"""
            copy (
                select
                    dense.deal, cast(dense_rank() over (order by visit.pipeline_key) as utinyint) as pipeline,
                    cast(epoch_ms(visit.entered_at) as ubigint) as entered_at, cast(visit.open_rank as utinyint) as open_rank
                from marts.main.fct_deal_stage_visits as visit
                inner join (select deal_key, row_number() over () as deal from marts.main.dim_deals) as dense using (deal_key)
                where visit.open_rank is not null
                order by visit.entered_at
            ) to '{visits}' (format parquet)""")
    return table, parquet, visits


def longer(base: Base) -> Path:
    """The versions of the same deals, each taking rivals.LONGER times as long, and what is read beside them, in a file of their own."""
    file = base.folder / "longer.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"attach '{base.night / 'marts.duckdb'}' as marts (read_only)")
        connection.execute(f"create table fct_deal_versions as {rivals.LONGER_VERSIONS}")
        for table in ("dim_dates", "dim_sources", "mart_sales__stages"):
            connection.execute(f"create table {table} as from marts.main.{table}")
    return file
