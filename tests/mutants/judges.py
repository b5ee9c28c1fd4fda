"""Who may notice a mutant: the shipped data tests, and beside them the tests of this repository, run on tables in memory."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import wraps
from types import ModuleType
from typing import Any

import duckdb
import pytest

from tests.integration import test_core_ledger, test_marts
from tests.marts import answers
from tests.marts.histories import History
from tests.mutants.project import DataTest
from tests.mutants.scene import Scene
from tests.oracle.compare import compare, compare_knowledge, read_facts, read_knowledge
from tests.oracle.ledger import Night, keep_knowledge, keep_ledger

_TABLE = re.compile(r"\b(?:dim|fct|mart)_\w+")


@dataclass(frozen=True)
class OwnTest:
    """One test of this repository: `run` raises AssertionError where it fails. `tables` are those it reads; none = any."""

    name: str
    run: Callable[[], None]
    tables: frozenset[str]


@dataclass
class Judges:
    """The tests that one scene can be asked, the shipped ones night by night. Those that fail without a mutant say nothing and are left out."""

    scene: Scene
    shipped: list[list[DataTest]] = field(default_factory=list)
    own: list[OwnTest] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def found_by_shipped(
        self, night: int, dirty: Mapping[str, object], stale: Set[str] = frozenset()
    ) -> list[DataTest]:
        """The data tests that fail on what the search path shows, among those that read a table of `dirty` and none of `stale`."""
        failing = []
        for test in self.shipped[night]:
            if test.parents & dirty.keys() and not test.parents & stale:
                [(rows,)] = self.scene.con.execute(f"select count(*) from ({test.sql}\n)").fetchall()
                if rows:
                    failing.append(test)
        return failing

    def found_by_own(self, dirty: Mapping[str, object]) -> str | None:
        """The first of the repository's tests that fails."""
        for test in self.own:
            if not test.tables or test.tables & dirty.keys():
                try:
                    test.run()
                except duckdb.InterruptException:
                    raise
                except Exception:  # noqa: BLE001 - to a test, whatever it stumbles over is a failure
                    return test.name
        return None


def judges(scene: Scene, tests: Iterable[DataTest], own: Iterable[OwnTest]) -> Judges:
    """The tests that pass on the scene as it is."""
    found = Judges(scene)
    for night in range(scene.nights):
        scene.look_at(f"n{night}")
        found.shipped.append([])
        for test in tests:
            try:
                [(rows,)] = scene.con.execute(f"select count(*) from ({test.sql}\n)").fetchall()
            except (duckdb.CatalogException, duckdb.BinderException):
                rows = None  # it reads a layer that this scene does not have
            if rows == 0:
                found.shipped[night].append(test)
            elif rows is not None:
                found.left_out.append(f"night {night + 1}: {test.label}: {rows} rows")
    for each in own:
        try:
            each.run()
        except AttributeError:
            found.left_out.append(f"{each.name}: looks at the files of a warehouse")
        except AssertionError as failure:
            found.left_out.append(f"{each.name}: {str(failure).splitlines()[0] if str(failure) else 'fails'}")
        else:
            found.own.append(each)
    return found


class _Rows:
    """Stands in for the warehouse that the ledger's tests ask."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con

    def rows(self, query: str) -> list[dict[str, Any]]:
        """As `Warehouse.rows`."""
        found = self.con.execute(query)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def of_the_ledger(scene: Scene) -> list[OwnTest]:
    """tests/integration/test_core_ledger.py."""
    return list(_functions(test_core_ledger, {"nights": _Rows(scene.con)}))


def of_the_marts(scene: Scene, histories: list[History]) -> list[OwnTest]:
    """tests/integration/test_marts.py."""
    _remember(answers, "histories")
    return list(_functions(test_marts, {"marts": (scene.con, histories)}))


def of_the_oracle(scene: Scene, nights: Sequence[Night]) -> list[OwnTest]:
    """tests/oracle: the ledger in plain Python."""
    expected, knowledge = keep_ledger(nights), keep_knowledge(nights)
    instants = [night.extracted_at for night in nights]

    def ledger() -> None:
        assert not compare(expected, read_facts(scene.con))

    def known() -> None:
        assert not compare_knowledge(knowledge, read_knowledge(scene.con), instants)

    changes = frozenset({"fct_deal_changes", "dim_deals"})
    ledgers = changes | {
        "fct_deal_stage_transitions",
        "fct_deal_stage_visits",
        "dim_stages",
        "dim_pipelines",
        "dim_owners",
    }
    return [OwnTest("oracle: ledger", ledger, frozenset(ledgers)), OwnTest("oracle: knowledge", known, changes)]


def _functions(module: ModuleType, fixtures: Mapping[str, Any]) -> Iterator[OwnTest]:
    """The module's tests that need these fixtures alone, each with its parameters."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("test_") or function.__module__ != module.__name__:
            continue
        cases = list(_parameters(function))
        wanted = set(inspect.signature(function).parameters)
        if not all(wanted == set(case) | (wanted & fixtures.keys()) for case in cases):
            continue
        tables = frozenset(_TABLE.findall(_source_of(module, function)))
        given = {each: value for each, value in fixtures.items() if each in wanted}

        def run(
            function: Callable[..., None] = function, cases: list[Any] = cases, given: dict[str, Any] = given
        ) -> None:
            for case in cases:
                function(**given, **case)

        yield OwnTest(f"{module.__name__.rpartition('.')[2]}.{name}", run, tables)


def _source_of(module: ModuleType, function: Callable[..., Any]) -> str:
    """The test's source with that of the module's functions it calls: the tables may be named there."""
    source = inspect.getsource(function)
    called = {name for name in re.findall(r"\b(\w+)\(", source) if inspect.isfunction(getattr(module, name, None))}
    return source + "".join(inspect.getsource(getattr(module, name)) for name in called)


def _parameters(function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    for combination in itertools.product(*(mark.args[1] for mark in marks)):
        case: dict[str, Any] = {}
        for mark, values in zip(marks, combination, strict=True):
            names = mark.args[0]
            names = [each.strip() for each in names.split(",")] if isinstance(names, str) else list(names)
            if isinstance(values, type(pytest.param())):
                given = values.values
            else:
                given = (values,) if len(names) == 1 else values
            case |= dict(zip(names, given, strict=True))
        yield case


def _remember(module: ModuleType, parameter: str) -> None:
    """The module's functions of one company answer the same question once: the company does not change."""
    for name, function in inspect.getmembers(module, inspect.isfunction):
        is_known = function.__module__ != module.__name__ or hasattr(function, "is_remembered")
        if not is_known and next(iter(inspect.signature(function).parameters), None) == parameter:
            setattr(module, name, _remembered(function))


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    @wraps(function)
    def answer(company: Any, *question: Any) -> Any:
        key = (id(company), *(tuple(each) if isinstance(each, list) else each for each in question))
        if key not in known:
            known[key] = function(company, *question)
        return known[key]

    answer.is_remembered = True  # type: ignore[attr-defined]
    return answer
