"""Fuzzed answers of Tryton over real HTTP, fuzzed files, and CRMs' records with keys twice or missing.

The promise is that of test_fuzzed_payloads: whatever is served is landed, or the run ends in one plain sentence and nothing of it is visible.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from extractors.core.errors import WatertightError
from extractors.core.landing import Landing, read_lines, read_manifests
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract
from tests.contract.scripted_server import ScriptedServer, answer
from tests.fuzz import tokens

pytestmark = pytest.mark.integration

RUNS = (f"20260101T000000Z-{number:04x}" for number in itertools.count())
SESSION = (
    answer({"id": 0, "result": [1, "token-1", None]}),
    answer({"id": 0, "result": {"company": 3, "companies": [3]}}),
)
STAMP = {
    "__class__": "datetime", "year": 2026, "month": 1, "day": 2, "hour": 3, "minute": 4, "second": 5, "microsecond": 6,
}  # fmt: skip
OPPORTUNITY = {
    "id": 7, "number": "1", "party": 2, "company": 3, "currency.": {"id": 1, "code": "EUR"},
    "amount": {"__class__": "Decimal", "decimal": "1.50"}, "employee": 4, "start_date": {"__class__": "date", "year": 2026, "month": 1, "day": 2},
    "end_date": None, "conversion_probability": 0.5, "lost_reason": None, "state": "lead", "create_date": STAMP, "write_date": None,
    "contact": None, "description": "Crates", "reference": None, "converted_by": None,
}  # fmt: skip
#: what is no JSON at all stops in the client, test_fuzzed_payloads
ODD = (*tokens.RAW, *(json.dumps(text).encode() for text in (*tokens.MONEY, *tokens.TIMES, *tokens.TEXTS)))


def landed(settings: Settings, source: str, resource: str) -> list[dict[str, Any]] | None:
    """The payloads that landed, None where the run ended in a sentence and left nothing behind."""
    run = next(RUNS)
    refused: WatertightError | None = None
    try:
        extract(settings, source, resource, run, ResourceState())
    except WatertightError as error:
        refused = error
    if refused:
        # Files are refused line by line.
        assert source == "files" or (refused.wrong.endswith(".") and "\n" not in refused.wrong)
        assert not _of(settings, run)
        return None
    (one,) = (each for each in _of(settings, run) if each.manifest.resource == resource)
    lines = [json.loads(line) for part in one.part_files for line in read_lines(part)]
    assert len(lines) == one.manifest.rows
    return [line["payload"] for line in lines]


def _of(settings: Settings, run: str) -> list[Landing]:
    return [each for each in read_manifests(settings.landing_dir) if each.manifest.run_id == run]


def tryton(home: Path, body: bytes, resource: str = "opportunities") -> list[dict[str, Any]] | None:
    """What comes of one page of Tryton's, after an ordinary log-in."""
    with ScriptedServer(*SESSION, answer(body=body)) as server:
        settings = Settings(_env_file=None, home_dir=home, tryton_url=server.url, tryton_password="canary-5f2e")
        return landed(settings, "tryton", resource)


def page(row: bytes) -> bytes:
    return b'{"id":0,"result":[%s]}' % row


def changed(field: str, token: bytes) -> bytes:
    """The opportunity with another value in one field, its bytes as they stand."""
    return json.dumps(OPPORTUNITY | {field: "@@"}).encode().replace(b'"@@"', token)


@pytest.mark.parametrize("field", OPPORTUNITY)
def test_tryton_lands_an_odd_value_or_refuses_it_in_words(tmp_path: Path, field: str) -> None:
    taken = [
        tryton(tmp_path, page(changed(field, token)))
        for token in ODD[:: 1 if field in ("id", "amount", "create_date") else 4]
    ]
    assert all(rows is None or len(rows) == 1 for rows in taken), "a record was lost without a word"
    assert field in ("create_date", "currency.", "id") or any(taken), "nothing at all was taken"


@pytest.mark.parametrize("field", OPPORTUNITY)
def test_tryton_may_leave_out_a_key_or_give_it_twice(tmp_path: Path, field: str) -> None:
    missing = tryton(
        tmp_path, page(json.dumps({key: said for key, said in OPPORTUNITY.items() if key != field}).encode())
    )
    assert missing is None or len(missing) == 1
    twice = json.dumps(OPPORTUNITY)[:-1] + f', "{field}": {json.dumps(OPPORTUNITY[field])}}}'
    assert tryton(tmp_path, page(twice.encode())) == tryton(tmp_path, page(json.dumps(OPPORTUNITY).encode()))


