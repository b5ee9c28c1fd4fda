"""A company in memory: its raw tables night by night, and the project's tables built on them by plain SQL, with or without a mutant.

Schemas of the database: `n0`, `n1` … hold the state after each night, `whole` what a mutant makes of everything built at once after the
last night, `w0`, `w1` … what it makes night by night. A schema holds only what differs; the search path finds the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb

from tests.mutants.project import Model, Project

Fingerprint = tuple[int, int, int]
#: the SQL of a model in an empty warehouse and in one that holds it
Text = tuple[str, str]


class TooSlow(Exception):
    """A query ran longer than the whole mutant may."""


#: judged night by night and never computed again: `watertight verify` leaves it out as well
KEPT_AS_JUDGED = frozenset({"mart_ops__reconciliation"})


@dataclass
class Scene:
    """One company. `given` are tables that a test wrote in the stead of the models of their names, `derived` what of core is built on them."""

    name: str
    project: Project
    con: duckdb.DuckDBPyConnection
    nights: int = 0
    given: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    prints: list[dict[str, Fingerprint]] = field(default_factory=list)

    @property
    def last(self) -> str:
        """The schema of the last night."""
        return f"n{self.nights - 1}"

    @cached_property
    def lasting(self) -> set[str]:
        """The models that a later night builds upon: the incremental ones and what they read, however far away."""
        incremental = {model.name for model in self.project.models.values() if model.is_incremental}
        return {
            name
            for name in self.project.models
            if name in incremental or incremental & set(self.project.descendants(name))
        }

    def look_at(self, *schemas: str) -> None:
        """Tables are looked for in these schemas, in their order."""
        self.con.execute(f"set search_path = '{','.join(schemas)}'")

    def built(self, model: Model) -> bool:
        """The model is built here, and not given or left out."""
        return model.name not in self.given and (not self.given or model.layer == "marts" or model.name in self.derived)

    def has(self, name: str) -> bool:
        """The model's table is here with all its columns."""
        return name in self.given or self.built(self.project.models[name])

    def add_night(self, file: Path, source_schema: str, mend: str = "") -> None:
        """Takes over the tables of a schema of a database file, mends them, then builds everything that follows from them."""
        schema = f"n{self.nights}"
        self.con.execute(f"create schema {schema}; attach '{file}' as source (read_only)")
        found = self.con.execute(
            "select table_name from duckdb_tables() where database_name = 'source' and schema_name = ?", [source_schema]
        )
        for (table,) in found.fetchall():
            self.con.execute(f'create table {schema}."{table}" as from source.{source_schema}."{table}"')
        self.con.execute("detach source")
        for seed, path in self.project.seeds.items():
            # an empty file tells no types, and a column of numbers may be one of words
            types = ", ".join(f"'{name}': '{kind}'" for name, kind in self.project.seed_types.get(seed, {}).items())
            declared = f", types = {{{types}}}" if types else ""
            self.con.execute(
                f"create table {schema}.{seed} as from read_csv('{path}', header = true, nullstr = ''{declared})"
            )
        self.nights += 1
        self.look_at(schema)
        self.con.execute(mend or "select 1")
        before = f"n{self.nights - 2}" if self.nights > 1 else None
        prints = {}
        for model in self.project.models.values():
            if self.built(model):
                self.build(model, (model.full, model.increment), schema, before if model.is_incremental else None)
            if model.layer in ("core", "marts"):
                prints[model.name] = self.fingerprint(model.name)
        self.prints.append(prints)

    def build(self, model: Model, text: Text, schema: str, before: str | None) -> None:
        """Makes the model's table in `schema`, on top of the table that `before` holds. The search path begins with `schema`."""
        full, increment = text
        table = f'{schema}."{model.name}"'
        if before is None:
            self._create(model, schema, full)
            return
        self._create(model, schema, f'from {before}."{model.name}"')
        if "newest_load" in increment:
            self.con.execute(f"set variable newest_load = (select coalesce(max(_load_number), 0) from {table})")
        self.con.execute(f"create or replace temp table arrived as {increment.strip().rstrip(';')}")
        if model.unique_key:
            key = ", ".join(model.unique_key)
            self.con.execute(f"delete from {table} where ({key}) in (select {key} from temp.arrived)")
        self.con.execute(f"insert into {table} by name from temp.arrived")

    def _create(self, model: Model, schema: str, query: str) -> None:
        table = f'{schema}."{model.name}"'
        if not model.columns:
            self.con.execute(f"create or replace table {table} as {query}")
            return
        columns = ", ".join(f'"{name}"' for name, _, _ in model.columns)
        # the old table has to stay until the new one is there where the query reads it
        self.con.execute(f"create or replace table {table} ({model.ddl})")
        self.con.execute(f"insert into {table} ({columns}) select {columns} from ({query})")

    def fingerprint(self, table: str) -> Fingerprint:
        """Equal for two tables of the same rows, in whatever order."""
        [row] = self.con.execute(
            f'select count(*), coalesce(bit_xor(hash(t)), 0), coalesce(sum(hash(t)), 0) from "{table}" as t'
        ).fetchall()
        return row  # type: ignore[no-any-return]

    def rebuild(self, texts: Mapping[str, Text]) -> dict[str, Fingerprint]:
        """Builds the given models anew at once after the last night in `whole`; the tables that came out otherwise.

        Descendants are built where something they read came out otherwise. The search path is left on `whole`. What is judged on its own
        night and kept says something else when it is built at once: it is not compared.
        """
        self._drop("whole")
        self.con.execute("create schema whole")
        self.look_at("whole", self.last)
        found = self._follow(texts, "whole", None, self.prints[-1], lambda model: True)
        return {name: print_of for name, print_of in found.items() if name not in KEPT_AS_JUDGED}

    def relive(
        self,
        texts: Mapping[str, Text],
        each_night: Callable[[int, dict[str, Fingerprint], set[str]], None] = lambda *_: None,
    ) -> dict[str, Fingerprint]:
        """The same night by night, as increments; the tables of the last night that came out otherwise. The search path is left there.

        `each_night` is called with the night's number, what came out otherwise, and which tables were not built that night although they
        would have been: marts do not matter to the nights that follow.
        """
        matters = self.lasting
        dirty: dict[str, Fingerprint] = {}
        for night in range(self.nights):
            schema = f"w{night}"
            self._drop(schema)
            self.con.execute(f"create schema {schema}")
            self.look_at(schema, f"n{night}")
            before = (f"w{night - 1}", f"n{night - 1}", dirty) if night else None
            is_last = night == self.nights - 1
            dirty = self._follow(
                texts,
                schema,
                before,
                self.prints[night],
                lambda model, all_of_it=is_last: all_of_it or model.name in matters,
            )
            stale = set() if is_last else {each for name in dirty for each in self.project.descendants(name)} - matters
            each_night(night, dirty, stale)
        return dirty

    def _follow(
        self,
        texts: Mapping[str, Text],
        schema: str,
        before: tuple[str, str, Mapping[str, Fingerprint]] | None,
        prints: Mapping[str, Fingerprint],
        wanted: Callable[[Model], bool],
    ) -> dict[str, Fingerprint]:
        dirty: dict[str, Fingerprint] = {}
        for model in self.project.models.values():
            was_dirty = before is not None and model.is_incremental and model.name in before[2]
            if not self.built(model) or not wanted(model):
                continue
            if model.name not in texts and not model.parents & dirty.keys() and not was_dirty:
                continue
            earlier = None
            if before is not None and model.is_incremental:
                earlier = before[0] if was_dirty else before[1]
            self.build(model, texts.get(model.name, (model.full, model.increment)), schema, earlier)
            found = self.fingerprint(model.name)
            if found != prints[model.name]:
                dirty[model.name] = found
            else:
                self.con.execute(f'drop table {schema}."{model.name}"')
        return dirty

    def _drop(self, schema: str) -> None:
        self.con.execute(f"set search_path = '{self.last}'; drop schema if exists {schema} cascade")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Raises TooSlow where the queries of the block take longer."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.con.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.start()
        try:
            yield
        except duckdb.InterruptException as stopped:
            raise TooSlow(f"longer than {seconds} s") from stopped
        finally:
            timer.cancel()
            with suppress(duckdb.Error):
                self.con.execute("rollback")


def empty(name: str, project: Project, given: frozenset[str] = frozenset()) -> Scene:
    """A scene before its first night."""
    con = duckdb.connect(":memory:")
    # one thread: sums of doubles come out the same each time, and another mutant may have the other core
    con.execute("set threads = 1; set timezone = 'UTC'; set memory_limit = '2GB'; set temp_directory = ''")
    return Scene(name, project, con, given=given)
