"""A company that has set up its pipeline and not one deal yet: its first night is a night like any other."""

from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from watertight.command import main

pytestmark = pytest.mark.integration

FILES = {
    "pipelines": "pipeline_id,pipeline_name\np,New business\n",
    "stages": "pipeline_id,stage_id,stage_name,stage_order,stage_kind,funnel_step\np,a,Meeting,1,open,first_request\np,w,Won,2,won,payment\np,l,Lost,3,lost,\n",
    "deals": "deal_id,pipeline_id,stage_id,created_at\n",
}


def test_a_company_without_a_deal_has_its_night_and_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    monkeypatch.setenv("WATERTIGHT_FILES_DIR", str(folder))
    night = CliRunner().invoke(main, ["nightly"])
    assert night.exit_code == 0, night.output
    published = tmp_path / "home" / "published"
    with duckdb.connect(str(published / "marts.duckdb"), read_only=True) as marts:
        # no key stands for nobody's deal, and today is a day of every calendar
        assert marts.execute("select count(*) from dim_deals").fetchall() == [(0,)]
        assert marts.execute("select count(distinct period_grain) from mart_metrics__periods").fetchall() == [(6,)]
        assert marts.execute("select max(deal_count) from mart_sales__touches").fetchall() == [(0,)]
    assert "No deal has ever been open" in (published / "dashboard.html").read_text()
