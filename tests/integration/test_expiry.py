"""Landings that grew old are folded into one: a rebuild, the next night, the gates and an erasure find everything in it that they found before."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core import suppression
from extractors.core.errors import IntegrityError, WatertightError
from extractors.core.landing import Manifest, read_lines, read_manifests
from extractors.core.settings import Settings
from extractors.core.spec import ControlTotal, ControlTotals
from warehouse import audit, erase, folded, retention, traces
from warehouse.lease import Lease
from warehouse.load import load
from warehouse.soundness import find_damage
from warehouse.state import read_states
from warehouse.verify import reload
from watertight import erasure

pytestmark = pytest.mark.integration

Land = Callable[..., Manifest]
TABLES = [("hubspot", "deals"), ("hubspot", "owners"), ("hubspot", "deals_sweep"), ("hubspot", "notes")]
NIGHTS = 6
#: nights 1 to 4 are older than the limit then
LATER = datetime(2026, 6, 13, 12, tzinfo=UTC)


def run_id(night: int) -> str:
    return f"202606{night:02d}T020000Z-0000"


def land_night(land: Land, night: int) -> None:
    """Changes with lines that say nothing new, a complete list in which somebody is renamed and somebody goes, a sweep every second night."""
    at = f"2026-06-{night:02d}T00:00:00.000Z"
    said: dict[str, Any] = {
        "cursor": (f"2026-06-{night - 1:02d}T00:00:00.000Z" if night > 1 else None, at),
        "extracted_at": at.replace("T00:00", "T00:05"),
    }
    totals = ControlTotals(
        as_of=datetime(2026, 6, night, tzinfo=UTC),
        totals=(
            ControlTotal("p", "s1", "EUR", 10 + night, "1234567890123.45"),
            ControlTotal("p", "s2", None, night, None),
        ),
        excluded_ids=("7",),
        left_out_ids=(),
    )
    everybody = {
        str(n): {"id": str(n), "amount": 1.10, "text": f'"é\\{n}\n', "night": 0 if n % 3 else night} for n in range(30)
    }
    held = {n: deal for n, deal in everybody.items() if night != 5 or int(n) % 2}
    land("deals", run_id(night), held, control_totals=totals, **said)
    owners = {str(n): {"id": n, "name": f"Owner {n} of {night // 3}"} for n in range(8) if n != night}
    land("owners", run_id(night), owners, mode="complete", **said)
    if night % 2 == 0:
        land("deals_sweep", run_id(night), [(str(n), {"id": n}) for n in range(30) if n % 7 != night % 7], mode="complete",
             sweep_of="deals", **said)  # fmt: skip
    land("notes", run_id(night), {"1": {"text": "only note"}} if night == 1 else {}, **said)


def load_now(settings: Settings) -> None:
    lease = Lease.take(settings.home, one_process=True)
    try:
        load(settings, lease, TABLES)
    finally:
        lease.release()


def expire(settings: Settings, now: datetime = LATER) -> list[str]:
    lease = Lease.take(settings.home, one_process=True)
    try:
        return retention.expire_landings(settings.model_copy(update={"keep_landing_days": 9}), lease, now)
    finally:
        lease.release()


def rebuilt(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    lease = Lease.take(settings.home, one_process=True)
    try:
        reload(settings, lease, TABLES)
    finally:
        lease.release()
    return raw(settings)


def raw(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every value of every raw table, but for when it was loaded by this machine's clock."""
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        tables = [
            row[0]
            for row in connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        ]
        return {
            table: connection.execute(
                f"select columns(name -> name not in ('loaded_at', 'accepted_at')) from raw.\"{table}\" order by all"
            ).fetchall()
            for table in sorted(tables)
        }


def loose(settings: Settings) -> set[str]:
    return {"/".join(one.folder.parts[-2:]) for one in read_manifests(settings.landing_dir)}


def size(settings: Settings) -> int:
    return sum(path.stat().st_size for path in settings.landing_dir.rglob("*") if path.is_file())


