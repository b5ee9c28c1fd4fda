"""The dbt project compiled once: the SQL of every model and data test, without the database and schema in front of a table's name."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.core.project import PROJECT
from tests.core.warehouse import Warehouse
from tests.mutants import fixtures

#: every company of the proof reports in this time zone, so that the day of an instant is not its UTC day
VARIABLES = {"timezone": "Europe/Berlin"}
#: `"marts"."main"."dim_deals"`: compiled SQL names database and schema; the proof finds a table by its name alone
_QUALIFIED = re.compile(r'"(?:warehouse|marts|detail)"\."\w+"\.("\w+")')


@dataclass(frozen=True)
class Model:
    """One model: its SQL for an empty warehouse (`full`) and for one that holds it (`increment`), the same unless it is incremental."""

    name: str
    layer: str
    full: str
    increment: str
    columns: tuple[tuple[str, str, str], ...]  # name, type, constraints; empty without an enforced contract
    constraints: tuple[str, ...]
    unique_key: tuple[str, ...]
    is_incremental: bool
    parents: frozenset[str]

    @property
    def ddl(self) -> str:
        """The columns and constraints of the contract."""
        return ", ".join(
            [*(f'"{name}" {kind} {limits}'.rstrip() for name, kind, limits in self.columns), *self.constraints]
        )


@dataclass(frozen=True)
class DataTest:
    """One shipped data test: `sql` gives the failing rows."""

    name: str
    label: str
    severity: str
    sql: str
    parents: frozenset[str]


@dataclass(frozen=True)
class Project:
    """Models in the order of the build; `seeds` as files; the names of the `sources`' tables; the shipped data tests and the unit tests."""

    models: dict[str, Model]
    tests: tuple[DataTest, ...]
    seeds: dict[str, Path]
    sources: frozenset[str] = frozenset()
    unit_tests: tuple[fixtures.UnitTest, ...] = ()
    #: seed → its columns' declared types
    seed_types: dict[str, dict[str, str]] = field(default_factory=dict)

    def descendants(self, name: str) -> list[str]:
        """The models that read this one, however far away, in the order of the build."""
        found = {name}
        for model in self.models.values():
            if model.parents & found:
                found.add(model.name)
        return [model for model in self.models if model in found and model != name]

    def mutable(self) -> list[Model]:
        """The models of core and marts."""
        return [model for model in self.models.values() if model.layer in ("core", "marts")]


def compile_project(folder: Path) -> Project:
    """Compiles the project in `folder`. Raises AssertionError with dbt's words where it cannot."""
    warehouse = Warehouse(folder)
    manifest = _done(warehouse.dbt("parse", variables=VARIABLES))
    models = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    with warehouse.connect() as connection:
        connection.execute(
            f"attach '{warehouse.files['marts']}' as marts; attach '{warehouse.files['detail']}' as detail"
        )
        for node in models:
            # dbt compiles the increment where the table is there; what it holds does not matter
            if node.config.materialized == "incremental":
                connection.execute(f'create schema if not exists "{node.database}"."{node.schema}"')
                connection.execute(f"create table {node.relation_name} (nothing boolean)")
    full = _compiled(warehouse, "--full-refresh")
    increment = _compiled(warehouse)
    ordered = _in_order({node.unique_id: node for node in increment.values() if node.resource_type == "model"})
    names = {node.unique_id: node.name for node in increment.values()}
    real = {node.unique_id for node in ordered if node.config.materialized != "ephemeral"}
    return Project(
        {
            node.name: _model(node, full[node.unique_id], _parents(node, increment, real, names))
            for node in ordered
            if node.unique_id in real
        },
        tuple(
            _data_test(node, _parents(node, increment, real, names))
            for node in increment.values()
            if node.resource_type == "test"
        ),
        {
            node.name: PROJECT / node.original_file_path
            for node in manifest.nodes.values()
            if node.resource_type == "seed"
        },
        frozenset(node.identifier for node in manifest.sources.values()),
        fixtures.read(manifest, VARIABLES),
        {node.name: dict(node.config.column_types) for node in manifest.nodes.values() if node.resource_type == "seed"},
    )


def _compiled(warehouse: Warehouse, *arguments: str) -> dict[str, Any]:
    # the connection is made anew: dbt keeps nothing between two runs that would hide the tables
    results = _done(
        warehouse.dbt("compile", "--select", "resource_type:model", "test_type:data", *arguments, variables=VARIABLES)
    ).results
    return {result.node.unique_id: result.node for result in results}


def _done(outcome: Any) -> Any:
    if not outcome.success:
        raise AssertionError(f"dbt could not compile the project: {outcome.exception or outcome.result}")
    return outcome.result


def _in_order(nodes: dict[str, Any]) -> list[Any]:
    """Parents first; by name where that leaves a choice."""
    done: dict[str, Any] = {}
    while len(done) < len(nodes):
        for unique_id in sorted(nodes.keys() - done.keys()):
            if all(parent in done or parent not in nodes for parent in nodes[unique_id].depends_on.nodes):
                done[unique_id] = nodes[unique_id]
    return list(done.values())


def _parents(node: Any, nodes: dict[str, Any], real: set[str], names: dict[str, str]) -> frozenset[str]:
    """The models read, those behind an ephemeral one in its stead."""
    found: set[str] = set()
    for parent in node.depends_on.nodes:
        if parent in real:
            found.add(names[parent])
        elif parent in nodes and nodes[parent].resource_type == "model":
            found |= _parents(nodes[parent], nodes, real, names)
    return frozenset(found)


def unqualified(sql: str) -> str:
    """The SQL with tables by their names alone."""
    return _QUALIFIED.sub(r"\1", sql)


def _model(node: Any, full: Any, parents: frozenset[str]) -> Model:
    is_incremental = node.config.materialized == "incremental"
    strategy = node.config.incremental_strategy
    if is_incremental and strategy not in ("append", "delete+insert"):
        raise AssertionError(f"{node.name}: the proof does not know the incremental strategy {strategy}")
    key = node.config.unique_key or [] if is_incremental else []
    contracted = node.config.contract.enforced
    return Model(
        node.name,
        node.fqn[1],
        unqualified(full.compiled_code),
        unqualified(node.compiled_code),
        tuple(
            (column.name, column.data_type, " ".join(_limit(each) for each in column.constraints))
            for column in node.columns.values()
        )
        if contracted
        else (),
        tuple(_limit(each) for each in node.constraints) if contracted else (),
        (key,) if isinstance(key, str) else tuple(key),
        is_incremental,
        parents,
    )


def _limit(constraint: Any) -> str:
    kind = str(constraint.type.value)
    words = {"not_null": "not null", "primary_key": "primary key"}.get(kind, kind)
    columns = f" ({', '.join(constraint.columns)})" if getattr(constraint, "columns", None) else ""
    return f"{words}{columns}" + (f" ({constraint.expression})" if constraint.expression else "")


def _data_test(node: Any, parents: frozenset[str]) -> DataTest:
    # a generic test is told by its own name and the table it stands at, not by the hash dbt appends
    metadata = getattr(node, "test_metadata", None)
    attached = (getattr(node, "attached_node", None) or "").rpartition(".")[2]
    label = f"{metadata.name} on {attached}" if metadata and attached else node.name
    return DataTest(node.name, label, str(node.config.severity).lower(), unqualified(node.compiled_code), parents)


def seed_columns(path: Path) -> Iterable[str]:
    """The columns of a seed."""
    with path.open(encoding="utf-8", newline="") as lines:
        return next(csv.reader(lines))