@pytest.mark.parametrize(
    "resource",
    ["opportunities", "opportunity_revisions", "opportunity_states", "parties", "employees", "opportunities_sweep"],
)
@pytest.mark.parametrize(
    "said",
    [
        b"null",
        b"7",
        b'"x"',
        b"[7]",
        b'["x"]',
        b"[[]]",
        b"[null]",
        b"[{}]",
        b'{"a":1}',
        b'[{"id":null}]',
        b'[{"id":"7"}]',
        b'[{"id":1e400}]',
    ],
)
def test_an_answer_of_another_shape_is_refused_in_words(tmp_path: Path, resource: str, said: bytes) -> None:
    assert not tryton(tmp_path, b'{"id":0,"result":%s}' % said, resource)


# Files

HEADER = ("deal_id", "pipeline_id", "stage_id", "created_at", "deal_name", "deal_amount", "currency_code", "is_deleted")
ROW = ("D1", "P", "new", "2026-01-05T10:00:00Z", "Crates", "100.00", "EUR", "false")
CELLS = (
    *(text.encode() for text in (*tokens.MONEY, *tokens.TIMES, *tokens.TEXTS)), b"\xff", b"\xed\xa0\x80", b"\x00", b'"', b'"a\nb"', b'"a""b"',
    b"a,b", b"\r", b"\xef\xbb\xbf", b"1" * 400, b"1e400", b"true", b"{}", b"[]",
)  # fmt: skip


def folder(place: Path, deals: bytes) -> Settings:
    place.mkdir(exist_ok=True)
    (place / "pipelines.csv").write_bytes(b"pipeline_id,pipeline_name\nP,Sales\n")
    (place / "stages.csv").write_bytes(
        b"pipeline_id,stage_id,stage_name,stage_order,stage_kind\nP,new,New,1,open\nP,won,Won,2,won\nP,lost,Lost,3,lost\n"
    )
    (place / "deals.csv").write_bytes(deals)
    return Settings(_env_file=None, home_dir=place.parent / "home", files_dir=place)


def table(header: tuple[str, ...], *rows: tuple[bytes, ...]) -> bytes:
    return b"".join(b",".join(row) + b"\n" for row in (tuple(name.encode() for name in header), *rows))


@pytest.mark.parametrize("field", HEADER)
def test_files_land_an_odd_cell_or_refuse_it_in_words(tmp_path: Path, field: str) -> None:
    place = HEADER.index(field)
    whole = tuple(cell.encode() for cell in ROW)
    second = (b"D2", *whole[1:])
    for cell in CELLS:
        rows = landed(
            folder(tmp_path / "files", table(HEADER, (*whole[:place], cell, *whole[place + 1 :]), second)),
            "files",
            "deals",
        )
        assert rows is None or len(rows) == 2, f"{field} {cell[:40]!r}: a row was lost without a word"


@pytest.mark.parametrize("field", HEADER)
def test_files_with_a_column_twice_or_missing(tmp_path: Path, field: str) -> None:
    place = HEADER.index(field)
    whole = tuple(cell.encode() for cell in ROW)
    assert landed(folder(tmp_path / "files", table((*HEADER, field), (*whole, whole[place]))), "files", "deals") is None
    without = landed(
        folder(tmp_path / "files", table(HEADER[:place] + HEADER[place + 1 :], whole[:place] + whole[place + 1 :])),
        "files",
        "deals",
    )
    assert without is None if place < 4 else len(without or ()) == 1


def test_whatever_bytes_a_file_holds_it_ends_in_rows_or_in_words(tmp_path: Path) -> None:
    pieces = st.sampled_from([*CELLS, b",", b"\n", b"\r\n", b'"', *(cell.encode() for cell in ROW)])

    @trying(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None, phases=[Phase.generate],
    )  # fmt: skip
    @given(st.lists(pieces, max_size=30))
    def fuzz(some: list[bytes]) -> None:
        rows = landed(folder(tmp_path / "files", table(HEADER) + b"".join(some)), "files", "deals")
        assert rows is None or len(rows) <= b"".join(some).count(b"\n") + b"".join(some).count(b"\r") + 1

    fuzz()
