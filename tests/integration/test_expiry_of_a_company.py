"""The demonstration company's landings folded: the whole project says the same of them, today and as of a night that is past.

What is folded, and what a kill or a damaged file does to it, is judged row by row in test_expiry.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.landing import read_manifests
from extractors.core.settings import Settings
from simulator.server import start
from tests.demonstration import first_night_of_all
from tests.nights.hubspot import settings_for
from tests.nights.night import load_night
from warehouse import folded, retention
from warehouse.as_of import published_tables, recompute
from warehouse.build import build_as_of
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild, reload
from watertight import night as steps

pytestmark = pytest.mark.integration

#: the company is tidied up before night 4: stages and owners change, records go; deals are merged before night 30
NIGHTS = (4, 30)
#: the day of night 4
THEN = date(2026, 6, 5)
TABLES = ["dim_deals", "dim_stages", "fct_deal_changes", "fct_deal_stage_transitions", "mart_sales__pipeline_board"]


@pytest.fixture
def settings(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Settings:
    """The first night, built, and two more: loaded, built together."""
    shutil.copytree(first_night_of_all(tmp_path_factory).home_dir, tmp_path / "home", symlinks=True)
    with start(tmp_path / "company", size="small") as simulation:
        settings = settings_for(tmp_path / "home", simulation)
        for night in NIGHTS:
            simulation.advance(night)
            run_id, _ = load_night(settings, "hubspot")
            steps.give_up(settings, run_id)
    build_as_of(settings, published_tables(), None, lambda line: None)
    return settings


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def as_of_then(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of some tables as they were on the night in the middle, known then."""
    with recompute(settings, TABLES, THEN, THEN) as then:
        assert (then.runs_known, then.runs) == (2, 3)
        return {table: rows(then.settings.marts_file, f"from main.{table} order by all") for table in TABLES}


def test_the_whole_project_says_the_same_from_folded_landings_and_as_of_a_past_night(settings: Settings) -> None:
    told, loose = as_of_then(settings), len(read_manifests(settings.landing_dir))
    statuses = dict(rows(settings.marts_file, "select deal_status, count(*) from dim_deals group by all"))
    assert statuses["merged"] > 0
    assert statuses["deleted"] > 0
    raw = settings.warehouse_file
    for table in ("hubspot__deals", "hubspot__deal_pipelines", "hubspot__owners"):
        assert rows(raw, f"select true from raw.{table} group by _source_id having count(*) > 1 limit 1"), table

    lease = Lease.take(settings.home, one_process=True)
    newest = max(landing.manifest.run_id for landing in read_manifests(settings.landing_dir))
    now = datetime.strptime(newest[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(days=9)
    removed = retention.expire_landings(settings.model_copy(update={"keep_landing_days": 9}), lease, now)
    assert len(removed) > loose // 3
    assert folded.read(settings.landing_dir)

    assert compare_with_rebuild(settings, steps.raw_tables()) == []
    reload(settings, lease, steps.raw_tables())
    lease.release()
    assert as_of_then(settings) == told
