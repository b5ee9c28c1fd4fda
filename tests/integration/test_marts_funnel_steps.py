"""Whose names make the funnel: the preset's alone, or under `own` the companies' alone; what fits neither is unmapped and named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import ConfigurationError
from extractors.core.settings import Settings
from tests.core.warehouse import Warehouse
from warehouse.build import build

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

#: (pipeline, stage, order, kind, funnel step); the first stage of `a` has a typing error in a preset's name
STAGES = [
    ("a", "a1", 1, "open", "first reqest"),
    ("a", "a2", 2, "open", "meeting"),
    ("a", "a3", 3, "open", "contract"),
    ("a", "a4", 4, "won", "payment"),
    ("a", "a5", 5, "lost", None),
    ("a", "a6", 6, "lost", "none"),
    ("b", "b1", 1, "open", "trial"),
    ("b", "b2", 2, "open", "first reqest"),
    ("b", "b3", 3, "open", None),
    ("b", "b4", 4, "won", "payment"),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A files source with two pipelines and deals in their first stages."""
    warehouse = Warehouse(tmp_path_factory.mktemp("steps"))
    warehouse.load("files", "pipelines", [
        {"id": name, "payload": {"pipeline_id": name, "pipeline_name": name}} for name in "ab"
    ])  # fmt: skip
    warehouse.load("files", "stages", [
        {"id": f"{pipeline}|{stage}",
         "payload": {"pipeline_id": pipeline, "stage_id": stage, "stage_name": stage.upper(), "stage_order": str(order),
                     "stage_kind": kind, "is_active_stage": None, "funnel_step": step, "default_probability": None}}
        for pipeline, stage, order, kind, step in STAGES
    ])  # fmt: skip
    warehouse.load("files", "deals", [
        {"id": stage,
         "payload": {"deal_id": stage, "deal_name": stage, "pipeline_id": pipeline, "stage_id": stage,
                     "created_at": "2026-05-01T10:00:00Z", "deal_amount": "100.00", "currency_code": "EUR"}}
        for pipeline, stage, *_ in STAGES if stage in ("a1", "a2", "b1")
    ])  # fmt: skip
    # Without the stage of their creation their histories would be incomplete, and the funnel would leave them out.
    warehouse.load("files", "deal_changes", [
        {"id": f"{stage}|1",
         "payload": {"deal_id": stage, "field": "stage", "new_value": stage, "changed_at": "2026-05-01T10:00:00Z"}}
        for stage in ("a1", "a2", "b1")
    ])  # fmt: skip
    return warehouse


def built(warehouse: Warehouse, preset: str) -> tuple[dict[str, Any], dict[str, str], dict[str, int | None]]:
    """(stage → its step and number, warned stage → sentence, measured step → deals that reached it, in the funnel's order)."""
    result = warehouse.dbt(
        "build", "--full-refresh", "--select", "+dim_stages", "+mart_sales__funnel", "--exclude", "test_type:unit",
        "--indirect-selection", "cautious", variables={"funnel_preset": preset},
    )  # fmt: skip
    assert result.success, [each.message for each in result.result or () if each.status in ("error", "fail")]
    steps = {
        row["source_stage_id"]: (row["funnel_step"], row["funnel_step_number"])
        for row in warehouse.rows("select * from dim_stages where source_stage_id is not null and is_current")
    }
    [warning] = [each for each in result.result if each.node.name.startswith("stages_are_mapped")]
    with warehouse.connect() as connection:
        connection.execute(f"attach '{warehouse.files['marts']}' as marts")
        found = connection.execute(warning.node.compiled_code).fetchall()
    funnel = warehouse.rows("""
        select step_name, reached_count from mart_sales__funnel
        where period_grain = 'all' and dimension = 'all' and is_measured order by step_number nulls last
    """)
    return (
        steps,
        {key.rpartition("|")[2]: sentence for key, sentence in found},
        {row["step_name"]: row["reached_count"] for row in funnel},
    )


def test_under_a_preset_a_name_that_it_lacks_is_unmapped_and_the_warning_names_it(loaded: Warehouse) -> None:
    steps, warned, funnel = built(loaded, "eight_steps")
    assert steps == {
        "a1": ("unmapped", None), "a2": ("meeting", 5), "a3": ("contract", 7), "a4": ("payment", 8), "a5": ("none", None),
        "a6": ("none", None), "b1": ("unmapped", None), "b2": ("unmapped", None), "b3": ("unmapped", None), "b4": ("payment", 8),
    }  # fmt: skip
    assert warned.keys() == {"a1", "b1", "b2", "b3"}
    for stage, name in {"a1": "first reqest", "b1": "trial"}.items():
        assert name in warned[stage]
    for sentence in warned.values():
        assert "funnel_step" in sentence
        assert "stages.csv" in sentence
        assert "eight_steps" in sentence or "no funnel step" in sentence
        assert "funnel_presets.csv" in sentence
        assert "stage_funnel_steps" not in sentence
    # The deal in the misspelt stage has reached no step, and never the contract.
    assert funnel == {"meeting": 1, "contract": 0, "payment": 0, "won": 0, "unmapped": 2}


def test_under_own_the_funnel_is_the_companies_steps_in_the_order_of_their_stages(loaded: Warehouse) -> None:
    steps, warned, funnel = built(loaded, "own")
    assert steps["a1"] == ("first reqest", None)
    assert steps["a5"] == steps["a6"] == ("none", None)
    assert warned.keys() == {"b3"}
    assert "stages.csv" in warned["b3"]
    # `trial` comes before `first reqest` in pipeline b, though both are some pipeline's first.
    assert list(funnel) == ["trial", "first reqest", "meeting", "contract", "payment", "won", "unmapped"]
    assert list(funnel.values()) == [3, 2, 1, 0, 0, 0, 0]


def test_an_unknown_preset_stops_before_the_build_and_lists_the_known(tmp_path: Path) -> None:
    settings = Settings(home_dir=tmp_path / "home", files_dir=tmp_path, funnel_preset="eigth_steps")
    with pytest.raises(ConfigurationError) as raised:
        build(settings, "20260601T020000Z-0001")
    for word in ("eigth_steps", "WATERTIGHT_FUNNEL_PRESET", "five_steps, six_steps, eight_steps, own"):
        assert word in str(raised.value)
    assert not settings.build_dir.exists()


def test_the_command_leaves_with_code_2_on_an_unknown_preset(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "pipelines.csv").write_text("pipeline_id,pipeline_name\np,Sales\n")
    (folder / "stages.csv").write_text("pipeline_id,stage_id,stage_name,stage_order,stage_kind\np,s,Start,1,open\n")
    (folder / "deals.csv").write_text("deal_id,pipeline_id,stage_id,created_at\n1,p,s,2026-01-01T10:00:00Z\n")
    done = subprocess.run(
        [sys.executable, "-m", "watertight.command", "nightly"],
        env={**os.environ, "WATERTIGHT_FILES_DIR": str(folder), "WATERTIGHT_FUNNEL_PRESET": "eigth_steps"},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "five_steps, six_steps, eight_steps, own" in " ".join((done.stdout + done.stderr).split())
