"""Whoever lost its turn over a home writes nothing more, and whoever has it is disturbed by nobody. Whole nights at once are in `test_kills.py`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.errors import BusyError, ConfigurationError, LeaseError
from extractors.core.landing import read_manifests
from extractors.core.locks import alone_in
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract
from simulator.server import start
from tests.nights.hubspot import settings_for
from warehouse import lease as module
from warehouse.lease import Lease, read
from watertight import night

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def change(home: Path, **values: object) -> None:
    path = home / "lease.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture
def landed(tmp_path: Path) -> Iterator[Settings]:
    """The settings of a home without a night, whose HubSpot is simulated."""
    with start(tmp_path / "company", 60, seed=3) as simulation:
        yield settings_for(tmp_path / "home", simulation).model_copy(update={"sources": ("hubspot",)})


def task_of(plan: dict[str, Any], resource: str) -> dict[str, Any]:
    return next(task for task in plan["tasks"] if task["resource"] == resource)


def test_a_zombie_that_lost_its_turn_lands_nothing(landed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next try of the night has begun while it was reading: its landing would be loaded by a rebuild and was never loaded by a night."""
    old = night.plan(landed, one_process=False)
    others = []

    def overtake(lease: Lease) -> Any:
        Lease(landed.home, old["run_id"]).release()
        others.append(Lease.take(landed.home, one_process=False).run_id)
        return fence(lease)

    fence = Lease.fence
    monkeypatch.setattr(Lease, "fence", overtake)
    with pytest.raises(LeaseError, match="no longer holds"):
        night.extract(landed, task_of(old, "owners"))
    assert len(others) == 1
    assert read_manifests(landed.landing_dir) == []


def test_a_task_that_was_given_up_and_lives_on_is_not_disturbed_by_its_next_try(landed: Settings) -> None:
    """Airflow takes a task for dead and begins it again while the first process goes on; both have the same run."""
    plan = night.plan(landed, one_process=False)
    task = task_of(plan, "owners")
    first = night.extract(landed, task)
    [landing] = read_manifests(landed.landing_dir)
    with alone_in(landing.folder.parent):
        script = (
            "from pathlib import Path; from extractors.core.locks import alone_in\n"
            f"with alone_in(Path({str(landing.folder.parent)!r})): pass"
        )
        other = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "Another process is still extracting owners" in other.stderr
        with pytest.raises(BusyError) as caught:
            night.extract(landed, task)
    assert caught.value.exit_code == 3
    # Once it is through, the other finds what it has landed.
    assert night.extract(landed, task) == first
    landing.check_parts()


def test_a_process_that_is_still_in_a_step_keeps_the_next_run_out_of_it(landed: Settings) -> None:
    """Its lease has run out while it was building: the files of a build have no commit, so nobody may begin on them."""
    old = Lease.take(landed.home, one_process=False)
    with old.writing():
        change(landed.home, expires_at="2000-01-01T00:00:00Z", expires_uptime=0)
        new = Lease.take(landed.home, one_process=False)
        for step in (night.load, night.build, night.verify, night.publish):
            with pytest.raises(BusyError, match="still writing") as caught:
                step(landed, new.run_id)
            assert caught.value.exit_code == 3
    # The other way round it does not even begin.
    with pytest.raises(LeaseError, match="no longer holds"), old.writing():
        raise AssertionError
    with new.writing():
        pass


