"""Landing files to raw tables: nothing lost, nothing twice, nothing half."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import msgspec
import pytest
import zstandard

from extractors.core.errors import IntegrityError, LeaseError, WatertightError
from extractors.core.landing import Manifest, read_lines
from extractors.core.settings import Settings
from warehouse.lease import Lease
from warehouse.load import Loaded, load
from warehouse.state import read_states

pytestmark = pytest.mark.integration

Land = Callable[..., Manifest]
TABLES = [("hubspot", "deals"), ("hubspot", "notes")]
RUNS = [f"2026060{day}T020000Z-0000" for day in range(1, 8)]


def load_now(settings: Settings) -> list[Loaded]:
    lease = Lease.take(settings.home, one_process=True)
    try:
        return load(settings, lease, TABLES)
    finally:
        lease.release()


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def everything(settings: Settings) -> list[tuple[Any, ...]]:
    return rows(settings, "select * from raw.hubspot__deals order by all") + rows(
        settings, "select * from raw._loads order by all"
    )


def test_a_landing_arrives_whole(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"id": "1", "name": "É "}, "2": None}, pages=3, requests=4)
    [loaded] = load_now(settings)
    assert (loaded.rows_landed, loaded.rows_new, loaded.rows_held, loaded.rows_vanished) == (2, 2, 0, 0)
    assert rows(
        settings,
        "select _account, _source_id, _source_updated_at::varchar, _extracted_at::varchar, _run_id, _record_number, _is_deleted,"
        " _load_number, payload->>'name' from raw.hubspot__deals order by 2",
    ) == [
        ("4711", "1", "2026-05-01 10:00:00", "2026-06-01 00:05:00", RUNS[0], 1, False, 1, "É "),
        ("4711", "2", "2026-05-01 10:00:00", "2026-06-01 00:05:00", RUNS[0], 2, True, 1, None),
    ]
    assert rows(
        settings,
        "select load_number, file, rows_landed, rows_new, rows_held, pages, requests, cursor_to::varchar from raw._loads",
    ) == [(1, f"hubspot/4711/deals/{RUNS[0]}/00001.jsonl.zst", 2, 2, 0, 3, 4, "2026-06-01 00:00:00")]


def test_tables_of_sources_that_never_landed_exist(settings: Settings) -> None:
    assert load_now(settings) == []
    assert rows(settings, "select count(*) from raw.hubspot__notes") == [(0,)]


def test_loading_twice_changes_nothing(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}})
    load_now(settings)
    before = everything(settings)
    assert load_now(settings) == []
    assert everything(settings) == before


def test_a_copied_landing_is_passed_over(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    load_now(settings)
    before = everything(settings)
    folder = settings.landing_dir / "hubspot" / "4711" / "deals"
    copy = folder / RUNS[1]
    shutil.copytree(folder / RUNS[0], copy)
    path = copy / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, run_id=RUNS[1]).sealed()))
    assert load_now(settings) == []
    assert everything(settings) == before


def test_what_is_held_is_counted_and_what_changed_is_added(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}})
    load_now(settings)
    land(
        "deals",
        RUNS[1],
        {"1": {"a": 1}, "2": {"a": 3}, "3": {"a": 4}},
        cursor=("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"),
    )
    [loaded] = load_now(settings)
    assert (loaded.rows_landed, loaded.rows_new, loaded.rows_held) == (3, 2, 1)
    assert rows(settings, "select _source_id, _load_number from raw.hubspot__deals order by all") == [
        ("1", 1), ("2", 1), ("2", 2), ("3", 2),
    ]  # fmt: skip


def test_versions_of_one_id_within_a_landing_keep_their_order(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], [("1", {"a": 1}), ("1", {"a": 1}), ("1", {"a": 2}), ("1", {"a": 1})])
    [loaded] = load_now(settings)
    assert (loaded.rows_new, loaded.rows_held) == (3, 1)
    assert rows(settings, "select _record_number, payload->>'a' from raw.hubspot__deals order by 1") == [
        (1, "1"),
        (3, "2"),
        (4, "1"),
    ]


def test_a_deletion_is_a_version_even_with_the_same_payload(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"id": "1"}})
    land("deals", RUNS[1], {"1": None}, cursor=("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"))
    assert [loaded.rows_new for loaded in load_now(settings)] == [1, 1]


def test_two_accounts_do_not_meet(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    load_now(settings)
    source = settings.landing_dir / "hubspot" / "4711" / "deals" / RUNS[0]
    land("deals", RUNS[1], {"1": {"a": 1}}, cursor=(None, "2026-06-02T00:00:00Z"), account="4712")
    target = settings.landing_dir / "hubspot" / "4712" / "deals" / RUNS[1]
    target.parent.mkdir(parents=True)
    shutil.move(source.parent / RUNS[1], target)
    [loaded] = load_now(settings)
    assert (loaded.account, loaded.rows_new, loaded.rows_held) == ("4712", 1, 0)


def test_a_complete_landing_marks_what_vanished(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}, "3": None}, mode="complete")
    land("deals", RUNS[1], {"1": {"a": 1}}, mode="complete", extracted_at="2026-06-02T00:05:00Z")
    land("deals", RUNS[2], {"1": {"a": 1}}, mode="complete")
    land("deals", RUNS[3], {"1": {"a": 1}, "2": {"a": 2}}, mode="complete")
    assert [(loaded.rows_new, loaded.rows_held, loaded.rows_vanished) for loaded in load_now(settings)] == [
        (3, 0, 0), (0, 1, 1), (0, 1, 0), (1, 1, 0),
    ]  # fmt: skip
    assert rows(
        settings,
        "select _load_number, _record_number, _is_deleted, _source_updated_at is null, _extracted_at::varchar, payload->>'a', _run_id"
        " from raw.hubspot__deals where _source_id = '2' order by 1",
    ) == [
        (1, 2, False, False, "2026-06-01 00:05:00", "2", RUNS[0]),
        (2, 2, True, True, "2026-06-02 00:05:00", "2", RUNS[1]),
        (4, 2, False, False, "2026-06-01 00:05:00", "2", RUNS[3]),
    ]


def test_an_empty_complete_landing_marks_everything(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}}, mode="complete")
    land("deals", RUNS[1], {}, mode="complete")
    assert [loaded.rows_vanished for loaded in load_now(settings)] == [0, 2]
    assert rows(settings, "select file, rows_landed, rows_vanished from raw._loads where load_number = 2") == [
        (f"hubspot/4711/deals/{RUNS[1]}/manifest.json", 0, 2)
    ]


def test_a_sweep_marks_the_ids_of_another_resource_that_it_does_not_list(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}, "3": None})
    land("deals_sweep", RUNS[0], {"1": {}}, mode="complete", sweep_of="deals")
    first, second = load_now(settings)
    assert (first.resource, second.resource, second.rows_vanished, second.is_sweep) == ("deals", "deals_sweep", 1, True)
    assert rows(
        settings, "select _source_id, _record_number, payload->>'a' from raw.hubspot__deals where _load_number = 2"
    ) == [("2", 2, "2")]


def test_a_sweep_does_not_judge_what_was_seen_after_it_began(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    land(
        "deals",
        RUNS[1],
        {"2": {"a": 2}},
        cursor=("2026-06-01T00:00:00Z", "2026-06-01T01:00:00Z"),
        extracted_at="2026-06-01T01:05:00Z",
    )
    land("deals_sweep", RUNS[1], {"1": {}}, mode="complete", sweep_of="deals", extracted_at="2026-06-01T00:59:59Z")
    assert [loaded.rows_vanished for loaded in load_now(settings)] == [0, 0, 0]


def test_a_run_without_manifest_is_invisible(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    (settings.landing_dir / "hubspot" / "4711" / "deals" / RUNS[0] / "manifest.json").unlink()
    assert load_now(settings) == []


def test_nothing_landed_still_moves_the_cursor(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    land("deals", RUNS[1], {}, cursor=("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"))
    load_now(settings)
    state = read_states(settings)[("hubspot", "deals")]
    assert state.cursor is not None
    assert state.cursor.isoformat() == "2026-06-02T00:00:00+00:00"


def damage_bytes(part: Path) -> None:
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)


def cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [damage_bytes, cut, Path.unlink])
def test_a_damaged_file_is_refused_by_name_and_leaves_no_trace(
    settings: Settings, land: Land, damage: Callable[[Path], None]
) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    load_now(settings)
    before = everything(settings)
    land("deals", RUNS[1], {"2": {"a": 2}}, cursor=("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"))
    part = settings.landing_dir / "hubspot" / "4711" / "deals" / RUNS[1] / "00001.jsonl.zst"
    damage(part)
    with pytest.raises(IntegrityError, match=r"deals/20260602T020000Z-0000/00001\.jsonl\.zst"):
        load_now(settings)
    assert everything(settings) == before


def test_a_manifest_that_announces_other_rows_is_refused(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}})
    path = settings.landing_dir / "hubspot" / "4711" / "deals" / RUNS[0] / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes())
    manifest["rows"] = manifest["parts"][0]["rows"] = 3
    manifest["sha256"] = None
    path.write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(IntegrityError, match="holds 2 rows, its manifest says 3"):
        load_now(settings)
    assert rows(settings, "select (select count(*) from raw._loads) + (select count(*) from raw.hubspot__deals)") == [
        (0,)
    ]


@pytest.mark.parametrize("key", ["_source_id", "_is_deleted", "payload"])
def test_a_line_without_what_every_line_has_is_refused(settings: Settings, land: Land, key: str) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": {"a": 2}})
    folder = settings.landing_dir / "hubspot" / "4711" / "deals" / RUNS[0]
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    part = folder / "00001.jsonl.zst"
    first, second = (msgspec.json.decode(line, type=dict[str, Any]) for line in read_lines(part))
    del second[key]
    content = zstandard.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in (first, second)))
    part.write_bytes(content)
    manifest["parts"][0] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest | {"sha256": None}))
    with pytest.raises(IntegrityError, match="has 1 lines without an id, a payload, a word on deletion"):
        load_now(settings)


def test_a_version_keeps_the_hash_that_earlier_programs_gave_it(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}, "2": None})
    load_now(settings)
    assert rows(
        settings, "select payload::varchar, _is_deleted, _version_hash::varchar from raw.hubspot__deals order by 2"
    ) == [
        (text, is_deleted, str(UUID(hashlib.md5(f"{is_deleted}".lower().encode() + text.encode()).hexdigest())))  # noqa: S324 - told apart, nothing is kept secret by it
        for text, is_deleted in rows(
            settings, "select payload::varchar, _is_deleted from raw.hubspot__deals order by 2"
        )
    ]


def test_a_missing_landing_between_two_is_noticed(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    load_now(settings)
    land("deals", RUNS[2], {"1": {"a": 3}}, cursor=("2026-06-02T00:00:00Z", "2026-06-03T00:00:00Z"))
    with pytest.raises(IntegrityError, match="the landing between them is missing"):
        load_now(settings)


def test_an_old_landing_found_late_does_not_become_the_latest(settings: Settings, land: Land) -> None:
    land("deals", RUNS[0], {"1": {"a": 1}})
    land("deals", RUNS[2], {"1": {"a": 3}}, cursor=("2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z"))
    load_now(settings)
    land("deals", RUNS[1], {"1": {"a": 2}}, cursor=("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"))
    assert load_now(settings) == []


def test_a_run_that_lost_its_lease_commits_nothing(
    settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_now(settings)
    land("deals", RUNS[0], {"1": {"a": 1}})
    old = Lease.take(settings.home, one_process=True)
    old.release()
    Lease.take(settings.home, one_process=True)
    with pytest.raises(LeaseError, match="has taken it over"):
        load(settings, old, TABLES)
    assert rows(settings, "select (select count(*) from raw._loads) + (select count(*) from raw.hubspot__deals)") == [
        (0,)
    ]


def test_control_totals_are_kept(settings: Settings, land: Land) -> None:
    totals = {
        "as_of": "2026-06-01T00:04:00Z",
        "totals": [
            {"pipeline_id": "p", "stage_id": "s", "currency_code": "EUR", "deal_count": 2, "deal_amount": "10.50"}
        ],
        "excluded_ids": ["7"],
    }
    land("deals", RUNS[0], {"1": {"a": 1}}, control_totals=totals)
    load_now(settings)
    assert rows(
        settings,
        "select load_number, as_of::varchar, pipeline_id, stage_id, currency_code, deal_count, deal_amount::varchar, excluded_ids"
        " from raw._control_totals",
    ) == [(1, "2026-06-01 00:04:00", "p", "s", "EUR", 2, "10.50", ["7"])]


def test_a_second_writer_is_told_who_has_the_file(settings: Settings, land: Land) -> None:
    import subprocess
    import sys

    load_now(settings)
    script = f"import duckdb, sys; c = duckdb.connect({str(settings.warehouse_file)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(WatertightError, match=f"open in another process.*{other.pid}"):
            load_now(settings)
        other.terminate()
