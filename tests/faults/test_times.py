"""Clocks that are wrong, nights that were missed, loads in another order: the last night publishes the same values."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from extractors.core.landing import Manifest
from extractors.core.settings import Settings
from tests.faults.stage import Stage, content, stage_of_all, versions
from tests.faults.trials import Trials, trials
from warehouse.lease import Lease, read
from warehouse.load import load

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_of_all(tmp_path_factory)


@pytest.fixture(scope="module")
def running(stage: Stage) -> Iterator[Trials]:
    with trials(stage.project) as forking:
        yield forking


@pytest.mark.parametrize(
    ("clock", "jump_hours"),
    [
        ("2020-01-01T00:00:00Z", 0),  # years before the first night
        ("2026-12-31T23:59:58Z", -48),
        ("2026-12-31T23:59:58Z", 5),  # beyond the end of the lease
        ("2038-01-19T03:14:07Z", 1),
        ("2027-03-28T00:59:59Z", 0),  # in Berlin the hour that is not there
        ("2027-10-31T00:30:00Z", 1),  # and the one that comes twice
    ],
)
def test_a_clock_that_is_wrong_changes_no_number(
    stage: Stage, running: Trials, tmp_path: Path, clock: str, jump_hours: float
) -> None:
    home = stage.copy(tmp_path / "home")
    before = read(home)
    environment = stage.environment(home) | {"WATERTIGHT_TIMEZONE": "Europe/Berlin"}
    done = running.run("nightly", environment=environment, clock=clock, jump_hours=jump_hours)
    assert done.code == 0, done.said
    after = read(home)
    assert before is not None
    assert after is not None
    assert after.run_id > before.run_id
    assert (content(home / "published"), versions(home)) == (stage.after, stage.raw)
    if not clock.startswith("2038"):
        return
    # The clock is right again: the next night is a later run, whatever the one before believed.
    done = running.run("nightly", environment=environment)
    assert done.code == 0, done.said
    assert content(home / "published") == stage.after


@pytest.mark.parametrize(
    "steps",
    [
        ("nightly", "nightly", "nightly"),
        ("extract", "extract", "load", "publish"),
        ("extract", "load", "load", "build", "extract", "nightly"),
        ("extract", "rebuild"),
    ],
    ids=" ".join,
)
def test_thirty_missed_nights_and_steps_in_any_order(
    stage: Stage, running: Trials, tmp_path: Path, steps: tuple[str, ...]
) -> None:
    home = stage.copy(tmp_path / "home")
    for step in steps:
        done = running.run(step, environment=stage.environment(home), clock="2026-12-30T02:00:00Z")
        assert done.code == 0, done.said
    assert (content(home / "published"), versions(home)) == (stage.after, stage.raw)


def test_overlapping_windows_give_the_same_versions_in_any_order(
    settings: Settings, land: Callable[..., Manifest]
) -> None:
    """Three backfills whose windows overlap, in the six orders in which they may come; each brings what the source says of its window."""
    windows = [(None, "2026-06-10"), ("2026-06-05", "2026-06-20"), ("2026-06-08", "2026-06-30")]
    stamp = "{}T00:00:00.000Z"
    found = set()
    for order in itertools.permutations(range(3)):
        shutil.rmtree(settings.home, ignore_errors=True)
        for run, which in enumerate(order):
            start, end = windows[which]
            # The first load has no cursor, whatever its window; a later one begins before the end of what is loaded.
            first = int(start[-2:]) if start and run else 1
            records = {
                str(day): {"id": day, "changed": f"2026-06-{day:02d}"} for day in range(first, int(end[-2:]) + 1)
            }
            begins = stamp.format(start) if start and run else None
            land("deals", f"202607{run + 1:02d}T020000Z-0000", records, cursor=(begins, stamp.format(end)))
            lease = Lease.take(settings.home, one_process=True)
            load(settings, lease, [("hubspot", "deals")])
            lease.release()
        with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
            rows = connection.execute(
                "select _source_id, payload::varchar from raw.hubspot__deals order by all"
            ).fetchall()
        found.add(str(rows))
    assert len(found) == 1
