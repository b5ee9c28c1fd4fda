"""Parquet in the files source: the same records as from CSV, and as strict."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from extractors.core.errors import IntegrityError
from tests.unit.extractors.sources.test_files import folder_of, landed, payloads, refusal

pytestmark = pytest.mark.unit


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    pq.write_table(pa.table({"pipeline_id": ["P"], "pipeline_name": ["Sales"]}), folder / "pipelines.parquet")
    with pytest.raises(IntegrityError, match=r"pipelines\.parquet: pipelines\.csv is there too"):
        landed(folder, "deals")


def test_parquet_gives_the_same_records_as_csv(tmp_path: Path) -> None:
    at = datetime(2026, 1, 5, 10, tzinfo=UTC)
    table = pa.table({
        "deal_id": pa.array(["D1", "D2"]).dictionary_encode(),
        "pipeline_id": ["P", "P"],
        "stage_id": ["new", "won"],
        "created_at": pa.array([at, at + timedelta(microseconds=1)], pa.timestamp("us", tz="Europe/Berlin")),
        "closed_at": pa.array([None, datetime(2026, 2, 1, tzinfo=UTC).replace(tzinfo=None)], pa.timestamp("ns")),
        "deal_amount": pa.array([Decimal("100.00"), None], pa.decimal128(18, 2)),
        "recurring_amount": pa.array([0.1, 1e15]),
        "expected_close_date": pa.array([date(2026, 2, 28), None]),
        "is_deleted": pa.array([None, True]),
    })  # fmt: skip
    folder = folder_of(tmp_path / "in")
    (folder / "deals.csv").unlink()
    pq.write_table(table, folder / "deals.parquet")
    from_parquet = payloads(folder, "deals")
    (folder / "deals.parquet").unlink()
    (folder / "deals.csv").write_text(
        "deal_id,pipeline_id,stage_id,created_at,closed_at,deal_amount,recurring_amount,expected_close_date,is_deleted\n"
        "D1,P,new,2026-01-05T10:00:00Z,,100.00,0.1,2026-02-28,\n"
        "D2,P,won,2026-01-05T10:00:00.000001Z,2026-02-01T00:00:00,,1000000000000000,,true\n"
    )
    assert from_parquet == payloads(folder, "deals")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([float("nan")]), "row 1: deal_amount 'nan' is not a number"),
        (pa.array([0.1 + 0.2]), "row 1: deal_amount '0.30000000000000004' has more than two decimals"),
        (pa.array([[1]]), "its column 'deal_amount' is of type list"),
        (pa.array([b"\xff"], pa.binary()), "its column 'deal_amount' is of type binary"),
    ],
)
def test_parquet_is_as_strict(tmp_path: Path, column: Any, said: str) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / "deals.csv").unlink()
    given = {
        "deal_id": ["D1"],
        "pipeline_id": ["P"],
        "stage_id": ["new"],
        "created_at": ["2026-01-05T10:00:00Z"],
        "deal_amount": column,
    }
    pq.write_table(pa.table(given), folder / "deals.parquet")
    assert said in refusal(folder)


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / "deals.csv").rename(folder / "deals.parquet")
    assert "deals.parquet: it is no Parquet file" in refusal(folder)