@pytest.fixture
def nights(settings: Settings, land: Land, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with its nights loaded, made once and copied; the fifth is one that the gates would not let pass, had it not been accepted by name."""
    accepting = settings.model_copy(update={"accept": ("hubspot.deals", "hubspot.deals_sweep", "hubspot.owners")})
    made = tmp_path_factory.getbasetemp() / "nights-to-expire"
    if not made.exists():
        for night in range(1, NIGHTS + 1):
            land_night(land, night)
            load_now(accepting)
        shutil.copytree(settings.home, made)
    shutil.copytree(made, settings.home, dirs_exist_ok=True)
    return accepting


def test_a_rebuild_from_folded_landings_gives_every_row_that_one_without_gives(
    nights: Settings, tmp_path: Path
) -> None:
    shutil.copytree(nights.home, tmp_path / "kept")
    kept = nights.model_copy(update={"home_dir": tmp_path / "kept"})
    before, bytes_before = raw(nights), size(nights)
    states = read_states(nights)
    removed = expire(nights)
    assert "hubspot/4711/deals/" + run_id(1) in removed
    # The newest of every table stays, and the newest with rows: the one note of the first night.
    assert loose(nights) == {
        *(f"{table}/{run_id(night)}" for table in ("deals", "owners", "notes") for night in (5, 6)),
        f"notes/{run_id(1)}", f"deals_sweep/{run_id(6)}",
    }  # fmt: skip
    assert size(nights) < 0.8 * bytes_before
    assert raw(nights) == before
    assert find_damage(nights) is None
    nights.warehouse_file.unlink()
    assert rebuilt(nights) == rebuilt(kept) == before
    assert read_states(nights) == states
    assert audit.lines(nights)[-1]["landings"] == len(removed)


def test_the_next_nights_go_on_and_fold_what_has_grown_old(nights: Settings, land: Land, tmp_path: Path) -> None:
    shutil.copytree(nights.home, tmp_path / "kept")
    expire(nights)
    files = {path: path.read_bytes() for path in (nights.landing_dir / folded.FOLDER).rglob("*") if path.is_file()}
    assert expire(nights) == []
    assert {path: path.read_bytes() for path in files} == files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    for night in (7, 8):
        land_night(land, night)
        load_now(nights)
        shutil.copytree(nights.landing_dir / "hubspot", tmp_path / "kept" / "landing" / "hubspot", dirs_exist_ok=True)
        expire(nights, LATER.replace(day=8 + night))
    kept = nights.model_copy(update={"home_dir": tmp_path / "kept"})
    load_now(kept)
    assert raw(nights) == raw(kept)
    assert rebuilt(nights) == raw(kept)
    held = folded.read(nights.landing_dir)
    assert held is not None
    assert held.through == max(number for number, *_, run in loads(nights) if run <= run_id(7))
    listed = {part.file for parts in held.tables.values() for part in parts}
    assert {path.name for path in (nights.landing_dir / folded.FOLDER).glob("*/*")} == listed


def loads(settings: Settings) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        return connection.execute("select load_number, run_id from raw._loads").fetchall()


def test_off_unless_it_is_set_and_nothing_young_is_touched(nights: Settings) -> None:
    before = loose(nights)
    lease = Lease.take(nights.home, one_process=True)
    assert retention.expire_landings(nights, lease, LATER) == []
    lease.release()
    assert expire(nights, datetime(2026, 6, 9, tzinfo=UTC)) == []
    assert (loose(nights), (nights.landing_dir / folded.FOLDER).exists()) == (before, False)


#: what is about to be done, the n-th time, when it is cut off
STEPS = [
    ("write_part", 1), ("write_part", 2), ("check_against_raw", 1), ("write", 1), ("remove_unlisted", 2), ("_remove_landing", 1),
    ("_remove_landing", 2), ("rmtree", 2), ("record", 1),
]  # fmt: skip


@pytest.mark.parametrize(("step", "when"), STEPS)
def test_cut_off_anywhere_it_loses_nothing_and_the_next_night_finishes_it(
    nights: Settings, step: str, when: int
) -> None:
    before = raw(nights)
    place: Any = next(each for each in (folded, retention, shutil, audit) if hasattr(each, step))
    real, calls = getattr(place, step), 0

    def cut(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == when:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, step, cut)
        with pytest.raises(KeyboardInterrupt):
            expire(nights)
    assert rebuilt(nights) == before
    load_now(nights)
    assert raw(nights) == before
    expire(nights)
    assert len(loose(nights)) == 8
    assert rebuilt(nights) == before
    held = folded.read(nights.landing_dir)
    assert held is not None
    assert len(list((nights.landing_dir / folded.FOLDER).rglob("*.zst*"))) == sum(map(len, held.tables.values()))


@pytest.fixture
def expired(nights: Settings) -> Settings:
    expire(nights)
    return nights


def parts(settings: Settings) -> Iterator[Path]:
    yield from sorted((settings.landing_dir / folded.FOLDER).rglob("*.zst"))


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "list flipped", "list gone"])
def test_damaged_folded_landings_are_refused_in_words_and_nothing_changes(expired: Settings, damage: str) -> None:
    before = raw(expired)
    part = next(path for path in parts(expired) if path.parent.name == "hubspot__deals")
    path = expired.landing_dir / folded.FOLDER / "manifest.json" if damage.startswith("list") else part
    content = path.read_bytes()
    if damage.endswith("gone"):
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-5])
    else:
        at = content.index(b"rows") + 7 if damage.startswith("list") else len(content) // 2
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(IntegrityError) as caught:
        rebuilt(expired)
    said = "the landing between them is missing" if damage == "list gone" else str(path)
    assert said in str(caught.value)
    assert "Restore it" in caught.value.mend
    assert raw(expired) == before
    path.write_bytes(content)
    assert rebuilt(expired) == before


def test_a_warehouse_older_than_the_folded_landings_is_made_anew_not_loaded_into(nights: Settings) -> None:
    old = nights.home / "old.duckdb"
    with duckdb.connect(str(nights.warehouse_file)) as connection:
        connection.execute("checkpoint")
    before = raw(nights)
    shutil.copy(nights.warehouse_file, old)
    with duckdb.connect(str(old)) as connection:
        connection.execute("delete from raw._loads where load_number > 3")
    expire(nights)
    old.replace(nights.warehouse_file)
    with pytest.raises(IntegrityError, match="watertight rebuild"):
        load_now(nights)
    assert rebuilt(nights) == before


def test_a_part_that_does_not_read_back_as_it_was_written_removes_nothing(
    nights: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, before = folded.write_part, loose(nights)

    def other_values(connection: Any, place: Path, table: str, *rest: Any) -> folded.Part:
        part = real(connection, place, table, *rest)
        if table == "hubspot__owners":
            file = folded.part_file(place, table, part)
            lines = [line.replace(b"Owner 3", b"Owner 4") for line in read_lines(file)]
            monkeypatch.setattr(folded, "write_part", real)
            part = folded._write_lines(place, table, ((line[:-1], b"") for line in lines), part.after, part.through)
        return part

    monkeypatch.setattr(folded, "write_part", other_values)
    with pytest.raises(IntegrityError, match=r"is published.*raw\.hubspot__owners"):
        expire(nights)
    assert loose(nights) == before
    assert folded.read(nights.landing_dir) is None


def test_what_was_never_loaded_goes_only_where_it_says_nothing_new(nights: Settings, land: Land) -> None:
    unfinished = nights.landing_dir / "hubspot" / "4711" / "deals" / "20260601T010000Z-0000"
    unfinished.mkdir()
    (unfinished / "00001.jsonl.zst").write_bytes(b"half")
    land("deals", "20260602T010000Z-0000", {"1": {"id": "late"}}, cursor=(None, "2026-06-02T00:00:00.000Z"))
    land("calls", "20260602T010000Z-0000", {"1": {"id": "nobody loaded it yet"}})
    removed = expire(nights)
    assert {"hubspot/4711/deals/20260601T010000Z-0000", "hubspot/4711/deals/20260602T010000Z-0000"} < set(removed)
    assert "calls/20260602T010000Z-0000" in loose(nights)


def test_a_disk_that_is_too_full_is_said_and_nothing_is_removed(
    nights: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loose(nights)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(WatertightError, match="is published, but landings older than 9 days are not all removed"):
        expire(nights)
    assert loose(nights) == before


def contact(name: str, **more: Any) -> dict[str, Any]:
    person = {
        "firstname": name,
        "lastname": f"{name}sson",
        "email": f"{name.lower()}@example.com",
        "phone": "+46 8 123 45 67",
    }
    return {"id": "1", "properties": person | {"createdate": "2026-01-01T00:00:00Z"} | more}


@pytest.mark.parametrize("cut", ["", "_write_lines", "write", "remove_unlisted"])
def test_a_person_in_folded_landings_alone_is_erased(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    """She is in the versions of the first night and in a note about her; since then her record says nothing of her."""
    empty = {"id": "1", "properties": {"createdate": "2026-01-01T00:00:00Z"}}
    for night, person in ((1, contact("Quaxa")), (2, empty), (3, empty)):
        windows: dict[str, Any] = {
            "cursor": (
                f"2026-06-{night - 1:02d}T00:00:00.000Z" if night > 1 else None,
                f"2026-06-{night:02d}T00:00:00.000Z",
            )
        }
        land("contacts", run_id(night), {"1": person, "2": contact("Wyxo", n=night)}, **windows)
        land(
            "notes",
            run_id(night),
            {
                "1": {
                    "id": "1",
                    "text": f"Quaxa Quaxasson, quaxa@example.com, night {1 if night == 1 else 2}"[
                        :: 1 if night == 1 else -1
                    ],
                }
            },
            **windows,
        )
        load_now(settings)
    expire(settings, LATER.replace(day=12))
    rows = {table: len(held) for table, held in raw(settings).items()}
    texts = ["Quaxasson", "quaxa@example.com"]
    words = [text.encode() for text in texts]
    assert said_in(settings, words) == {folded.FOLDER}
    real = getattr(folded, cut or "write")
    lease = Lease.take(settings.home, one_process=True)
    found = erasure.find(settings, ["quaxa@example.com"], [])
    assert found.count() == {"hubspot.contacts": 1}
    erasure.begin(settings, lease, found)
    listed = suppression.read(settings)
    assert listed is not None
    if cut:
        monkeypatch.setattr(folded, cut, lambda *arguments: [][len(arguments)])
        with pytest.raises(IndexError):
            erase.rewrite_landings(settings, lease, listed, erasure.people())
        monkeypatch.setattr(folded, cut, real)
    assert str(settings.landing_dir / folded.FOLDER) in erase.left_over(settings, listed, erasure.people())
    erase.rewrite_landings(settings, lease, listed, erasure.people())
    reload(settings, lease, TABLES)
    lease.release()
    assert said_in(settings, words) == set()
    assert said_in(settings, [b"Wyxosson"]) >= {folded.FOLDER}
    assert erase.left_over(settings, listed, erasure.people()) == []
    assert traces.search(settings, texts)[0] == []
    assert {table: len(held) for table, held in raw(settings).items()} == rows


def said_in(settings: Settings, words: list[bytes]) -> set[str]:
    """The first folder below the landings in whose files, unpacked, one of the words stands, in whatever capitals."""
    return {
        path.relative_to(settings.landing_dir).parts[0]
        for path in settings.landing_dir.rglob("*.zst")
        for line in read_lines(path)
        if any(word.lower() in line.lower() for word in words)
    }
