"""The project's own unit tests as judges: their given rows in the place of what a model reads, the mutant's rows beside those expected."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import duckdb
from sqlglot import exp

from tests.mutants.fixtures import Rows, UnitTest
from tests.mutants.mutations import Mutant, parse, write
from tests.mutants.operators import Node
from tests.mutants.project import Project
from tests.mutants.scene import Scene

#: how dbt calls what stands in the SQL in the place of a model without a table
_INLINED = "__dbt__cte__"


class UnitTests:
    """Those unit tests that pass without a mutant, each with its given rows in a schema of its own beside a scene's tables."""

    def __init__(self, scene: Scene, project: Project) -> None:
        self._scene = scene
        self._project = project
        self.left_out: list[str] = []
        self._ready: dict[str, list[tuple[str, UnitTest]]] = {}
        for number, test in enumerate(project.unit_tests):
            schema = f"u{number}"
            try:
                reader = self._reader(test)
                self._prepare(schema, test, reader)
                passes = self._passes(schema, test, project.models[reader].full)
            except (duckdb.Error, StopIteration) as failure:
                self.left_out.append(f"unit test {test.name}: {str(failure).splitlines()[0]}")
                continue
            if passes:
                self._ready.setdefault(test.model, []).append((schema, test))
            else:
                self.left_out.append(f"unit test {test.name}: fails without a fault")

    def found(self, mutant: Mutant) -> str | None:
        """The first unit test that fails of the mutant's model, or of a model without a table that is written out in it, or None.

        One that cannot be run with the mutant fails.
        """
        written_out = (tests for model, tests in self._ready.items() if f"{_INLINED}{model}" in mutant.full)
        for schema, test in itertools.chain(self._ready.get(mutant.model, []), *written_out):
            try:
                passes = self._passes(schema, test, mutant.full)
            except duckdb.InterruptException:
                raise
            except duckdb.Error:
                passes = False
            if not passes:
                return f"unit test {test.name}"
        return None

    def _reader(self, test: UnitTest) -> str:
        """The model whose SQL the unit test is asked of: its own, or the first that writes it out where it has no table."""
        if test.model in self._project.models:
            return test.model
        return next(model.name for model in self._project.models.values() if f"{_INLINED}{test.model}" in model.full)

    def _prepare(self, schema: str, test: UnitTest, reader: str) -> None:
        con = self._scene.con
        con.execute(f"create schema {schema}")
        self._scene.look_at(self._scene.last)
        for rows in test.given:
            con.execute(f'create table {schema}."{rows.table}" as {self._shape(rows.table, reader)}')
        con.execute(f'create table {schema}."expected {test.model}" as {self._shape(test.model, reader)}')
        for rows in test.given:
            self._fill(f'{schema}."{rows.table}"', rows)
        self._fill(f'{schema}."expected {test.model}"', test.expected)

    def _shape(self, table: str, reader: str) -> str:
        """A query for no rows with the columns of a table, or of what stands in the reader's SQL in its place."""
        if table in self._project.models or table in self._project.seeds:
            return f'from "{table}" limit 0'
        tree = parse(self._project.models[reader].full)
        return write(_part(tree, table).limit(0))

    def _fill(self, table: str, rows: Rows) -> None:
        if rows.query:
            self._scene.con.execute(f"insert into {table} by name {rows.query}")
        for row in rows.rows:
            columns, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
            values = [
                str(value) if value is not None and not isinstance(value, bool) else value for value in row.values()
            ]
            self._scene.con.execute(f"insert into {table} ({columns}) values ({marks})", values)

    def _passes(self, schema: str, test: UnitTest, sql: str) -> bool:
        """The model's rows are those expected, in whatever order, in the columns that the unit test states."""
        self._scene.look_at(schema)
        con = self._scene.con
        if test.model not in self._project.models:
            sql = write(_part(parse(sql), test.model))
        con.execute(f"create or replace temp table actual as {_given_instead(sql, test.given)}")
        columns = ", ".join(f'"{name}"' for name in self._stated(test))
        ours, theirs = f"select {columns} from temp.actual", f'select {columns} from "expected {test.model}"'
        [(differing,)] = con.execute(
            f"select count(*) from ((({ours}) except all ({theirs})) union all (({theirs}) except all ({ours})))"
        ).fetchall()
        return int(differing) == 0

    @staticmethod
    def _stated(test: UnitTest) -> Iterable[str]:
        return dict.fromkeys(name for row in test.expected.rows for name in row)


def _part(tree: Node, model: str) -> exp.Select:
    """A query for what stands in the SQL in the place of a model without a table."""
    query = exp.select("*").from_(f"{_INLINED}{model}")
    query.set("with_", tree.args["with_"].copy())
    return query


def _given_instead(sql: str, given: Iterable[Rows]) -> str:
    """The SQL with the given rows where a model without a table was written out."""
    names = {f"{_INLINED}{rows.table}": rows.table for rows in given}
    if not any(name in sql for name in names):
        return sql
    tree = parse(sql)
    for inlined in tree.find_all(exp.CTE):
        if inlined.alias in names:
            inlined.set("this", parse(f'select * from "{names[inlined.alias]}"'))
    return write(tree)
