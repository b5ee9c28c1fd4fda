"""What a disk can do to a night, a dozen times; the long runs are `make failing-writes` and `make corruption`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from extractors.core.errors import DiskError, IntegrityError, WatertightError
from tests import small_project
from tests.faults import corruption, writes
from tests.faults.stage import ROOT, Stage, content, settings_of, stage_of_all, versions
from tests.faults.trials import Trials, has_strace, small_company, trials
from warehouse import manifest
from warehouse.build import build
from warehouse.database import require_space, writer
from warehouse.lease import Lease
from warehouse.soundness import find_damage, witnessed_loads

pytestmark = pytest.mark.integration

NEXT_DUCKDB = ROOT / ".venv-duckdb2"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_of_all(tmp_path_factory)


@pytest.fixture(scope="module")
def running(stage: Stage) -> Iterator[Trials]:
    with trials(stage.project) as forking:
        yield forking


@pytest.fixture
def home(stage: Stage, tmp_path: Path) -> Path:
    """A copy of the home in which the first night is published."""
    return stage.copy(tmp_path / "home")


Nightly = Callable[..., tuple[int, str, str]]


@pytest.fixture
def nightly(stage: Stage, running: Trials, home: Path) -> Nightly:
    """Runs the second night in `home`: its exit code, what it said, and what is published afterwards."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        done = running.run(*(arguments or ("nightly",)), environment=stage.environment(home) | environment)
        assert done.is_plain, done.said
        return done.code, " ".join(done.said.split()), content(home / "published")

    return run


@pytest.mark.skipif(not has_strace(), reason="strace is not installed: make system-deps")
@pytest.mark.parametrize(
    "batch",
    [
        "calls fsync 8 EIO, calls rename 13 ENOSPC, calls write 4 ENOSPC, calls rename 21 ENOSPC",
        "database fsync 1 EIO, database write 7 ENOSPC, space file size 300000 EFBIG, database read 3 EIO, calls fsync 46 EIO",
    ],
)
def test_a_call_that_fails_leaves_the_old_publication(
    stage: Stage, running: Trials, tmp_path: Path, batch: str
) -> None:
    given = [named.rsplit(" ", 2) for named in batch.split(", ")]
    faults = [writes.Trial(*head.split(" ", 1), int(number), error) for head, number, error in given]  # type: ignore[call-arg]
    results = writes.run_batch(running, stage, faults, tmp_path / "home")
    assert [one.wrong for one in results if one.wrong] == []
    assert sum(one.end == "failed, old night shown" for one in results) >= 3


