"""Landing files: whole or invisible, readable only when nothing was changed, below their folder whatever a name says."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.core import landing
from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.landing import LandingWriter, read_lines, read_manifest, read_manifests, run_folder
from extractors.core.spec import Record

pytestmark = pytest.mark.unit

RUN = "20260602T020000Z-0001"
DESCRIBED: dict[str, Any] = {
    "source_system": "hubspot", "account": "4711", "resource": "deals", "run_id": RUN,
    "extracted_at": "2026-06-02T02:00:00.000Z", "data_through": "2026-06-02T01:55:00.000Z", "cursor_from": None,
    "cursor_to": "2026-06-02T01:55:00.000Z", "mode": "changes", "sweep_of": None, "pages": 1, "requests": 2,
    "control_totals": None,
}  # fmt: skip


def write(root: Path, *payloads: bytes, run_id: str = RUN, finish: bool = True, **described: Any) -> Path:
    folder = run_folder(root, "hubspot", "4711", "deals", run_id)
    writer = LandingWriter(folder, extracted_at="2026-06-02T02:00:00.000Z", run_id=run_id)
    try:
        writer.land(Record(str(number), None, False, payload) for number, payload in enumerate(payloads))
        if finish:
            writer.finish({**DESCRIBED, "run_id": run_id, **described})
    finally:
        if writer._part is not None:
            writer._part.discard()
    return folder


def test_a_line_is_the_envelope_and_the_untouched_payload(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "hubspot", "4711", "deals", RUN)
    writer = LandingWriter(folder, extracted_at="2026-06-02T02:00:00.000Z", run_id=RUN)
    assert writer.land([Record('a"b', "2026-06-01T00:00:00Z", True, b'{"x": 1.50,  "y":\r\n"\\u00e9"}')]) == 1
    assert writer.land([Record("é\x00", None, False, b"{}")]) == 1
    writer.finish(DESCRIBED)
    assert list(read_lines(folder / "00001.jsonl.zst")) == [
        b'{"_source_id":"a\\"b","_source_updated_at":"2026-06-01T00:00:00Z","_extracted_at":"2026-06-02T02:00:00.000Z","_run_id":"'
        + RUN.encode() + b'","_record_number":1,"_is_deleted":true,"payload":{"x": 1.50,  "y":  "\\u00e9"}}',
        '{"_source_id":"é\\u0000","_source_updated_at":null,"_extracted_at":"2026-06-02T02:00:00.000Z","_run_id":"'.encode()
        + RUN.encode() + b'","_record_number":2,"_is_deleted":false,"payload":{}}',
    ]  # fmt: skip


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=20))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str]]) -> None:
    root = tmp_path_factory.mktemp("landing")
    folder = run_folder(root, "hubspot", "4711", "deals", RUN)
    writer = LandingWriter(folder, extracted_at="2026-06-02T02:00:00.000Z", run_id=RUN)
    writer.land(Record(one, None, False, msgspec.json.encode({"text": other})) for one, other in said)
    writer.finish(DESCRIBED)
    found = [msgspec.json.decode(line) for part in sorted(folder.glob("*.zst")) for line in read_lines(part)]
    assert [(line["_source_id"], line["payload"]["text"]) for line in found] == said


def test_parts_are_cut_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "PART_BYTES", 10_000)
    monkeypatch.setattr(landing, "PIECE_BYTES", 1_000)
    folder = write(tmp_path, *[b'{"x": "%s"}' % (b"y" * 500)] * 100)
    one = read_manifest(folder / "manifest.json")
    one.check_parts()
    assert [part.file for part in one.manifest.parts] == [
        f"{number:05d}.jsonl.zst" for number in range(1, len(one.manifest.parts) + 1)
    ]
    assert len(one.manifest.parts) > 5
    assert one.manifest.rows == sum(part.rows for part in one.manifest.parts) == 100
    numbers = [msgspec.json.decode(line)["_record_number"] for part in one.part_files for line in read_lines(part)]
    assert numbers == list(range(1, 101))


def test_no_rows_still_carry_a_cursor(tmp_path: Path) -> None:
    write(tmp_path)
    [one] = read_manifests(tmp_path)
    assert (one.manifest.rows, one.manifest.parts) == (0, ())
    assert one.manifest.cursor_to == "2026-06-02T01:55:00.000Z"


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = write(tmp_path, b"{}")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    for path in [folder, *list(folder.parents)[:3]]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_what_is_unfinished_is_invisible_and_replaced(tmp_path: Path) -> None:
    folder = write(tmp_path, b'{"a": 1}', finish=False)
    (folder / "00007.jsonl.zst").write_bytes(b"left over")
    assert read_manifests(tmp_path) == []
    write(tmp_path, b'{"a": 2}')
    [one] = read_manifests(tmp_path)
    one.check_parts()
    assert one.manifest.rows == 1


def test_an_abandoned_landing_is_gone(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "hubspot", "4711", "deals", RUN)
    writer = LandingWriter(folder, extracted_at="2026-06-02T02:00:00.000Z", run_id=RUN)
    writer.land([Record("1", None, False, b"{}")])
    writer.abandon()
    assert not folder.exists()


def test_manifests_come_in_the_order_of_the_runs(tmp_path: Path) -> None:
    for run_id in ("20260603T020000Z-0001", "20260602T020000Z-00ff", "20260602T020000Z-0001"):
        write(tmp_path, b"{}", run_id=run_id)
    assert [one.manifest.run_id for one in read_manifests(tmp_path)] == [
        "20260602T020000Z-0001", "20260602T020000Z-00ff", "20260603T020000Z-0001",
    ]  # fmt: skip
    assert read_manifests(tmp_path / "nowhere") == []


@pytest.mark.parametrize("step", ["open", "fsync", "rename", "write"])
@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written"), (errno.EIO, "could not")]
)
def test_a_disk_that_fails_leaves_no_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, words: str
) -> None:
    def fail(*arguments: Any, **more: Any) -> Any:
        raise OSError(number, os.strerror(number))

    if step == "write":
        monkeypatch.setattr(landing.OpenPart, "_put", fail)
    elif step == "rename":
        monkeypatch.setattr(Path, "rename", fail)
    else:
        monkeypatch.setattr(os, step, fail)
    with pytest.raises(WatertightError, match=words) as caught:
        write(tmp_path, b"{}")
    assert caught.value.mend
    monkeypatch.undo()
    assert read_manifests(tmp_path) == []


def test_a_full_disk_for_real() -> None:
    """/dev/full takes no byte."""
    with (
        pytest.raises(WatertightError, match="disk is full"),
        landing.plain_disk_errors(Path("/dev/full")),
        open("/dev/full", "wb") as file,
    ):
        file.write(b"x" * 100_000)


NAMES = [
    "..",
    ".",
    "",
    "../up",
    "a/b",
    "/etc",
    "a\\b",
    "%2f",
    "..%2f",
    "a" * 101,
    "a\x00b",
    "ä",
    " a",
    "-rf",
    ".hidden",
    "a\nb",
    "~",
    "$HOME",
    "*",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", range(4))
def test_no_name_leads_out_of_the_landing_folder(tmp_path: Path, name: str, place: int) -> None:
    names = ["hubspot", "4711", "deals", RUN]
    names[place] = name
    with pytest.raises(ConfigurationError, match="cannot name a folder"):
        run_folder(tmp_path, *names)


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    held = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode({key: value for key, value in (held | changes).items() if value is not ...}))


PART = {"file": "00001.jsonl.zst", "rows": 1, "bytes": 10, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": 2}, "says 2 rows"),
        ({"rows": "1"}, "is no manifest"),
        ({"rows": ...}, "is no manifest"),
        ({"surplus": 1}, "is no manifest"),
        ({"manifest_version": 2}, "version 2"),
        ({"account": "4712"}, "belongs to another folder"),
        ({"run_id": "other"}, "belongs to another folder"),
        ({"mode": "all"}, "is no manifest"),
        ({"cursor_to": "yesterday"}, "an instant that is not"),
        ({"extracted_at": "2026-06-02T02:00:00+02:00"}, "an instant that is not"),
        ({"parts": [PART | {"file": "../../../../etc/passwd"}]}, "names parts other than"),
        ({"parts": [PART | {"file": "/etc/passwd"}]}, "names parts other than"),
        ({"parts": [PART | {"file": "00002.jsonl.zst"}]}, "names parts other than"),
        ({"parts": [PART, PART], "rows": 2}, "names parts other than"),
        ({"parts": [PART | {"sha256": "x"}]}, "without hash"),
        ({"parts": [PART | {"rows": 0}], "rows": 0}, "without hash"),
        ({"cursor_to": "2026-06-12T01:55:00.000Z"}, "its hash differs"),
        ({"mode": "complete"}, "its hash differs"),
        ({"pages": 8}, "its hash differs"),
        ({"sha256": "0" * 64}, "its hash differs"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    folder = write(tmp_path, b"{}")
    edit(folder, **changes)
    with pytest.raises(IntegrityError, match=words) as caught:
        read_manifests(tmp_path)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"\x00" * 10])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path, b"{}")
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(IntegrityError, match="is no manifest"):
        read_manifests(tmp_path)


def test_a_part_that_was_changed_is_noticed(tmp_path: Path) -> None:
    payloads = [msgspec.json.encode({"number": number, "text": str(number) * 20}) for number in range(500)]
    folder = write(tmp_path, *payloads)
    part = folder / "00001.jsonl.zst"
    whole = part.read_bytes()
    one = read_manifest(folder / "manifest.json")
    one.check_parts()
    for changed in (whole[:-1], whole + b"\0", whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], b""):
        part.write_bytes(changed)
        with pytest.raises(IntegrityError, match=r"00001\.jsonl\.zst"):
            one.check_parts()
    part.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        one.check_parts()
    part.symlink_to("/etc/passwd")
    with pytest.raises(IntegrityError, match="missing"):
        one.check_parts()
    part.unlink()
    part.write_bytes(whole)
    (folder / "00002.jsonl.zst").write_bytes(whole)
    with pytest.raises(IntegrityError, match="is not named"):
        one.check_parts()


def test_a_cut_part_is_not_read_as_a_shorter_one(tmp_path: Path) -> None:
    payloads = [os.urandom(200).hex().encode() for _ in range(3000)]
    folder = write(tmp_path, *[b'"%s"' % payload for payload in payloads])
    part = folder / "00001.jsonl.zst"
    whole = part.read_bytes()
    assert len(list(read_lines(part))) == 3000
    for length in (len(whole) - 1, len(whole) - 4, len(whole) // 2, 200_000, 10, 0):
        part.write_bytes(whole[:length])
        with pytest.raises(IntegrityError):
            list(read_lines(part))


@pytest.mark.parametrize(
    "stamp", ["", "now", "2026-02-30T00:00:00Z", "2026-06-02T23:59:60Z", "2026-06-02T02:00:00", "2026-06-02T02:00:00+14:00", "20260-06-02T02:00:00Z", "2026-06-02"]
)  # fmt: skip
def test_a_stamp_that_is_no_instant_lands_nothing(tmp_path: Path, stamp: str) -> None:
    writer = LandingWriter(
        run_folder(tmp_path, "hubspot", "4711", "deals", RUN), extracted_at="2026-06-02T02:00:00.000Z", run_id=RUN
    )
    with pytest.raises(IntegrityError, match="Record '7' of deals was changed at"):
        writer.land([Record("7", stamp, False, b"{}")])
    assert writer.rows == 0
