"""The comparison finds what is planted: a marts file written from the oracle's own ledger, then spoilt in one place."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from hashlib import md5
from pathlib import Path

import duckdb
import pytest

from tests.oracle.compare import (
    compare,
    compare_knowledge,
    compare_states,
    read_facts,
    read_knowledge,
    read_movements,
    read_versions,
)
from tests.oracle.histories import found_company
from tests.oracle.ledger import Ledger, Night, keep_knowledge, keep_ledger
from tests.oracle.movements import Movement, RateBook, Version, keep_movements, keep_versions

pytestmark = pytest.mark.unit


def key(*parts: str | None) -> str | None:
    return None if None in parts else md5("|".join(str(part) for part in parts).encode()).hexdigest()  # noqa: S324 - the warehouse makes its keys so; nothing is kept secret by it


NIGHT = Night(datetime(2026, 11, 1, tzinfo=UTC), found_company(5, 80).tables)


def states(ledger: Ledger) -> tuple[list[Version], list[Movement]]:
    """The versions and movements of that ledger."""
    return keep_versions(ledger, [NIGHT]), keep_movements(ledger, [NIGHT], RateBook(NIGHT, "EUR", date(2024, 3, 15)))


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return keep_ledger([NIGHT])


@pytest.fixture(scope="module")
def marts(ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The facts of the ledger in the shape of a marts file."""
    path = tmp_path_factory.mktemp("oracle") / "marts.duckdb"
    con = duckdb.connect(str(path))
    con.execute("create table dim_deals (deal_key text, source_system text, source_deal_id text, deal_status text, "
                "created_at timestamp, closed_at timestamp, pipeline_key text, stage_key text)")  # fmt: skip
    con.execute("create table dim_pipelines (pipeline_key text, source_pipeline_id text)")
    con.execute("create table dim_stages (stage_key text, source_stage_id text)")
    con.execute("create table dim_owners (owner_key text, source_owner_id text)")
    con.execute("create table fct_deal_changes (deal_key text, field text, old_value text, new_value text, "
                "changed_at timestamp, sequence bigint, change_source text, known_at timestamp, retracted_at timestamp)")  # fmt: skip
    con.execute("create table fct_deal_stage_transitions (deal_key text, transitioned_at timestamp, from_stage_key text, "
                "to_stage_key text, from_pipeline_key text, to_pipeline_key text, transition_kind text, stages_moved int, "
                "deal_amount decimal(18,2), currency_code text, owner_key text, is_transient boolean, change_source text)")  # fmt: skip
    con.execute("create table fct_deal_stage_visits (deal_key text, visit_number int, stage_visit_number int, "
                "pipeline_key text, stage_key text, stage_kind text, entered_at timestamp, exited_at timestamp, "
                "is_current boolean, entry_kind text, exit_kind text, hours_in_stage double, entry_amount decimal(18,2), "
                "exit_amount decimal(18,2), currency_code text, owner_key text, is_transient boolean)")  # fmt: skip

    def naive(instant: datetime | None) -> datetime | None:
        return None if instant is None else instant.replace(tzinfo=None)

    def insert(table: str, rows: Sequence[tuple[object, ...]]) -> None:
        con.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)

    places = {(v.pipeline_id, v.stage_id) for v in ledger.visits}
    insert("dim_pipelines", [(key(p), p) for p in sorted({p for p, _ in places})])
    insert("dim_stages", [(key(p, s), s) for p, s in sorted(places)] * 2)
    insert(
        "dim_owners",
        [(key(o), o) for o in sorted({c.new_value for c in ledger.changes if c.field == "owner" and c.new_value})],
    )
    insert("dim_deals", [
        (key(d.deal_id), "files", d.deal_id, d.deal_status, naive(d.created_at), naive(d.closed_at), key(d.pipeline_id),
         key(d.pipeline_id, d.stage_id)) for d in ledger.deals
    ])  # fmt: skip
    insert("fct_deal_changes", [
        (key(c.deal_id), c.field, c.old_value, c.new_value, naive(c.changed_at), c.sequence, c.change_source,
         naive(c.changed_at), None)
        for c in ledger.changes
    ])  # fmt: skip
    insert("fct_deal_stage_transitions", [
        (key(t.deal_id), naive(t.transitioned_at), key(t.from_pipeline_id, t.from_stage_id),
         key(t.to_pipeline_id, t.to_stage_id), key(t.from_pipeline_id), key(t.to_pipeline_id), t.transition_kind,
         t.stages_moved, t.deal_amount, t.currency_code, key(t.owner_id), t.is_transient, t.change_source)
        for t in ledger.transitions
    ])  # fmt: skip
    insert("fct_deal_stage_visits", [
        (key(v.deal_id), v.visit_number, v.stage_visit_number, key(v.pipeline_id), key(v.pipeline_id, v.stage_id),
         v.stage_kind, naive(v.entered_at), naive(v.exited_at), v.is_current, v.entry_kind, v.exit_kind, v.hours_in_stage,
         v.entry_amount, v.exit_amount, v.currency_code, key(v.owner_id), v.is_transient) for v in ledger.visits
    ])  # fmt: skip
    versions, movements = states(ledger)
    con.execute("create table fct_deal_versions (deal_key text, valid_from timestamp, valid_to timestamp, is_current boolean, "
                "deal_status text, pipeline_key text, stage_key text, deal_amount decimal(18,2), currency_code text, "
                "expected_close_date date, owner_key text)")  # fmt: skip
    insert("fct_deal_versions", [
        (key(v.deal_id), naive(v.valid_from), naive(v.valid_to), v.is_current, v.deal_status, key(v.pipeline_id),
         key(v.pipeline_id, v.stage_id), v.deal_amount, v.currency_code, v.expected_close_date, key(v.owner_id)) for v in versions
    ])  # fmt: skip
    con.execute("create table fct_pipeline_movements (deal_key text, moved_at timestamp, bucket text, count_delta int, "
                "amount_delta decimal(18,2), booked_amount_delta decimal(18,2), constant_amount_delta decimal(18,2), "
                "amount_missing_reason text, currency_code text, pipeline_key text, stage_key text, owner_key text, "
                "is_pipeline_change boolean)")  # fmt: skip
    insert("fct_pipeline_movements", [
        (key(m.deal_id), naive(m.moved_at), m.bucket, m.count_delta, m.amount_delta, m.booked_amount_delta,
         m.constant_amount_delta, m.amount_missing_reason, m.currency_code, key(m.pipeline_id), key(m.pipeline_id, m.stage_id),
         key(m.owner_id), m.is_pipeline_change) for m in movements
    ])  # fmt: skip
    con.close()
    return path


