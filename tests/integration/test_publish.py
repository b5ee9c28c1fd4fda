"""Publication: readers never meet a lock, an error or half a night, and a failure leaves what was there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from extractors.core.errors import IntegrityError, LeaseError, WatertightError
from extractors.core.settings import Settings
from warehouse import publish as module
from warehouse.lease import Lease
from warehouse.publish import publish, published_run, scan
from warehouse.query import ask

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def build_night(settings: Settings, night: int, rows: int = 2000) -> None:
    settings.build_dir.mkdir(parents=True, exist_ok=True)
    for path in (settings.marts_file, settings.detail_file):
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                f"create or replace table one as select {night} as night, md5(i::varchar) as text from range({rows}) t(i)"
            )
            connection.execute(f"create or replace table two as select {night} as night")


def say_night(marts: Path) -> str:
    """A page that tells which night's marts it was made of."""
    with duckdb.connect(str(marts), read_only=True) as connection:
        return "night {}".format(*connection.execute("from two").fetchone() or ())


def publish_now(settings: Settings, make_page: Callable[[Path], str] = say_night) -> str:
    lease = Lease.take(settings.home, one_process=True)
    try:
        publish(settings, lease, make_page)
    finally:
        lease.release()
    return lease.run_id


def links(settings: Settings) -> dict[str, str]:
    return {
        name: os.readlink(settings.published_dir / name) for name in ("marts.duckdb", "detail.duckdb", "dashboard.html")
    }


def test_a_publication_is_three_files_and_their_links(settings: Settings) -> None:
    build_night(settings, 1)
    run_id = publish_now(settings)
    assert links(settings) == {
        "marts.duckdb": f"marts_{run_id}.duckdb",
        "detail.duckdb": f"detail_{run_id}.duckdb",
        "dashboard.html": f"dashboard_{run_id}.html",
    }
    assert (settings.published_dir / "dashboard.html").read_text() == "night 1"
    assert published_run(settings) == run_id
    assert ask(settings, "select night, count(*) from one group by 1").rows == [(1, 2000)]
    assert sorted(path.name for path in settings.published_dir.iterdir()) == sorted(
        {*links(settings), *links(settings).values()}
    )


def test_personal_data_are_for_their_owner_alone(settings: Settings) -> None:
    build_night(settings, 1)
    publish_now(settings)
    modes = {name: (settings.published_dir / name).stat().st_mode & 0o777 for name in links(settings)}
    assert modes == {"marts.duckdb": 0o444, "detail.duckdb": 0o400, "dashboard.html": 0o444}


def test_old_publications_go_but_for_the_newest_few(settings: Settings) -> None:
    settings = settings.model_copy(update={"keep_publications": 2})
    for night in range(4):
        build_night(settings, night)
        newest = publish_now(settings)
    for name in ("marts_*.duckdb", "detail_*.duckdb", "dashboard_*.html"):
        kept = sorted(path.name for path in settings.published_dir.glob(name))
        assert len(kept) == 2
        assert kept[-1] == name.replace("*", newest)


def test_without_its_page_no_night_is_published(settings: Settings) -> None:
    build_night(settings, 1)
    publish_now(settings)
    before = links(settings)
    build_night(settings, 2)

    def fail(marts: Path) -> str:
        raise WatertightError("the table three is not there.", "Build it again.")

    with pytest.raises(WatertightError, match=r"dashboard cannot be made .* the table three is not there") as failure:
        publish_now(settings, fail)
    assert "The old files and the old page stay." in str(failure.value)
    assert links(settings) == before
    assert (settings.published_dir / "dashboard.html").read_text() == "night 1"
    assert not list(settings.published_dir.glob(".*"))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # Behind the headers, inside the first blocks of data.
    content[3 * 4096 + 40_000] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_page_is_found_before_anybody_reads_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    build_night(settings, 1, rows=50_000)
    first = publish_now(settings)
    build_night(settings, 2, rows=50_000)
    copy = module._copy

    def copy_badly(source: Path, target: Path, mode: int) -> None:
        copy(source, target, 0o600)
        flip_a_byte(target)

    monkeypatch.setattr(module, "_copy", copy_badly)
    with pytest.raises(IntegrityError, match="damaged"):
        publish_now(settings)
    assert published_run(settings) == first
    assert ask(settings, "select distinct night from one").rows == [(1,)]
    assert not list(settings.published_dir.glob(".*"))


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_failing_link_leaves_all_as_they_were(settings: Settings, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    build_night(settings, 1)
    publish_now(settings)
    before = links(settings)
    build_night(settings, 2)
    real, calls = module._link, []

    def link(folder: Path, kind: str, target: str) -> None:
        calls.append(kind)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        real(folder, kind, target)

    monkeypatch.setattr(module, "_link", link)
    with pytest.raises(WatertightError, match="full"):
        publish_now(settings)
    assert links(settings) == before


def test_a_run_that_lost_its_lease_publishes_nothing(settings: Settings) -> None:
    build_night(settings, 1)
    first = publish_now(settings)
    old = Lease.take(settings.home, one_process=True)
    old.release()
    Lease.take(settings.home, one_process=True)
    with pytest.raises(LeaseError):
        publish(settings, old, say_night)
    assert published_run(settings) == first


def test_nothing_built_is_said_so(settings: Settings) -> None:
    with pytest.raises(WatertightError, match="nothing to publish"):
        publish_now(settings)


READER = """
import sys
from extractors.core.settings import Settings
from warehouse.query import ask
settings = Settings(home_dir=sys.argv[1], files_dir=sys.argv[1])
seen = set()
print("ready", flush=True)
while True:
    [(low, high, other)] = ask(settings, "select min(night), max(night), (select night from two) from one").rows
    assert low == high == other, (low, high, other)
    assert not seen or low >= max(seen), (low, seen)
    seen.add(low)
    if low == 12:
        break
print(len(seen))
"""


def test_readers_polling_through_publications_meet_no_error_and_no_mixed_night(settings: Settings) -> None:
    build_night(settings, 0)
    publish_now(settings)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(settings.home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for night in range(1, 13):
        build_night(settings, night)
        publish_now(settings)
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err
        assert int(out) > 2


def test_a_reader_that_holds_the_old_file_keeps_it(settings: Settings) -> None:
    build_night(settings, 1)
    publish_now(settings)
    with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as held:
        for night in range(2, 12):
            build_night(settings, night)
            publish_now(settings)
        assert held.execute("select distinct night from one").fetchall() == [(1,)]


@pytest.mark.parametrize("damage", [lambda content: content[:20_000], lambda content: b"nonsense" + content[8:]])
def test_the_scan_says_what_to_do_about_a_damaged_file(
    settings: Settings, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    build_night(settings, 1, rows=50_000)
    path = tmp_path / "cut.duckdb"
    path.write_bytes(damage(settings.marts_file.read_bytes()))
    with pytest.raises(IntegrityError, match="watertight rebuild"):
        scan(path)
