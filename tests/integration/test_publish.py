"""Publication: readers never meet a lock, an error or half a night, and a failure leaves what was there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.errors import IntegrityError, LeaseError, WatertightError
from extractors.core.settings import Settings
from tests.publications.nights import build_night, links, poll_through, publish_now, say_night
from warehouse import publish as module
from warehouse.lease import Lease
from warehouse.publish import publish, published_run, scan
from warehouse.query import ask

pytestmark = pytest.mark.integration


def test_a_publication_is_four_files_and_their_links(settings: Settings) -> None:
    build_night(settings, 1)
    run_id = publish_now(settings)
    assert links(settings) == {
        "marts.duckdb": f"marts_{run_id}.duckdb",
        "detail.duckdb": f"detail_{run_id}.duckdb",
        "dashboard.html": f"dashboard_{run_id}.html",
        "manifest.json": f"manifest_{run_id}.json",
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
    assert modes == {"marts.duckdb": 0o444, "detail.duckdb": 0o400, "dashboard.html": 0o444, "manifest.json": 0o444}


def test_old_publications_go_but_for_the_newest_few(settings: Settings) -> None:
    settings = settings.model_copy(update={"keep_publications": 2})
    for night in range(4):
        build_night(settings, night)
        newest = publish_now(settings)
    for name in ("marts_*.duckdb", "detail_*.duckdb", "dashboard_*.html", "manifest_*.json"):
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

    def copy_badly(source: Path, target: Path, mode: int) -> str:
        sha256 = copy(source, target, 0o600)
        flip_a_byte(target)
        return sha256

    monkeypatch.setattr(module, "_copy", copy_badly)
    with pytest.raises(IntegrityError, match="damaged"):
        publish_now(settings)
    assert published_run(settings) == first
    assert ask(settings, "select distinct night from one").rows == [(1,)]
    assert not list(settings.published_dir.glob(".*"))


@pytest.mark.parametrize("at", [1, 2, 3, 4])
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


def test_between_two_flips_no_link_is_ahead_of_those_it_leans_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest leans on the page, the page on the marts, the marts on the detail file."""
    build_night(settings, 1)
    publish_now(settings)
    real, states = module._link, []

    def link(folder: Path, name: str, target: str) -> None:
        real(folder, name, target)
        states.append([links(settings)[each].split("_")[1].split(".")[0] for each in reversed(module._LINKS.values())])

    monkeypatch.setattr(module, "_link", link)
    build_night(settings, 2)
    newest = publish_now(settings)
    assert [state.count(newest) for state in states] == [1, 2, 3, 4]
    assert all(state == sorted(state) for state in states)
    assert list(module._LINKS) == ["detail", "marts", "dashboard", "manifest"]


def test_no_link_is_missing_for_an_instant(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short an instant for readers who poll: looked for after every change of a name."""
    build_night(settings, 1)
    publish_now(settings)
    missing: list[str] = []

    def watch(change: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Path, *arguments: Any, **named: Any) -> Any:
            done = change(path, *arguments, **named)
            missing.extend(link for link in module._LINKS.values() if not (settings.published_dir / link).exists())
            return done

        return watched

    for name in ("unlink", "symlink_to", "rename", "replace"):
        monkeypatch.setattr(Path, name, watch(getattr(Path, name)))
    build_night(settings, 2)
    publish_now(settings)
    assert missing == []


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


def test_readers_polling_through_publications_meet_no_error_and_no_mixed_night(settings: Settings) -> None:
    """In small; `make readers` has twenty readers and fifty publications."""
    polls = poll_through(settings, readers=5, publications=12)
    assert len(polls) == 5
    assert min(polls) > 1


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
