"""Who may notice a mutant: the shipped data tests, and beside them the tests of this repository, run on tables in memory."""

from __future__ import annotations

import inspect
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import astuple, dataclass, field, replace
from datetime import date
from functools import wraps
from types import ModuleType
from typing import Any

import duckdb
import pytest

from tests.integration import (
    test_core_ledger,
    test_lead_ledger,
    test_marts,
    test_marts_flow,
    test_marts_market,
    test_marts_over_time,
    test_scenario,
    test_waterfall,
)
from tests.marts import answers, flow, market, over_time, waterfall
from tests.marts.histories import History
from tests.mutants.project import DataTest
from tests.mutants.scene import Scene
from tests.oracle import lead_ledger
from tests.oracle.compare import (
    compare,
    compare_knowledge,
    compare_states,
    read_facts,
    read_knowledge,
    read_movements,
    read_versions,
)
from tests.oracle.lead_ledger import Night as LeadNight
from tests.oracle.ledger import Night, keep_knowledge, keep_ledger
from tests.oracle.movements import Movement, RateBook, keep_movements, keep_versions

_TABLE = re.compile(r"\b(?:dim|fct|mart)_\w+")
#: the constant rate is not compared
NO_DAY = date(1, 1, 9)
#: what the database says of a table or a column that is not there
_MISSED = re.compile(r"(?:Table with name|Referenced column|column named|Column) \"?(\w+)\"? ?")


@dataclass(frozen=True)
class OwnTest:
    """One test of this repository: `run` raises AssertionError where it fails. `tables` are those it reads."""

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
        return [
            test
            for test in self.shipped[night]
            if test.parents & dirty.keys() and not test.parents & stale and self._fails(test)
        ]

    def _fails(self, test: DataTest) -> bool:
        """A test that passes without a mutant and cannot even be asked with it stops the night as one that finds rows does."""
        try:
            return guilty_rows(self.scene, test) > 0
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            return True

    def found_by_own(self, dirty: Mapping[str, object]) -> str | None:
        """The first of the repository's tests that fails."""
        for test in self.own:
            if test.tables & dirty.keys():
                try:
                    test.run()
                except duckdb.InterruptException:
                    raise
                except Exception:  # noqa: BLE001 - to a test, whatever it stumbles over is a failure
                    return test.name
        return None


def guilty_rows(scene: Scene, test: DataTest) -> int:
    """How many rows the test prints on what the search path shows. Raises duckdb.Error where it cannot be asked."""
    [(rows,)] = scene.con.execute(f"select count(*) from ({test.sql}\n)").fetchall()
    return int(rows)


def lacks_by_design(scene: Scene, test: DataTest, failure: duckdb.Error) -> bool:
    """A scene of written core tables lacks raw and some tables, or columns, of the layers after it: what the database misses is one of those."""
    missed = _MISSED.search(str(failure))
    models = [scene.project.models[parent] for parent in test.parents if not scene.has(parent)]
    if missed is None or not scene.given:
        return False
    return missed[1] in scene.project.sources or any(
        missed[1] == model.name or re.search(rf"\b{missed[1]}\b", model.full) for model in models
    )


def judges(scene: Scene, tests: Iterable[DataTest], own: Iterable[OwnTest]) -> Judges:
    """The tests that pass on the scene as it is. Raises AssertionError where one cannot be asked for another reason than what the scene lacks."""
    found = Judges(scene)
    for night in range(scene.nights):
        scene.look_at(f"n{night}")
        found.shipped.append([])
        for test in tests:
            try:
                rows = guilty_rows(scene, test)
            except duckdb.Error as failure:
                if lacks_by_design(scene, test, failure):
                    continue
                raise AssertionError(f"{scene.name}: {test.label} cannot be asked: {failure}") from failure
            if rows == 0:
                found.shipped[night].append(test)
            else:
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