def test_a_process_that_is_killed_in_a_step_keeps_nobody_out(tmp_path: Path) -> None:
    script = (
        "import os, signal; from pathlib import Path; from warehouse.lease import Lease\n"
        f"with Lease.take(Path({str(tmp_path)!r}), one_process=True).writing(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert killed.returncode == -9
    with Lease.take(tmp_path, one_process=True).writing():
        pass


@pytest.mark.parametrize("years", [-3, 3])
def test_a_clock_that_is_set_neither_frees_a_lease_nor_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    Lease.take(tmp_path, one_process=False)

    class Elsewhen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(days=365 * years)

    monkeypatch.setattr(module, "datetime", Elsewhen)
    with pytest.raises(LeaseError):
        Lease.take(tmp_path, one_process=False)
    later = module._uptime(timedelta(hours=5))
    monkeypatch.setattr(module, "_uptime", lambda _=None: later)
    Lease.take(tmp_path, one_process=False)


def test_a_lost_lease_gives_no_run_an_earlier_id(landed: Settings) -> None:
    """What an earlier id lands would be taken for older than what is loaded, and passed over for ever."""
    plan = night.plan(landed, one_process=True)
    night.extract(landed, task_of(plan, "owners"))
    night.give_up(landed, plan["run_id"])
    [folder] = {one.folder for one in read_manifests(landed.landing_dir)}
    later = folder.with_name("20991231T235959Z-ffff")
    shutil.copytree(folder, later)
    (landed.home / "lease.json").unlink()
    assert Lease.take(landed.home, one_process=True).run_id.startswith("21000101T000000Z-")


def test_the_cursor_of_another_account_is_refused_before_anything_is_asked(landed: Settings) -> None:
    """With it, whatever that account had recorded before would never be asked for."""
    cursor = datetime(2026, 6, 1, tzinfo=UTC)
    with pytest.raises(ConfigurationError, match="of the account 9") as caught:
        extract(landed, "hubspot", "deals", "20260602T020000Z-0001", ResourceState(cursor, cursor, "9"))
    assert "WATERTIGHT_HOME" in caught.value.mend
    assert read_manifests(landed.landing_dir) == []


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        ("update raw._loads set cursor_to = cursor_to + interval 40 days where resource = 'owners'", "loaded up to"),
        ("delete from raw.hubspot__owners where _load_number = (select max(_load_number) from raw.hubspot__owners)", "rows"),
        ("drop table raw.hubspot__owners", "rows"),
    ],
)  # fmt: skip
def test_a_cursor_that_is_ahead_of_the_data_is_not_believed(landed: Settings, edit: str, wrong: str) -> None:
    """What was recorded between the data and the cursor would never be asked for: the warehouse is made anew from what has landed."""
    plan = night.plan(landed, one_process=True)
    night.extract(landed, task_of(plan, "owners"))
    night.load(landed, plan["run_id"])
    night.give_up(landed, plan["run_id"])
    sound = night.plan(landed, one_process=True)
    night.give_up(landed, sound["run_id"])
    with duckdb.connect(str(landed.warehouse_file)) as connection:
        connection.execute(edit)
    mended = night.plan(landed, one_process=True)
    night.give_up(landed, mended["run_id"])
    assert sound["mended"] is None
    assert wrong in mended["mended"]
    assert task_of(mended, "owners")["cursor"] == task_of(sound, "owners")["cursor"] is not None
    [manifest] = [one.manifest for one in read_manifests(landed.landing_dir)]
    with duckdb.connect(str(landed.warehouse_file), read_only=True) as connection:
        assert connection.execute("select count(*) from raw.hubspot__owners").fetchone() == (manifest.rows,)


def test_cursors_are_never_kept_apart_from_the_data(landed: Settings) -> None:
    """A warehouse that is lost or older takes its cursors along: the next night asks from there on, and what is landed already is loaded first."""
    plan = night.plan(landed, one_process=True)
    for resource in ("owners", "deal_pipelines"):
        night.extract(landed, task_of(plan, resource))
    night.load(landed, plan["run_id"])
    night.give_up(landed, plan["run_id"])
    again = night.plan(landed, one_process=True)
    assert task_of(again, "owners")["cursor"] is not None
    night.give_up(landed, again["run_id"])
    for path in landed.home.glob("warehouse.duckdb*"):
        with suppress(IsADirectoryError):
            os.unlink(path)
    lost = night.plan(landed, one_process=True)
    assert task_of(lost, "owners")["cursor"] is None
    assert len(night.load(landed, lost["run_id"])) == 2
    night.give_up(landed, lost["run_id"])
    record = read(landed.home)
    assert record is not None
    assert record.is_free