@pytest.fixture
def con(marts: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the file to spoil."""
    with duckdb.connect(shutil.copy(marts, tmp_path / "marts.duckdb")) as con:
        yield con


def test_equal_ledgers_have_no_difference(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    assert compare(ledger, read_facts(con)) == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("update fct_deal_stage_visits set entry_amount = entry_amount + 0.01 where visit_number = 1",
         "visit 1: entry_amount expected"),
        ("update fct_deal_stage_visits set exited_at = exited_at + interval 1 microsecond where exited_at is not null",
         "exited_at expected"),
        ("update fct_deal_stage_visits set hours_in_stage = hours_in_stage + 0.001 where visit_number = 1",
         "hours_in_stage expected"),
        ("delete from fct_deal_stage_transitions where transition_kind = 'lost'", "a transition is missing"),
        ("insert into fct_deal_stage_transitions select * from fct_deal_stage_transitions",
         "a transition that should not be there"),
        ("update fct_deal_stage_transitions set owner_key = null", "owner_id expected"),
        ("update fct_deal_changes set retracted_at = changed_at where field = 'amount'", "a change is missing"),
        ("update fct_deal_changes set old_value = 'x' where field = 'stage'", "old_value expected"),
        ("update dim_deals set closed_at = created_at where closed_at is not null", "closed_at expected"),
        ("update dim_deals set deal_status = 'open'", "deal_status expected"),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(con: duckdb.DuckDBPyConnection, ledger: Ledger, spoil: str, sentence: str) -> None:
    con.execute(spoil)
    differences = compare(ledger, read_facts(con))
    assert differences
    assert any(sentence in difference for difference in differences)
    assert all(difference.startswith("Deal 0") and difference.endswith(".") for difference in differences)


def test_other_knowledge_is_found(con: duckdb.DuckDBPyConnection) -> None:
    expected, instants = keep_knowledge([NIGHT]), [NIGHT.extracted_at]
    assert compare_knowledge(expected, read_knowledge(con), instants) == []
    con.execute("update fct_deal_changes set known_at = known_at + interval 1 second where field = 'amount'")
    con.execute("update fct_deal_changes set retracted_at = '2026-11-01' where field = 'owner'")
    con.execute("delete from fct_deal_changes where field = 'currency'")
    sentences = compare_knowledge(expected, read_knowledge(con), instants)
    for word in ("known_at expected", "retracted_at expected null, found 2026-11-01", "not even as retracted"):
        assert any(word in sentence for sentence in sentences)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("delete from fct_deal_versions where deal_status = 'won'", "a version is missing"),
        ("update fct_deal_versions set valid_to = valid_to + interval 1 microsecond", "valid_to expected"),
        ("update fct_deal_versions set expected_close_date = expected_close_date + 1", "expected_close_date expected"),
        ("update fct_deal_versions set is_current = true", "is_current expected"),
        ("delete from fct_pipeline_movements where bucket = 'won'", "a movement is missing"),
        ("update fct_pipeline_movements set bucket = 'won' where bucket = 'lost'", "that should not be there"),
        ("update fct_pipeline_movements set amount_delta = -amount_delta", "amount_delta expected"),
        ("update fct_pipeline_movements set booked_amount_delta = booked_amount_delta + 0.01", "booked_amount_delta expected"),
        ("update fct_pipeline_movements set constant_amount_delta = 0", "constant_amount_delta expected"),
        ("update fct_pipeline_movements set owner_key = null", "owner_id expected"),
        ("update fct_pipeline_movements set currency_code = 'XXX'", "currency_code expected"),
        ("update fct_pipeline_movements set count_delta = 0", "count_delta expected"),
    ],
)  # fmt: skip
def test_a_spoilt_version_or_movement_is_found(
    con: duckdb.DuckDBPyConnection, ledger: Ledger, spoil: str, sentence: str
) -> None:
    versions, movements = states(ledger)
    assert compare_states(versions, movements, read_versions(con), read_movements(con)) == []
    con.execute(spoil)
    differences = compare_states(versions, movements, read_versions(con), read_movements(con))
    assert any(sentence in difference for difference in differences)


def test_a_key_that_leads_nowhere_is_named(con: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
    con.execute("delete from dim_stages")
    assert any("is in no dimension" in sentence for sentence in compare(ledger, read_facts(con)))


def test_a_key_of_two_ids_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("update dim_stages set stage_key = 'same'")
    with pytest.raises(ValueError, match="stage_key same stands for both"):
        read_facts(con)
