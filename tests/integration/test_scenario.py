"""A company of forty deals says in every mart what was worked out by hand: tests/scenario, one row of it after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import duckdb
import pytest

from extractors.core.settings import Settings
from tests.marts.build import compiled
from tests.scenario.expectations import (
    FOLDER,
    Expected,
    conditions,
    expected,
    metrics,
    number,
    published,
    settings,
)
from watertight import night as steps

pytestmark = pytest.mark.integration

GROUPS = {
    f"{metric}-{mart}": list(rows)
    for (metric, mart), rows in groupby(
        sorted(expected(), key=lambda each: (each.metric.name, each.mart)), lambda each: (each.metric.name, each.mart)
    )
}
FIGURES = [each for each in expected() if published(each)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The company's three nights, loaded as any folder of files, and the last one built."""
    place = tmp_path_factory.mktemp("scenario")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Settings.model_config, "env_file", None)
        for folder in (*sorted((FOLDER / "earlier").iterdir()), FOLDER / "company"):
            current = Settings(home_dir=place, files_dir=folder, simulated_time=True, **settings())  # type: ignore[arg-type]
            plan = steps.plan(current, ["files"], one_process=True)
            for task in plan["tasks"]:
                steps.extract(current, task)
            steps.load(current, plan["run_id"])
            if folder.name == "company":
                steps.build(current, plan["run_id"])
            steps.give_up(current, plan["run_id"])
    return current


@pytest.fixture(scope="module")
def marts(home: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home.marts_file), read_only=True) as connection:
        yield connection


def asked(connection: duckdb.DuckDBPyConnection, table: str, columns: list[str], where: dict[str, Any]) -> list[Any]:
    """The rows of a table that meet all conditions; a condition of null is one too, and a number is compared as one."""
    clauses = " and ".join(
        f'"{name}" = ?'
        if isinstance(value, int | float) and not isinstance(value, bool)
        else f'cast("{name}" as varchar) is not distinct from cast(? as varchar)'
        for name, value in where.items()
    )
    listed = ", ".join(columns)
    return connection.execute(f"select {listed} from {table} where {clauses or 'true'}", [*where.values()]).fetchall()


def is_same(actual: Any, wanted: Any) -> bool:
    """Equal; numbers to nine digits, a date as it is written."""
    wanted = number(wanted)
    if wanted is None or actual is None or isinstance(wanted, bool):
        return actual is wanted
    if isinstance(wanted, int | float):
        return float(actual) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    return str(actual) == str(wanted)


def differences(connection: duckdb.DuckDBPyConnection, entry: Expected) -> list[str]:
    """What the mart says otherwise, in a sentence each."""
    where = conditions(entry.where) | (entry.metric.only if entry.mart == entry.metric.mart else {})
    told = f"{entry.mart} {entry.where}"
    if entry.deals is not None:
        keys = [key for (key,) in asked(connection, entry.mart, ["deal_key"], where)]
        names = dict(connection.execute("select deal_key, source_deal_id from dim_deals").fetchall())
        deals = sorted(names[key] for key in keys)
        return [] if deals == entry.deals else [f"{told}: deals {deals}, by hand {entry.deals} ({entry.why})"]
    names = list(entry.figures)
    columns = [f'coalesce(sum("{name}"), 0)' if entry.is_summed else f'"{name}"' for name in names]
    found = asked(connection, entry.mart, columns, where)
    if len(found) != 1:
        return [f"{told}: {len(found)} rows, by hand one ({entry.why})"]
    return [
        f"{told}: {name} {actual}, by hand {entry.figures[name]} ({entry.why})"
        for name, actual in zip(names, found[0], strict=True)
        if not is_same(actual, entry.figures[name])
    ]


def test_the_table_for_dashboards_holds_every_metric_that_has_periods(marts: duckdb.DuckDBPyConnection) -> None:
    held = {name for (name,) in marts.execute("select distinct metric from mart_metrics__values").fetchall()}
    assert held == {metric.name for metric in metrics().values() if metric.grains}


def test_every_metric_has_a_figure_worked_out_by_hand() -> None:
    stated = {each.metric.name for each in expected() if each.deals is not None or not each.metric.columns}
    for each in expected():
        stated |= {
            metric.name
            for metric in metrics().values()
            if each.mart == metric.mart
            and each.metric.only == metric.only
            and metric.columns.get("value") in each.figures
        }
    assert sorted(metrics().keys() - stated) == []
    assert {metric.section for metric in metrics().values()} == {1, 2, 3, 4, 5, 6}


def test_a_rate_written_down_is_its_numerator_over_its_denominator() -> None:
    for each in expected():
        value, above, below = (
            each.figures.get(each.metric.columns.get(name, "")) for name in ("value", "numerator", "denominator")
        )
        if None not in (value, above, below) and each.metric.name != "forecast_error":
            assert number(value) == pytest.approx(above / below, rel=1e-9), each


@pytest.mark.parametrize("name", GROUPS)
def test_the_mart_says_what_was_worked_out_by_hand(name: str, marts: duckdb.DuckDBPyConnection) -> None:
    wrong = [sentence for each in GROUPS[name] for sentence in differences(marts, each)]
    assert not wrong, "\n".join(wrong)


def test_the_table_for_dashboards_says_the_same(marts: duckdb.DuckDBPyConnection) -> None:
    labels = {
        (dimension, key): value
        for dimension, key, value in marts.execute(
            "select dimension, dimension_key, dimension_value from mart_metrics__dimension_values"
        ).fetchall()
    }
    wrong, compared = [], 0
    for each in FIGURES:
        at = conditions(each.values_at, in_values=True)
        at["dimension_value"] = labels.get((at["dimension"], at.pop("dimension_key")))
        for name, measures in published(each).items():
            compared += 1
            columns = [f'"{measure}"' for measure in measures]
            found = asked(marts, "mart_metrics__values", columns, {"metric": name, **at})
            told = f"{name} {each.values_at}"
            if len(found) != 1:
                wrong.append(f"{told}: {len(found)} rows, by hand one ({each.why})")
                continue
            wrong += [
                f"{told}: {measure} {actual}, by hand {measures[measure]} ({each.why})"
                for measure, actual in zip(measures, found[0], strict=True)
                if not is_same(actual, measures[measure])
            ]
    assert not wrong, "\n".join(wrong)
    assert compared > 80


@pytest.mark.parametrize(
    "planted",
    [
        'select * replace ("value" + 1 as "value") from held',
        "select * replace (coalesce(numerator, 0) + 1 as numerator) from held",
        "select * replace (period_start + 1 as period_start) from held",
        "select * replace (case when currency_code is null then 'XXX' end as currency_code) from held where currency_code is not null",
        "select * from held where false",
        "select * from held union all select * from held",
    ],
)
def test_no_metric_of_the_table_for_dashboards_goes_unguarded(home: Settings, planted: str) -> None:
    guards = [
        compiled(home.build_dir, f"marts_{name}")
        for name in (
            "metric_values_equal", "marketing_values_equal", "sales_values_equal", "metric_values_are_unique",
        )
    ]  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.marts_file}' as marts (read_only)")
        metrics_held = "select distinct metric from held"
        if "currency_code is not null" in planted:
            metrics_held += " where currency_code is not null"
        connection.execute("create table held as from marts.main.mart_metrics__values")
        connection.execute(f"create table planted as {planted}")
        held = {name for (name,) in connection.execute(metrics_held).fetchall()}
        seen = {
            row[0]
            for guard in guards
            for row in connection.execute(
                guard.replace('"marts"."main"."mart_metrics__values"', "memory.main.planted")
            ).fetchall()
        }
    assert held - seen == set()
