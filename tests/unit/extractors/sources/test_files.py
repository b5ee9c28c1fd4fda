"""The files source: what is in the files is in the landing, exactly; what breaks the contract stops everything, line by line."""

from __future__ import annotations

import csv
import itertools
import json
import logging
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractors.core.errors import ConfigurationError, IntegrityError
from extractors.core.landing import read_lines, read_manifest
from extractors.core.run import ResourceState
from extractors.core.settings import Settings
from extractors.sources import extract
from extractors.sources.files import FILES, check, tables
from extractors.sources.files.contract import CONTRACTS
from extractors.sources.files.values import UnfitError, parse_of

pytestmark = pytest.mark.unit

RUNS = (f"20260101T000000Z-{number:04x}" for number in itertools.count())
PIPELINES = "pipeline_id,pipeline_name\nP,Sales\n"
STAGES = (
    "pipeline_id,stage_id,stage_name,stage_order,stage_kind\n"
    "P,new,New,1,open\nP,offer,Offer,2,open\nP,won,Won,3,won\nP,lost,Lost,4,lost\n"
)
DEALS = "deal_id,pipeline_id,stage_id,created_at,deal_amount,currency_code\nD1,P,new,2026-01-05T10:00:00Z,100.00,EUR\n"


def folder_of(place: Path, **files: str | bytes) -> Path:
    """A folder with pipelines, stages and one deal, unless told otherwise."""
    texts: dict[str, str | bytes] = {"pipelines": PIPELINES, "stages": STAGES, "deals": DEALS} | files
    place.mkdir(exist_ok=True)
    for name, text in texts.items():
        (place / f"{name}.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return place


def settings_for(folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, home_dir=folder.parent / "home", files_dir=folder, **more)


def landed(folder: Path, resource: str, state: ResourceState | None = None, **more: Any) -> tuple[list[Any], Any]:
    """The landed lines of one resource, and its manifest."""
    chosen = settings_for(folder, **more)
    run = next(RUNS)
    extract(chosen, "files", resource, run, state or ResourceState())
    landing = read_manifest(chosen.landing_dir / "files" / "files" / resource / run / "manifest.json")
    return [json.loads(line) for part in landing.part_files for line in read_lines(part)], landing.manifest


def payloads(folder: Path, resource: str) -> list[dict[str, str | None]]:
    return [line["payload"] for line in landed(folder, resource)[0]]


def refusal(folder: Path, resource: str = "deals") -> str:
    """What is said when the folder is refused; nothing of any resource may have landed."""
    with pytest.raises(IntegrityError) as caught:
        landed(folder, resource)
    assert not list((folder.parent / "home").rglob("manifest.json"))
    return str(caught.value)


# What is read


def test_a_folder_lands_in_canonical_form(tmp_path: Path) -> None:
    deals = (
        "deal_id,pipeline_id,stage_id,created_at,deal_name,deal_amount,closed_at,expected_close_date,is_deleted,updated_at\n"
        'D1,P,new,2026-01-05T10:00:00+02:00,"Crates, ""big"" ones",1.5,,2026-02-28,,2026-01-06 09:30\n'
        "D2,P,won,2026-01-05T23:30:00.25-01:00,,-3,2026-01-07T00:00:00,,TRUE,\n"
    )
    lines, manifest = landed(folder_of(tmp_path / "in", deals=deals), "deals")
    assert [line["payload"] for line in lines] == [
        {
            "deal_id": "D1", "pipeline_id": "P", "stage_id": "new", "created_at": "2026-01-05T08:00:00Z",
            "deal_name": 'Crates, "big" ones', "deal_amount": "1.50", "closed_at": None,
            "expected_close_date": "2026-02-28", "is_deleted": None, "updated_at": "2026-01-06T09:30:00Z",
        },
        {
            "deal_id": "D2", "pipeline_id": "P", "stage_id": "won", "created_at": "2026-01-06T00:30:00.250000Z",
            "deal_name": None, "deal_amount": "-3.00", "closed_at": "2026-01-07T00:00:00Z",
            "expected_close_date": None, "is_deleted": "true", "updated_at": None,
        },
    ]  # fmt: skip
    assert [(line["_source_id"], line["_record_number"], line["_is_deleted"]) for line in lines] == [
        ("D1", 1, False),
        ("D2", 2, True),
    ]
    assert [line["_source_updated_at"] for line in lines] == ["2026-01-06T09:30:00Z", None]
    assert manifest.mode == "complete"
    assert manifest.data_through == manifest.extracted_at == manifest.cursor_to


def test_a_stage_is_known_by_pipeline_and_stage(tmp_path: Path) -> None:
    lines, _ = landed(folder_of(tmp_path / "in"), "stages")
    assert [line["_source_id"] for line in lines] == ["P|new", "P|offer", "P|won", "P|lost"]


def test_changes_that_differ_in_anything_are_different_changes(tmp_path: Path) -> None:
    changes = (
        "deal_id,field,changed_at,sequence,new_value,old_value\n"
        "D1,stage,2026-01-06T10:00:00Z,1,offer,new\n"
        "D1,stage,2026-01-06T10:00:00Z,2,offer,new\n"
        "D1,amount,2026-01-06T10:00:00Z,1,1e3,\n"
        "D1,amount,2026-01-07T10:00:00Z,1,,1000\n"
        "D1,expected_close,2026-01-07T10:00:00Z,,2026-03-01,\n"
    )
    lines, _ = landed(folder_of(tmp_path / "in", deal_changes=changes), "deal_changes")
    assert [line["_source_id"] for line in lines] == [
        "D1|stage|2026-01-06T10:00:00Z|1|offer|new",
        "D1|stage|2026-01-06T10:00:00Z|2|offer|new",
        "D1|amount|2026-01-06T10:00:00Z|1|1000.00|",
        "D1|amount|2026-01-07T10:00:00Z|1||1000.00",
        "D1|expected_close|2026-01-07T10:00:00Z||2026-03-01|",
    ]


def test_parts_of_a_key_cannot_run_into_each_other(tmp_path: Path) -> None:
    spend = "date,channel,amount,currency_code,campaign_id\n2026-01-01,a|b,1,EUR,c\n2026-01-01,a,1,EUR,b|c\n"
    lines, _ = landed(folder_of(tmp_path / "in", marketing_spend=spend), "marketing_spend")
    assert len({line["_source_id"] for line in lines}) == 2


def test_byte_order_mark_line_ends_and_breaks_in_quotes(tmp_path: Path) -> None:
    text = (
        b"\xef\xbb\xbf"
        + DEALS.replace("deal_amount", "deal_name").replace("100.00", '"two\nlines"').replace("\n", "\r\n").encode()
    )
    assert [one["deal_name"] for one in payloads(folder_of(tmp_path / "in", deals=text), "deals")] == ["two\r\nlines"]


def test_control_totals_are_counted_from_the_file(tmp_path: Path) -> None:
    deals = (
        "deal_id,pipeline_id,stage_id,created_at,deal_amount,currency_code,is_deleted,merged_into_deal_id\n"
        "1,P,new,2026-01-01T00:00:00Z,0.1,EUR,,\n2,P,new,2026-01-01T00:00:00Z,0.2,EUR,false,\n3,P,new,2026-01-01T00:00:00Z,7,USD,,\n"
        "4,P,new,2026-01-01T00:00:00Z,9,,,\n5,P,won,2026-01-01T00:00:00Z,9,EUR,true,\n6,P,won,2026-01-01T00:00:00Z,9,EUR,,1\n"
    )
    _, manifest = landed(folder_of(tmp_path / "in", deals=deals), "deals")
    assert {(one.stage_id, one.currency_code, one.deal_count, one.deal_amount) for one in manifest.control_totals.totals} == {
        ("new", None, 4, None), ("new", "EUR", 2, "0.30"), ("new", "USD", 1, "7.00"), ("new", None, 1, "9.00"),
        ("offer", None, 0, None), ("won", None, 0, None), ("lost", None, 0, None),
    }  # fmt: skip


def test_inputs_that_no_crm_holds_need_no_deals(tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    (place / "quotas.csv").write_text(
        "period_start,period_end,amount,currency_code,owner_id\n2026-01-01,2026-03-31,5000,EUR,hubspot-owner-7\n"
    )
    assert payloads(place, "quotas")[0]["owner_id"] == "hubspot-owner-7"


def test_unknown_columns_and_files_are_warned_about_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_of(tmp_path / "in", deals=DEALS.replace("deal_amount", "Deal_Amount"), notes="a\n1\n")
    with caplog.at_level(logging.WARNING):
        assert "Deal_Amount" not in payloads(folder, "deals")[0]
        payloads(folder, "stages")
    warned = [record.getMessage() for record in caplog.records]
    assert sum("Deal_Amount" in text for text in warned) == 1
    assert any("notes.csv" in text for text in warned)


# Values


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("instant", "2026-01-31T08:15:00.123456Z", "2026-01-31T08:15:00.123456Z"),
        ("instant", "2026-01-31T08:15:00.1234560Z", "2026-01-31T08:15:00.123456Z"),
        ("instant", "2026-01-01T00:00:00+14:00", "2025-12-31T10:00:00Z"),
        ("instant", "2025-12-31T23:00:00-1200", "2026-01-01T11:00:00Z"),
        ("instant", "2026-01-01 00:00:00 +01", "2025-12-31T23:00:00Z"),
        ("instant", "2024-02-29T12:00", "2024-02-29T12:00:00Z"),
        ("date", "2024-02-29", "2024-02-29"),
        ("amount", "0.10", "0.10"),
        ("amount", "1.500", "1.50"),
        ("amount", "-0", "0.00"),
        ("amount", "9999999999999999.99", "9999999999999999.99"),
        ("amount", "1e15", "1000000000000000.00"),
        ("number", "0012.3400", "12.34"),
        ("positive", "0.00012345678901234567890", "0.0001234567890123456789"),
        ("integer", "-7", "-7"),
        ("integer", "12.0", "12"),
        ("share", "0.25", "0.25"),
        ("share", "1.0", "1"),
        ("boolean", "True", "true"),
        ("boolean", "0", "false"),
    ],
)
def test_values_become_canonical(kind: str, text: str, expected: str) -> None:
    parse = parse_of(kind)
    assert parse is not None
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("instant", "2026-01-31", "a date without a time"),
        ("instant", "2026-02-30T00:00:00Z", "does not exist"),
        ("instant", "2026-12-31T23:59:60Z", "does not exist"),
        ("instant", "2026-01-01T24:00:00Z", "does not exist"),
        ("instant", "2026-01-01T00:00:00.1234567Z", "finer than a microsecond"),
        ("instant", "2026-01-01T00:00:00+14:01", "no place on earth"),
        ("instant", "0001-01-01T00:00:00+01:00", "outside the years"),
        ("instant", "31.01.2026 08:15", "no ISO-8601 instant"),
        ("instant", "2026-W05-1T00:00:00Z", "no ISO-8601 instant"),
        ("date", "2026-02-30", "does not exist"),
        ("date", "2026-01-31T00:00:00Z", "no date"),
        ("date", "٢٠٢٦-01-31", "no date"),
        ("amount", "0.1 ", "no decimal number"),
        ("amount", "1.234,56", "comma"),
        ("amount", "1,234.56", "comma"),
        ("amount", "NaN", "not a number"),
        ("amount", "-Infinity", "not a number"),
        ("amount", "0.30000000000000004", "more than two decimals"),
        ("amount", "1e16", "too large"),
        ("amount", "1e999", "more than 38 digits"),
        ("amount", "0x10", "no decimal number"),
        ("positive", "0.00", "not above zero"),
        ("share", "1.01", "not between 0 and 1"),
        ("share", "-0.1", "not between 0 and 1"),
        ("integer", "1.5", "no whole number"),
        ("integer", "9223372036854775808", "64 bits"),
        ("count", "-1", "below zero"),
        ("boolean", "yes", "neither true nor false"),
        ("currency", "eur", "three capital letters"),
    ],
)
def test_values_are_exact_or_refused(kind: str, text: str, reason: str) -> None:
    parse = parse_of(kind)
    assert parse is not None
    with pytest.raises(UnfitError, match=reason):
        parse(text)


ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Without a zone, as Hypothesis wants the ends of a range.
YEARS = (datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            CELLS,
            st.datetimes(*YEARS, timezones=ZONES),
            st.none() | st.decimals("-9999999999999999.99", "9999999999999999.99", places=2),
            st.none() | st.dates(),
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_in_the_csv_is_in_the_payload(rows: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every value comes back as the same value: any text, instants of any zone, amounts to the cent, dates, booleans."""
    place = folder_of(tmp_path_factory.mktemp("round") / "in")
    with (place / "deals.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "deal_id",
                "pipeline_id",
                "stage_id",
                "deal_name",
                "created_at",
                "deal_amount",
                "expected_close_date",
                "is_deleted",
            ]
        )
        for number, (name, at, amount, day, is_deleted) in enumerate(rows):
            writer.writerow([number, "P", "new", name, at.isoformat(), amount, day, is_deleted])
    found = payloads(place, "deals")
    assert [
        (
            one["deal_name"] or "",
            datetime.fromisoformat(one["created_at"] or ""),
            None if one["deal_amount"] is None else Decimal(one["deal_amount"]),
            None if one["expected_close_date"] is None else date.fromisoformat(one["expected_close_date"]),
            None if one["is_deleted"] is None else one["is_deleted"] == "true",
        )
        for one in found
    ] == rows


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(["instant", "date", "amount", "number", "share", "integer", "count", "boolean", "currency", "positive"]),
       text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=25)
       | st.from_regex(r"[-+]?[0-9]{1,25}([.,][0-9]{0,25})?([eE][-+]?[0-9]{1,4})?", fullmatch=True)
       | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{0,18}(Z|[+-][0-9:]{2,5})?)?", fullmatch=True))  # fmt: skip
def test_any_text_is_canonical_or_unfit_and_nothing_else(kind: str, text: str) -> None:
    parse = parse_of(kind)
    assert parse is not None
    try:
        canonical = parse(text)
    except UnfitError:
        return
    assert parse(canonical) == canonical
    if kind in ("amount", "number", "positive", "share"):
        assert Decimal(canonical) == Decimal(text)
        assert "e" not in canonical.lower()


# What is refused


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"deals": DEALS + "D1,P,won,2026-01-05T10:00:00Z,1,EUR\n"}, ["deals.csv, line 3: the key (deal_id 'D1') is there already in line 2"]),
        ({"deals": DEALS + ",P,won,2026-01-05T10:00:00Z,1,EUR\n"}, ["deals.csv, line 3: deal_id is empty (part of the key)"]),
        ({"deals": DEALS + "D2,P,,yesterday,1.234,euro\n"}, ["line 3: stage_id is empty", "line 3: created_at 'yesterday'", "line 3: deal_amount '1.234' has more than two", "line 3: currency_code 'euro'"]),
        ({"deals": DEALS + "D2,P,gone,2026-01-05T10:00:00Z,1,EUR\n"}, ["line 3: pipeline_id 'P' and stage_id 'gone' refers to nothing in stages.csv"]),
        ({"deals": DEALS + "D2,Q,new,2026-01-05T10:00:00Z,1,EUR\n"}, ["line 3: pipeline_id 'Q' and stage_id 'new' refers to nothing in stages.csv"]),
        ({"deals": DEALS + "D2,P,new,2026-01-05T10:00:00Z,1\n"}, ["line 3: has 5 values where the header has 6"]),
        ({"deals": DEALS + 'D2,P,new,2026-01-05T10:00:00Z,"1" 2,EUR\n'}, ["line 3: bad quoting"]),
        ({"deals": DEALS + 'D2,P,"new,2026-01-05T10:00:00Z,1,EUR\nD3,P,new,2026-01-05T10:00:00Z,1,EUR\n'}, ["line 3: a quotation mark is opened and never closed"]),
        ({"deals": DEALS.encode() + b"D\xe9,P,new,2026-01-05T10:00:00Z,1,EUR\n"}, ["line 3: is not UTF-8 (byte 0xe9 at position 2)"]),
        ({"deals": DEALS.replace("created_at", "Created_At")}, ["deals.csv, header: the required column created_at is missing; 'Created_At' is there"]),
        ({"deals": DEALS.replace(",", ";")}, ["separated by commas"]),
        ({"deals": DEALS.replace("deal_amount", "deal_id")}, ["the column 'deal_id' is there twice"]),
        ({"deals": ""}, ["deals.csv: it has no header row"]),
        ({"stages": STAGES + "P,x,X,5,maybe\n"}, ["stages.csv, line 6: stage_kind 'maybe' is none of open, won, lost"]),
        ({"stages": STAGES + "P,x|y,X,5,open\n"}, ["stages.csv, line 6: stage_id 'x|y' holds |"]),
        ({"owners": "owner_id,owner_name\nO1,Ann\n", "deals": DEALS.replace("currency_code", "owner_id").replace("EUR", "O2")}, ["line 2: owner_id 'O2' refers to nothing in owners.csv"]),
        ({"deals": DEALS.replace("currency_code", "merged_into_deal_id").replace("EUR", "D9")}, ["merged_into_deal_id 'D9' refers to nothing in deals.csv"]),
        ({"leads": "lead_id,created_at,converted_deal_id\nL1,2026-01-01T00:00:00Z,D9\n"}, ["leads.csv, line 2: converted_deal_id 'D9' refers to nothing in deals.csv"]),
        ({"deal_changes": "deal_id,field,new_value,changed_at\nD1,stage,offr,2026-01-06T00:00:00Z\n"}, ["deal_changes.csv, line 2: new_value 'offr' refers to nothing in stages.csv"]),
        ({"deal_changes": "deal_id,field,new_value,changed_at\nD1,stage,,2026-01-06T00:00:00Z\n"}, ["line 2: new_value is empty, and a deal is never without a stage"]),
        ({"deal_changes": "deal_id,field,new_value,changed_at\nD1,amount,a lot,2026-01-06T00:00:00Z\n"}, ["line 2: new_value 'a lot' is no decimal number"]),
        ({"deal_changes": "deal_id,field,new_value,changed_at\nD1,amount,5,2026-01-06T00:00:00Z\nD1,amount,5.00,2026-01-06T01:00:00+01:00\n"}, ["deal_changes.csv, line 3: the key"]),
    ],
)  # fmt: skip
def test_every_wrong_row_is_named_and_nothing_lands(tmp_path: Path, files: dict[str, Any], said: list[str]) -> None:
    text = refusal(folder_of(tmp_path / "in", **files))
    for one in said:
        assert one in text
    # One entry for each, and no others that merely follow from it.
    assert ("1 entry breaks" if len(said) == 1 else f"{len(said)} entries break") in text


def test_one_bad_file_stops_every_resource(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", owners="owner_id,owner_name\nO1,\n")
    for resource in ("owners", "pipelines", "deals", "capacity"):
        assert "owners.csv, line 2: owner_name is empty" in refusal(folder, resource)


def test_many_wrong_rows_are_all_logged_and_fifty_printed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bad = "".join(f"X{number},P,new,never,1,EUR\n" for number in range(80))
    text = refusal(folder_of(tmp_path / "in", deals=DEALS + bad))
    assert text.count("is no ISO-8601 instant") == check.SHOWN_FAULTS
    assert "80 entries break" in text
    assert "… and 30 more" in text
    assert sum("is no ISO-8601 instant" in record.getMessage() for record in caplog.records) == 80


@pytest.mark.parametrize("missing", ["pipelines", "stages", "deals"])
def test_deal_data_needs_pipelines_stages_and_deals(tmp_path: Path, missing: str) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / f"{missing}.csv").unlink()
    with pytest.raises(IntegrityError, match=f"{missing}.csv: is missing, and is required"):
        landed(folder, "owners")


@pytest.mark.parametrize("make", [lambda place: None, lambda place: place.write_text("x"), lambda place: place.mkdir()])
def test_no_usable_folder_is_a_wrong_setting(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "in")
    with pytest.raises(ConfigurationError, match="WATERTIGHT_FILES_DIR"):
        landed(tmp_path / "in", "deals")


def test_a_file_that_was_there_and_is_gone_stops_the_run(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", owners="owner_id,owner_name\nO1,Ann\n")
    _, never = landed(folder, "products")
    assert never.rows == 0
    landed(folder, "products", ResourceState(datetime.fromisoformat(never.cursor_to)))
    _, first = landed(folder, "owners")
    (folder / "owners.csv").unlink()
    with pytest.raises(IntegrityError, match="was there at the last load and is missing now"):
        landed(folder, "owners", ResourceState(datetime.fromisoformat(first.cursor_to)))


def append(path: Path) -> None:
    with path.open("a") as file:
        file.write("D2,P,new,2026-01-05T10:00:00Z,1,EUR\n")


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_text(DEALS)
    other.replace(path)


@pytest.mark.parametrize("change", [append, replace])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = folder_of(tmp_path / "in") / "deals.csv"

    def read() -> None:
        with tables.open_table(path) as table:
            next(table.rows)
            change(path)

    with pytest.raises(IntegrityError, match="changed while it was being read"):
        read()


def test_a_file_that_changed_since_the_check_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "in")
    monkeypatch.setattr(
        "extractors.sources.files.check_once", lambda *_: (folder / "deals.csv").write_text(DEALS + "x")
    )
    with pytest.raises(IntegrityError, match="changed while it was being read"):
        landed(folder, "deals")


def test_a_folder_is_checked_again_when_a_file_changed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    landed(folder, "pipelines")
    before = (folder / "deals.csv").stat()
    (folder / "deals.csv").write_text(DEALS.replace("100.00", "1OO.00"))
    os.utime(folder / "deals.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(IntegrityError, match=r"1OO\.00"):
        landed(folder, "pipelines")


def test_a_good_folder_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "in")
    landed(folder, "pipelines")
    monkeypatch.setattr("extractors.sources.files.memory.check_folder", lambda *_: pytest.fail("checked again"))
    landed(folder, "deals")


# Time


def test_a_simulated_company_says_what_time_it_is(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    with pytest.raises(ConfigurationError, match=r"as_of\.txt"):
        landed(folder, "deals", simulated_time=True)
    (folder / "as_of.txt").write_text("2026-06-03T02:00:00Z\n")
    _, manifest = landed(folder, "deals", simulated_time=True)
    assert manifest.extracted_at == manifest.data_through == "2026-06-03T02:00:00.000Z"


# The contract


def test_the_contract_is_sound() -> None:
    """Keys and references name columns that exist, and every file is a resource."""
    by_name = {contract.name: {column.name for column in contract.columns} for contract in CONTRACTS}
    assert [resource.name for resource in FILES.resources] == list(by_name)
    assert len(by_name) == 20
    for contract in CONTRACTS:
        assert set(contract.key) <= by_name[contract.name]
        for reference in contract.references:
            assert set(reference.columns) <= by_name[contract.name]
            assert set(reference.to_columns) <= by_name[reference.file]
