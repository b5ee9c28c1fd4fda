"""The manifest says what was published; whatever is changed afterwards no longer fits to it or to the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from extractors.core.errors import IntegrityError, WatertightError
from extractors.core.settings import Settings
from tests.publications.nights import build_night, publish_now
from warehouse import audit, manifest, verify
from watertight import status

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"keep_publications": 2})


@pytest.fixture
def published(settings: Settings) -> str:
    """Three nights of which the newest two are kept; the run of the newest."""
    for night in (1, 2, 3):
        build_night(settings, night)
        run_id = publish_now(settings)
    return run_id


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.chmod(0o600)
    path.write_bytes(change(path.read_bytes()))


def test_it_says_what_was_published(settings: Settings, published: str) -> None:
    found = json.loads((settings.published_dir / "manifest.json").read_text())
    assert found["run_id"] == published
    assert (found["data_run_id"], found["data_through"]) == ("run 3", "2026-06-04T00:00:00Z")
    assert found["sources"] == [
        {"source_system": "files", "account": "here", "data_through": "2026-06-04T00:00:00Z"},
    ]
    assert list(found["files"]) == ["detail.duckdb", "marts.duckdb", "dashboard.html"]
    for link, each in found["files"].items():
        content = (settings.published_dir / link).read_bytes()
        assert (settings.published_dir / link).resolve().name == each["file"]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
        assert each.get("tables") == (None if link == "dashboard.html" else {"dim_sources": 1, "one": 2000, "two": 1})
    assert manifest.check(settings) == 2


def test_status_shows_it(settings: Settings, published: str) -> None:
    found = status.read(settings)["publication"]
    size = (settings.published_dir / "marts.duckdb").stat().st_size
    assert found == {
        "data_through": "2026-06-04T00:00:00Z", "tables": 3, "rows": 2002, "bytes": size, "is_complete": True,
    }  # fmt: skip
    rewrite(settings.published_dir / f"marts_{published}.duckdb", lambda content: content[:-1])
    assert not status.read(settings)["publication"]["is_complete"]


def a_byte(content: bytes) -> bytes:
    return content[:20_000] + bytes([content[20_000] ^ 1]) + content[20_001:]


TAMPERED = {
    "a byte of the marts": ("marts_{}.duckdb", a_byte, "its hash differs from the one in manifest_"),
    "a byte of the detail": ("detail_{}.duckdb", a_byte, "its hash differs from the one in manifest_"),
    "the marts cut": ("marts_{}.duckdb", lambda content: content[:-10], "bytes and manifest_"),
    "a figure of the page": ("dashboard_{}.html", lambda content: content.replace(b"night", b"right"), "its hash differs"),
    "the hash in the manifest": ("manifest_{}.json", lambda content: content.replace(b'sha256": "', b'sha256": "0', 1), "audit.jsonl"),
    "a word of the manifest": ("manifest_{}.json", lambda content: content.replace(b"2026-06-0", b"2027-06-0"), "audit.jsonl"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
@pytest.mark.parametrize("newest", [True, False])
def test_whatever_is_changed_afterwards_is_noticed(settings: Settings, published: str, what: str, newest: bool) -> None:
    name, change, said = TAMPERED[what]
    older = next(path.stem for path in settings.published_dir.glob("manifest_*") if published not in path.name)
    path = settings.published_dir / name.format(published if newest else older.removeprefix("manifest_"))
    rewrite(path, change)
    with pytest.raises(IntegrityError, match=r"is not what was published: ") as failure:
        manifest.check(settings)
    assert str(path) in failure.value.wrong
    assert said in failure.value.wrong
    assert "watertight publish" in failure.value.mend


def test_a_manifest_that_is_gone_or_foreign_is_noticed(settings: Settings, published: str) -> None:
    path = settings.published_dir / f"manifest_{published}.json"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(IntegrityError, match="it is gone"):
        manifest.check(settings)
    path.write_bytes(content)
    assert manifest.check(settings) == 2
    (settings.published_dir / "manifest_20991231T000000Z-0000.json").write_bytes(content)
    with pytest.raises(IntegrityError, match="no publication of that run is recorded"):
        manifest.check(settings)


def test_links_that_show_two_nights_are_noticed(settings: Settings, published: str) -> None:
    older = next(path for path in settings.published_dir.glob("dashboard_*") if published not in path.name)
    (settings.published_dir / "dashboard.html").unlink()
    (settings.published_dir / "dashboard.html").symlink_to(older.name)
    with pytest.raises(IntegrityError, match=f"beside marts of run {published}"):
        manifest.check(settings)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[0].replace(b'sha256": "', b'sha256": "0', 1), *lines[1:]],
        lambda lines: lines[:1] + lines[2:],
        lambda lines: lines[1:],
        lambda lines: [b"nonsense", *lines],
    ],
    ids=["a line changed", "a line taken out", "the first line taken out", "a line that is none"],
)  # fmt: skip
def test_a_record_that_was_changed_is_noticed(
    settings: Settings, published: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path = audit.audit_file(settings)
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    with pytest.raises(IntegrityError, match=r"does not follow line|no line of the audit log") as failure:
        manifest.check(settings)
    assert "from a backup" in failure.value.mend
    path.unlink()
    assert manifest.check(settings) == 2


def test_a_publication_without_its_record_is_none(
    settings: Settings, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is written before the links are flipped: when it cannot be, the old night stays."""
    before = manifest.read(settings.published_dir)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest, "enter", fail)
    build_night(settings, 4)
    with pytest.raises(WatertightError, match="full"):
        publish_now(settings)
    assert manifest.read(settings.published_dir) == before


def test_a_damaged_publication_does_not_stand_in_the_way_of_the_next(settings: Settings, published: str) -> None:
    rewrite(settings.published_dir / f"marts_{published}.duckdb", lambda content: content[:9_000])
    verify._require_not_emptied(settings, {"dim_sources": 1})
    with pytest.raises(IntegrityError, match="dim_sources had rows in the last publication"):
        verify._require_not_emptied(settings, {})