def test_damage_is_noticed_or_harmless(stage: Stage, running: Trials, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.corruption", "--folder", str(tmp_path), "--stage", str(stage.place),
         "--trials", "36", "--whole-nights", "500"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    results = corruption.read_log(tmp_path / "log.jsonl")
    assert len(results) == 36
    assert sum(one.end == corruption.NOTICED for one in results) > 24


def flip(path: Path, share: float = 0.5) -> None:
    held = bytearray(path.read_bytes())
    held[int(share * len(held))] ^= 4
    path.write_bytes(bytes(held))


def test_a_missing_warehouse_is_made_anew_without_a_person(stage: Stage, nightly: Nightly, home: Path) -> None:
    (home / "warehouse.duckdb").unlink()
    code, said, shown = nightly()
    assert (code, shown) == (0, stage.after)
    assert "the warehouse was made anew" in said
    logged = "".join(path.read_text() for path in (home / "logs").glob("*_nightly_*"))
    assert "warehouse.duckdb is missing. The warehouse is made anew from the landing files." in logged
    assert versions(home) == stage.raw


def test_a_warehouse_that_lost_loads_is_made_anew(stage: Stage, home: Path) -> None:
    """As a write-ahead log leaves it that was cut: it opens, with fewer commits than the facts were made of."""
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("delete from raw._loads where resource = 'deals'")
    assert "lacks 1 loads that facts were already made of" in (find_damage(settings_of(home)) or "")


def test_a_foreign_log_is_noticed(stage: Stage, nightly: Nightly, home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    program = (
        f"import duckdb, os; c = duckdb.connect({str(other)!r}); c.execute('create table t as select range from range(99)');"
        " c.execute('checkpoint'); c.execute('delete from t where range > 5'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    shutil.copy(f"{other}.wal", home / "warehouse.duckdb.wal")
    assert find_damage(settings_of(home)) is not None
    code, _, shown = nightly()
    assert (code, shown) == (0, stage.after)


def test_damage_with_a_landing_gone_stops_the_night(stage: Stage, nightly: Nightly, home: Path) -> None:
    """What only that landing held would be lost without a word; the facts built last remember that it was loaded."""
    flip(home / "warehouse.duckdb")
    shutil.rmtree(next(home.glob("landing/files/*/deals/*")))
    code, said, shown = nightly()
    assert (code, shown) == (1, stage.before)
    assert "The landings of 1 loads are gone" in said
    assert witnessed_loads(settings_of(home))


def test_a_damaged_build_is_no_witness_and_no_source(stage: Stage, nightly: Nightly, home: Path) -> None:
    flip(home / "build" / "marts.duckdb", 0.3)
    code, said, shown = nightly()
    assert (code, shown) == (0, stage.after)
    assert "the warehouse was made anew" in said


def test_a_build_is_read_unless_it_is_what_was_published(stage: Stage, home: Path) -> None:
    built, published = home / "build", home / "published"
    assert manifest.is_published(published, built / "marts.duckdb")
    assert manifest.is_published(published, built / "detail.duckdb")
    flip(built / "marts.duckdb", 0.3)
    assert not manifest.is_published(published, built / "marts.duckdb")
    (built / "detail.duckdb.wal").touch()
    assert not manifest.is_published(published, built / "detail.duckdb")
    assert not manifest.is_published(published, home / "warehouse.duckdb")


def test_the_restore_drill(stage: Stage, running: Trials, nightly: Nightly, home: Path, tmp_path: Path) -> None:
    """docs/operations.md, Restore: a home of which the landing files alone are left."""
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copytree(home / "landing", restored / "landing")
    done = running.run("rebuild", environment=stage.environment(restored))
    assert done.code == 0, done.said
    assert content(restored / "published") == stage.before
    assert versions(restored) == versions(home)
    shutil.rmtree(home)
    restored.rename(home)
    code, _, shown = nightly()
    assert (code, shown, versions(home)) == (0, stage.after, stage.raw)


def test_a_place_that_cannot_be_written_is_said_at_once(stage: Stage, nightly: Nightly, home: Path) -> None:
    """Read-only where this user may mount, else not this user's; the old publication is served all the while."""
    is_root = os.geteuid() == 0
    lock = (
        [["mount", "--bind", str(home), str(home)], ["mount", "-o", "remount,ro,bind", str(home)]]
        if is_root
        else [["chmod", "-R", "a-w", str(home)]]
    )
    unlock = ["umount", str(home)] if is_root else ["chmod", "-R", "u+w", str(home)]
    for command in lock:
        subprocess.run(command, check=True)
    try:
        began, used = time.monotonic(), sum(os.times()[2:4])
        code, said, shown = nightly()
        # by the processor's clock, since another test may be at work beside it; by the wall's, since nothing may wait
        assert sum(os.times()[2:4]) - used < 5
        assert time.monotonic() - began < 20
    finally:
        subprocess.run(unlock, check=True)
    assert code in (1, 2)
    assert shown == stage.before
    named = rf"{home}(/logs)? lies on a read-only file system\. Set WATERTIGHT_HOME"
    assert re.search(named, said) if is_root else "may not be written" in said


def test_a_missing_temporary_folder_is_not_needed(stage: Stage, nightly: Nightly) -> None:
    # A place where nobody, root included, can make a folder.
    code, _, shown = nightly(TMPDIR="/proc/none", TEMP="/proc/none", TMP="/proc/none")
    assert (code, shown) == (0, stage.after)


def test_a_spill_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb.tmp").write_text("")
    with pytest.raises(WatertightError, match=r"w\.duckdb\.tmp"), writer(tmp_path / "w.duckdb", 30) as connection:
        connection.execute(
            "create table t as select hash(i)::varchar || repeat('x', 50) as a from range(1000000) t(i) order by 1"
        )


def test_a_build_that_spills_goes_on(tmp_path: Path) -> None:
    """One of its models needs more memory than there may be; every one behind it is built all the same."""
    sorted_rows = (
        "select hash(number)::varchar || repeat('x', 50) as text from range(400000) as numbers(number) order by 1"
    )
    small_project.write(
        tmp_path / "project",
        {
            "wide.sql": sorted_rows,
            "behind.sql": "select count(*) as row_count from {{ ref('wide') }}",
            "last.sql": "select row_count from {{ ref('behind') }}",
        },
    )
    settings = settings_of(tmp_path / "home").model_copy(update={"memory_mb": 30})
    spilled = set()
    with small_project.in_force(tmp_path / "project"):
        built = build(
            settings, "20260601T020000Z-0000", lambda line: spilled.update(settings.home.glob("*.duckdb.tmp"))
        )
    assert spilled, "nothing was spilled"
    assert built.count("model", "success") == 3


def test_space_is_asked_for_first(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="too full for loading deals"):
        require_space(tmp_path, 2**60, "loading deals")


@pytest.fixture(scope="module")
def next_duckdb(stage: Stage) -> Iterator[Trials]:
    """The same program on DuckDB 2."""
    subprocess.run(["make", "-s", f"{NEXT_DUCKDB.name}/.installed"], cwd=ROOT, check=True, capture_output=True)
    with trials(stage.project, str(NEXT_DUCKDB / "bin" / "python")) as forking:
        yield forking


def every_value(path: Path) -> dict[str, str]:
    """The MD5 of each table's sorted text: comparable between versions, as DuckDB's own hashes are not."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() order by 1"
        ).fetchall()
        return {
            table: connection.execute(
                f"select md5(string_agg(one::varchar, '|' order by one::varchar)) from {table} as one"
            ).fetchall()[0][0]
            for (table,) in tables
        }


def test_duckdb_is_upgraded_and_put_back(stage: Stage, next_duckdb: Trials, nightly: Nightly, home: Path) -> None:
    """A night on 2.0 in files of 1.5; a copy made by 2.0; the way back; a night on 1.5."""
    before = {
        name: every_value(home / name) for name in ("warehouse.duckdb", "build/marts.duckdb", "build/detail.duckdb")
    }
    done = next_duckdb.run("upgrade", "--json", environment=stage.environment(home))
    assert done.code == 0, done.said
    assert '"duckdb": "2.' in done.said
    assert {name: every_value(home / name) for name in before} == before
    kept = {name: every_value(home / f"{name}.before-upgrade") for name in before}
    assert kept == before
    done = next_duckdb.run("nightly", "--json", environment=stage.environment(home))
    assert done.code == 0, done.said
    assert content(home / "published") == stage.after
    code, said, _ = nightly("upgrade", "--undo")
    assert code == 0, said
    code, _, shown = nightly()
    assert (code, shown, versions(home)) == (0, stage.after, stage.raw)


def test_a_first_night_on_the_next_duckdb_can_be_read_by_this_one(
    stage: Stage, next_duckdb: Trials, tmp_path: Path
) -> None:
    home = tmp_path / "young"
    done = next_duckdb.run("nightly", "--json", environment=stage.environment(home))
    assert done.code == 0, done.said
    for name in ("warehouse.duckdb", "build/marts.duckdb", "published/marts.duckdb", "published/detail.duckdb"):
        assert every_value((home / name).resolve())


def test_a_file_of_a_newer_duckdb_is_named(stage: Stage, next_duckdb: Trials, nightly: Nightly, home: Path) -> None:
    newer = home / "warehouse.duckdb"
    newer.unlink()
    program = f"import duckdb; duckdb.connect({str(newer)!r}).execute('create table t as select 1 as a')"
    subprocess.run([str(NEXT_DUCKDB / "bin" / "python"), "-c", program], check=True)
    code, said, shown = nightly()
    assert (code, shown) == (1, stage.before)
    assert "warehouse.duckdb was written by a newer DuckDB" in said


def test_a_copy_that_differs_is_not_put_in_place(stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from warehouse import upgrade

    held = (home / "warehouse.duckdb").read_bytes()
    sums = iter([{("raw", "t"): (1, 1)}, {("raw", "t"): (1, 2)}])
    monkeypatch.setattr(upgrade, "checksums", lambda *_: next(sums))
    with pytest.raises(IntegrityError, match=r"differs from it in raw\.t"):
        upgrade.upgrade(settings_of(home), Lease.take(home, one_process=True))
    assert (home / "warehouse.duckdb").read_bytes() == held
    assert not list(home.rglob("*upgrade*"))


def test_a_rebuild_judges_what_was_never_loaded(stage: Stage, home: Path) -> None:
    """A landing that a dead night left unloaded is no less unlikely because the warehouse is made anew."""
    from tests.faults.stage import empty_listing
    from warehouse.gates import UnlikelyLandingError
    from warehouse.verify import reload

    settings = settings_of(home)
    empty_listing(settings, "deals")
    with pytest.raises(UnlikelyLandingError, match="no longer listed"):
        reload(settings, Lease.take(home, one_process=True), small_company())
