"""The log of publications, overrides and erasures is a chain that cannot be changed unnoticed; what is too old goes, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extractors.core.errors import IntegrityError
from extractors.core.settings import Settings
from warehouse import audit, retention

pytestmark = pytest.mark.unit


@pytest.fixture
def lines(settings: Settings) -> list[bytes]:
    for number in range(4):
        audit.record(settings, "publication", run_id=f"run-{number}", rows=number)
    return audit.audit_file(settings).read_bytes().splitlines(keepends=True)


def test_a_chain_that_nobody_touched_is_whole(settings: Settings, lines: list[bytes]) -> None:
    assert audit.check(settings) == len(lines) == 4
    assert audit.audit_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_changed_byte_in_any_line_but_the_last_is_noticed(settings: Settings, lines: list[bytes]) -> None:
    path = audit.audit_file(settings)
    content = path.read_bytes()
    for at in range(len(content) - len(lines[-1])):
        changed = bytearray(content)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(IntegrityError, match="Line"):
            audit.check(settings)


@pytest.mark.parametrize("change", ["taken out", "put in", "swapped", "not a line"])
def test_lines_taken_out_put_in_or_swapped_are_noticed(settings: Settings, lines: list[bytes], change: str) -> None:
    one, two, three, four = lines
    changed = {
        "taken out": [one, three, four],
        "put in": [one, one, two, three],
        "swapped": [two, one, three, four],
        "not a line": [one, b"[]\n", four],
    }
    audit.audit_file(settings).write_bytes(b"".join(changed[change]))
    with pytest.raises(IntegrityError):
        audit.check(settings)


def test_a_line_that_a_kill_cut_short_is_taken_away_by_the_next(settings: Settings, lines: list[bytes]) -> None:
    path = audit.audit_file(settings)
    path.write_bytes(b"".join(lines) + b'{"at": "2026-')
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: audit.record(settings, "override", number=number), range(8)))
    assert audit.check(settings) == 12


def test_what_is_older_than_its_days_goes_and_the_newest_publication_stays(settings: Settings) -> None:
    settings = settings.model_copy(update={"keep_publication_days": 30, "keep_log_days": 10})
    settings.published_dir.mkdir()
    settings.log_dir.mkdir()
    for run_id in ("20260101T020000Z-0001", "20260301T020000Z-0002", "20260401T020000Z-0003"):
        for name in (f"marts_{run_id}.duckdb", f"detail_{run_id}.duckdb", f"dashboard_{run_id}.html"):
            (settings.published_dir / name).write_text("")
    (settings.published_dir / "marts.duckdb").symlink_to("marts_20260301T020000Z-0002.duckdb")
    (settings.published_dir / "dictionary.html").write_text("")
    for name in ("20260101T000000Z_nightly_1.log", "20260425T000000Z_nightly_2.log", "mine.log"):
        (settings.log_dir / name).write_text("")
    gone = retention.expire(settings, datetime(2026, 4, 30, tzinfo=UTC))
    assert {name.split("_")[-1][:8] for name in gone if not name.endswith(".log")} == {"20260101"}
    assert len(gone) == 4
    assert {path.name for path in settings.log_dir.iterdir()} == {"20260425T000000Z_nightly_2.log", "mine.log"}
    later = retention.expire(settings, datetime(2027, 4, 30, tzinfo=UTC))
    assert not any("20260301" in name for name in later), "the newest that is shown stays however old it is"
    assert (settings.published_dir / "marts.duckdb").exists()
    assert (settings.published_dir / "dictionary.html").exists()
    assert retention.expire(settings.model_copy(update={"keep_publication_days": None, "keep_log_days": None})) == []


def test_nothing_is_there_to_check_before_the_first_publication(settings: Settings, tmp_path: Path) -> None:
    assert audit.check(settings) == 0
