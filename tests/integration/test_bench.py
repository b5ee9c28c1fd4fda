"""The measurement of the ledger's cost on a tiny company: that it runs, finds the models and counts, not what it finds."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.bench import proof, table
from tests.bench import rounds as r
from tests.bench.__main__ import main
from tests.bench.book import Book
from tests.bench.measure import Figure, Run
from tests.bench.parts import Measured
from tests.bench.plan import Plan
from tests.bench.statements import Model

pytestmark = pytest.mark.integration


def test_a_round_on_a_tiny_company_fills_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bench"
    assert (
        main(
            [
                "--deals",
                "600",
                "--rounds",
                "1",
                "--only",
                "visits,daily,funnel,delta,history,publication,ingest",
                "--folder",
                str(folder),
            ]
        )
        == 0
    )
    printed = capsys.readouterr()
    rows = {line.split("|")[1].strip(): line for line in printed.out.splitlines() if line.startswith("| ")}
    assert re.search(r"company of 600 deals has \d,\d{3} changes", printed.out)
    measured = {name for name, line in rows.items() if "not measured" not in line}
    assert {
        "stage visits from transitions",
        "fct_deal_stage_visits",
        "daily pipeline by pipeline and stage, count and amount",
        "daily pipeline by pipeline and stage, 1.8 times as long a cycle",
        "nightly delta: staging, intermediate and core facts",
        "nightly delta: everything, all marts included",
        "nightly delta of staging and core facts, three times the history behind it",
        "publication: checkpoint, copy, fsync, rename",
    } <= measured
    assert "all core facts and all marts" not in measured
    assert "changes and range joins give the same rows" in printed.err
    assert "tables of the night equal those of the full rebuild" in printed.err
    assert not folder.exists()
    assert "extract, land, load, staging" in measured
    for name, least in (("own road", 500), ("own road, tenfold", 5000)):
        counts = [int(cell.replace(",", "")) for cell in rows[name].split("|")[2:6]]
        assert min(counts) > least
        assert len(set(counts)) == 1, "sent, landed, loaded and staged"


def test_a_night_that_differs_from_its_rebuild_is_named(tmp_path: Path) -> None:
    for name, last in (("night", 2), ("rebuilt", 3)):
        (tmp_path / name).mkdir()
        for file in ("marts", "detail"):
            with duckdb.connect(str(tmp_path / name / f"{file}.duckdb")) as connection:
                connection.execute(f"create table same_{file} as select 1 as a, 'night' as run_id")
                connection.execute(f"create table fct_{file} as from (values (1), (2), ({last})) as t(a)")
    with pytest.raises(SystemExit, match="fct_detail, fct_marts differ"):
        proof.require_equal(tmp_path / "night", tmp_path / "rebuilt")
    assert proof.require_equal(tmp_path / "night", tmp_path / "night") == 4


def test_sides_with_different_rows_have_no_ratio() -> None:
    found: dict[str, proof.Fingerprints] = {"one": {"daily": (2, 7)}, "other": {"daily": (2, 8)}}
    proof.require_same_rows(found, "one", "one")
    with pytest.raises(SystemExit, match="one and other give different rows"):
        proof.require_same_rows(found, "one", "other")


def test_a_company_that_was_not_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="There is no finished company in"):
        main(["--reuse", "--folder", str(tmp_path)])
    assert tmp_path.exists()


def test_rows_that_nobody_measures_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "visits,fast"])
    assert "no such rows: fast" in capsys.readouterr().err


def model(name: str, *parents: str) -> Model:
    """A model by name and parents; the layer follows from the name."""
    layer = {"fct": "core", "dim": "core", "mar": "marts", "int": "intermediate", "stg": "staging"}[name[:3]]
    return Model(name, layer, "table", parents, (), (), "")


def test_models_join_the_rows_by_who_reads_whom() -> None:
    models = [
        model("stg_a"),
        model("dim_rates", "stg_a"),
        model("dim_deals", "fct_deal_stage_visits"),
        model("fct_deal_stage_visits", "stg_a"),
        model("fct_pipeline_movements", "fct_deal_stage_visits", "dim_rates"),
        model("mart_shared", "dim_deals"),
        model("mart_sales__pipeline_changes_daily", "fct_pipeline_movements"),
        model("mart_sales__pipeline_daily", "mart_sales__pipeline_changes_daily", "mart_shared"),
        model("mart_sales__funnel", "mart_shared"),
    ]
    plan = Plan({each.name: each for each in models})
    assert plan.daily() == ("mart_sales__pipeline_changes_daily", "mart_sales__pipeline_daily")
    heavy, missing = plan.heavy()
    assert set(heavy) == {
        "fct_deal_stage_visits",
        "mart_sales__pipeline_changes_daily",
        "mart_shared",
        "mart_sales__pipeline_daily",
        "mart_sales__funnel",
    }
    assert missing == ("mart_sales__time_in_stage", "mart_sales__pipeline_waterfall")
    assert plan.facts_behind_heavy() == ("fct_pipeline_movements",)
    assert [each.name for each in plan.first_half] == [
        "stg_a",
        "dim_rates",
        "fct_deal_stage_visits",
        "fct_pipeline_movements",
    ]
    assert next(each.name for each in plan.second_half) == "dim_deals"


def test_parts_measured_one_by_one_come_together(tmp_path: Path) -> None:
    found = Measured()
    found.add(
        [table.Row("one: a", "x", 1.0, Figure(2.0, 1.0, 3.0), rounds=5), table.Row("two", "x", 1.0, None)], [], 1000
    )
    found.save(tmp_path / "bench.json")
    later = Measured.of(tmp_path / "bench.json")
    assert later == found
    later.add(
        [table.Row("one: b", "x", 1.0, None), table.Row("two", "x", 1.0, Figure(0.5, 0.4, 0.6), rounds=2)], [], 20
    )
    lines = table.markdown([*later.goals.values()]).splitlines()[2:]
    assert lines == [
        "| one: a | x | ≤ 1.00 | 2.00 | 1.00 to 3.00 | **no** | 0.00 | 0.00 | 0 | 1,000 | 5 |",
        "| two | x | ≤ 1.00 | 0.50 | 0.40 to 0.60 | yes | 0.00 | 0.00 | 0 | 20 | 2 |",
    ]
    assert Measured.of(tmp_path / "absent.json") == Measured()


def test_a_measurement_that_was_cut_goes_on_after_its_last_whole_round(tmp_path: Path) -> None:
    file = tmp_path / "rounds.json"
    cut = Book(file)
    cut.keep("a", Run(1.0, 10, {"a": 0.9}))
    cut.close_round()
    cut.keep("a", Run(2.0, 20, {}))
    held = Book(file)
    assert held.rounds == 1
    assert held.runs == {"a": [Run(1.0, 10, {"a": 0.9})]}


def test_a_ratio_is_taken_round_by_round() -> None:
    runs = {
        "a": [Run(2.0, 10, {}), Run(6.0, 30, {})],
        "b": [Run(1.0, 10, {}), Run(1.0, 20, {})],
        r.SORT: [Run(1.0, 1, {}), Run(3.0, 1, {}), Run(2.0, 1, {}), Run(3.0, 1, {})],
    }
    found = table.row("a and b", r.SORT, 2.0, runs, ["a", "b"], [r.SORT])
    assert found.ratio == Figure(median=(1.5 + 2.8) / 2, least=1.5, most=2.8)
    assert found.peak_mb == 30
    assert found.is_met is False
    assert table.row("c", r.SORT, 2.0, runs, ["c"], [r.SORT]).ratio is None