def of_the_ledger(scene: Scene, leads: Sequence[LeadNight]) -> list[OwnTest]:
    """tests/integration/test_core_ledger.py, and the ledger of leads in plain Python."""
    standing, taken_back = lead_ledger.keep(leads)
    drawn = {entry.lead_id for entry in (*standing, *taken_back)}

    def leads_ledger() -> None:
        ours, theirs = test_lead_ledger.found(_Rows(scene.con))
        assert [entry for entry in ours if entry.lead_id in drawn] == standing
        assert Counter(astuple(entry) for entry in theirs if entry.lead_id in drawn) == Counter(
            map(astuple, taken_back)
        )

    tables = frozenset({"fct_lead_status_changes", "dim_leads"})
    return [
        *_functions(test_core_ledger, {"nights": _Rows(scene.con)}),
        OwnTest("oracle: ledger of leads", leads_ledger, tables),
    ]


def of_the_marts(scene: Scene, histories: list[History], learned: over_time.Learned) -> list[OwnTest]:
    """tests/integration/test_marts.py, test_marts_flow.py, test_marts_over_time.py and test_waterfall.py."""
    _remember(answers, "histories")
    _remember(flow, "histories")
    _remember(over_time, "histories")
    _remember(waterfall, "histories")
    company = test_marts_over_time.Company(scene.con, histories, learned)
    return [
        *_functions(test_marts, {"marts": (scene.con, histories)}),
        *_functions(test_marts_flow, {"marts": (scene.con, histories)}),
        *_functions(test_marts_over_time, {"company": company}),
        *_functions(test_waterfall, {"marts": scene.con, "built": (None, histories)}),
    ]


def of_the_market(scene: Scene, drawn: market.Market) -> list[OwnTest]:
    """tests/integration/test_marts_market.py."""
    return list(_functions(test_marts_market, {"company": (scene.con, drawn)}))


def of_the_scenario(scene: Scene) -> list[OwnTest]:
    """tests/integration/test_scenario.py: every figure that was worked out by hand."""

    def figures(name: str) -> Callable[[], None]:
        return lambda: test_scenario.test_the_mart_says_what_was_worked_out_by_hand(name, scene.con)

    marts = {name: frozenset({rows[0].mart}) for name, rows in test_scenario.GROUPS.items()}
    return [
        *(OwnTest(f"test_scenario: {name}", figures(name), tables) for name, tables in marts.items()),
        OwnTest(
            "test_scenario: the table for dashboards",
            lambda: test_scenario.test_the_table_for_dashboards_says_the_same(scene.con),
            frozenset({"mart_metrics__values"}),
        ),
    ]


def of_the_oracle(scene: Scene, nights: Sequence[Night]) -> list[OwnTest]:
    """tests/oracle: the ledger in plain Python, and what follows from it."""
    expected, knowledge = keep_ledger(nights), keep_knowledge(nights)
    instants = [night.extracted_at for night in nights]
    versions = keep_versions(expected, nights)
    movements = [
        _in_deal_currency(each) for each in keep_movements(expected, nights, RateBook(nights[-1], "EUR", NO_DAY))
    ]

    def ledger() -> None:
        assert not compare(expected, read_facts(scene.con))

    def known() -> None:
        assert not compare_knowledge(knowledge, read_knowledge(scene.con), instants)

    def states() -> None:
        found = [_in_deal_currency(each) for each in read_movements(scene.con)]
        assert not compare_states(versions, movements, read_versions(scene.con), found)

    changes = frozenset({"fct_deal_changes", "dim_deals"})
    followers = frozenset({"fct_deal_versions", "fct_pipeline_movements"})
    ledgers = changes | {
        "fct_deal_stage_transitions",
        "fct_deal_stage_visits",
        "dim_stages",
        "dim_pipelines",
        "dim_owners",
    }
    return [
        OwnTest("oracle: ledger", ledger, frozenset(ledgers)),
        OwnTest("oracle: knowledge", known, changes),
        OwnTest("oracle: versions and movements", states, followers),
    ]


def _in_deal_currency(movement: Movement) -> Movement:
    """What it is worth elsewhere hangs on the day where the company is, and the oracle lives in UTC: the marts' answers tell it."""
    return replace(movement, booked_amount_delta=None, constant_amount_delta=None, amount_missing_reason=None)


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
        if not tables:
            continue  # it asks the company, not the warehouse
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
        key = (id(company), *(repr(each) if isinstance(each, list | dict) else each for each in question))
        if key not in known:
            known[key] = function(company, *question)
        return known[key]

    answer.is_remembered = True  # type: ignore[attr-defined]
    return answer
