"""A company's nights folded: the whole project says the same of them, today and as of a night that is past.

What is folded, and what a kill or a damaged file does to it, is judged row by row in test_expiry.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.landing import LandingWriter, read_manifests
from extractors.core.settings import Settings
from extractors.core.spec import Record
from tests.core.company import NIGHTS, Company
from tests.core.tables import differences
from tests.core.warehouse import ACCOUNTS, iso
from warehouse import folded, retention
from warehouse.as_of import published_tables, recompute
from warehouse.build import build_as_of
from warehouse.lease import Lease
from warehouse.load import load
from warehouse.verify import reload
from watertight.night import raw_tables

pytestmark = pytest.mark.integration

#: with landings on both sides of it, and folded with those before it; a stage is renamed, deals and persons are merged, a deal is gone
THEN = NIGHTS[2].date()
TABLES = ["dim_stages", "fct_deal_changes", "mart_sales__pipeline_board"]


class Landings:
    """Where the hand-written company of tests.core lives here: what it loads is landed, a landing a night and table."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.night = NIGHTS[0]
        self.rows: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)

    def load(self, source: str, resource: str, rows: list[dict[str, Any]]) -> None:
        self.rows[source, resource] += rows

    def control_totals(self, *said: Any) -> None:
        """No fact and no mart about sales is made of them."""

    def land(self) -> None:
        """Lands and loads what the night has brought."""
        run_id = self.night.strftime("%Y%m%dT%H%M%SZ-0001")
        for (source, resource), rows in self.rows.items():
            folder = self.settings.landing_dir / source / ACCOUNTS[source] / resource / run_id
            writer = LandingWriter(folder, extracted_at=iso(self.night) or "", run_id=run_id)
            writer.land(
                Record(each["id"], iso(each.get("updated_at")), each.get("is_deleted", False), json.dumps(each["payload"]).encode())
                for each in rows
            )  # fmt: skip
            reaches = self.night - timedelta(minutes=5)
            writer.finish({
                "source_system": source, "account": ACCOUNTS[source], "resource": resource, "run_id": run_id, "extracted_at": iso(self.night),
                "data_through": iso(reaches), "cursor_from": iso(reaches - timedelta(days=1)) if self.night > NIGHTS[0] else None,
                "cursor_to": iso(reaches), "mode": "changes", "sweep_of": None, "pages": 1, "requests": 1, "control_totals": None,
            })  # fmt: skip
        self.rows.clear()
        lease = Lease.take(self.settings.home, one_process=True)
        load(self.settings, lease, raw_tables())
        lease.release()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Five nights, landed and loaded."""
    settings = Settings(home_dir=tmp_path / "home", files_dir=tmp_path, keep_landing_days=9, _env_file=None)
    landings = Landings(settings)
    company = Company(landings)  # type: ignore[arg-type]  # it asks for no more than this
    for number in range(len(NIGHTS)):
        company.night(number)
        landings.land()
    return settings


def as_of_then(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of some tables as they were on the night in the middle, known then."""
    with recompute(settings, TABLES, THEN, THEN) as then, duckdb.connect(str(then.settings.marts_file)) as connection:
        assert (then.runs_known, then.runs) == (3, 5)
        return {table: connection.execute(f"from {table} order by all").fetchall() for table in TABLES}


def build_and_keep(settings: Settings, place: Path) -> dict[str, list[str]]:
    """Builds the whole project and moves its files; the tables of each that there are."""
    build_as_of(settings, published_tables(), None, lambda line: None)
    place.mkdir()
    tables = {}
    for file in (settings.marts_file, settings.detail_file):
        with duckdb.connect(str(file)) as connection:
            tables[file.name] = [
                name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
            ]
        shutil.move(file, place)
    return tables


def test_the_whole_project_says_the_same_from_folded_landings_and_of_a_past_night(
    settings: Settings, tmp_path: Path
) -> None:
    tables, told = build_and_keep(settings, tmp_path / "before"), as_of_then(settings)
    assert sum(map(len, tables.values())) > 100
    newest = max(landing.manifest.run_id for landing in read_manifests(settings.landing_dir))
    now = datetime.strptime(newest[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(days=9)
    lease = Lease.take(settings.home, one_process=True)
    removed = retention.expire_landings(settings, lease, now)
    held = folded.read(settings.landing_dir)
    assert removed
    assert held
    assert held.rows("hubspot__deals") > 30

    reload(settings, lease, raw_tables())
    lease.release()
    build_and_keep(settings, tmp_path / "after")
    found = [
        each
        for name, some in tables.items()
        for each in differences(tmp_path / "before" / name, tmp_path / "after" / name, some)
    ]
    assert not found, "\n".join(found)
    assert as_of_then(settings) == told
