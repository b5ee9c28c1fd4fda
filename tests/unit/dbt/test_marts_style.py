"""Rules that every mart keeps: its size, its sources, its description, and rates that stand beside their denominators."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

MARTS = Path(__file__).parents[3] / "dbt_project/models/marts"
#: declared by the company, and read as they are
SEEDS = {
    "funnel_presets", "limits", "qualification_criteria", "lead_score_points", "lead_score_bands", "benchmarks", "what_if_points",
    "targets",
}  # fmt: skip
MODELS = {path.stem: path.read_text() for path in MARTS.glob("*/mart_*.sql")}
DESCRIBED: dict[str, dict[str, Any]] = {
    model["name"]: model
    for path in MARTS.glob("*/_*.yml")
    for model in yaml.safe_load(path.read_text()).get("models", [])
}


def test_every_mart_is_described() -> None:
    assert MODELS.keys() == DESCRIBED.keys()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_mart_stays_small_and_reads_only_core_and_marts(name: str) -> None:
    sql = MODELS[name]
    assert sql.count("\n") <= 150
    assert all(len(re.findall(r"\bjoin\b", part)) <= 5 for part in re.split(r"\n\), *\n|\n\)\n", sql))
    read = re.findall(r"ref\('([a-z_]+)'\)", sql)
    assert all(source.startswith(("dim_", "fct_", "mart_")) or source in SEEDS for source in read), read
    assert "current_" not in sql
    assert "now()" not in sql


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_mart_says_its_grain_and_what_it_answers(name: str) -> None:
    model = DESCRIBED[name]
    assert model["description"].startswith("One row per ")
    assert model["config"]["meta"]["questions"]
    assert model["config"]["meta"]["drill_down"]
    for column in model["columns"]:
        assert column["description"], column
        assert not column["name"].startswith("_"), column


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_rate_stands_beside_its_counts_and_its_interval(name: str) -> None:
    columns = {column["name"] for column in DESCRIBED[name]["columns"]}
    for rate in [column for column in columns if column.endswith("_rate") and not column.startswith("exchange")]:
        assert {column for column in columns if column.endswith(("_count", "_amount"))}, rate
        if rate.endswith(("win_rate", "conversion_rate", "step_rate")) and rate != "value_win_rate":
            assert {f"{rate}_low", f"{rate}_high"} <= columns
