"""What a night said can be said again: as-of that day, as known that day, gives its marts to the last value, and old days follow the ledger.

Five nights told by hand, with late and back-dated history, events taken back, merges, deletions, a stage renamed and one removed.
"""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from extractors.core.errors import LeaseError, WatertightError
from extractors.core.settings import Settings
from tests.core.company import NIGHTS, Company, file_deal
from tests.core.tables import differences
from tests.core.warehouse import Warehouse
from warehouse.as_of import published_tables, recompute
from warehouse.lease import Lease
from watertight.command import main

pytestmark = pytest.mark.integration

LAST = NIGHTS[-1].date()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse after five nights, and beside it what each night's marts were."""
    place = tmp_path_factory.mktemp("as_of")
    warehouse = Warehouse(place / "home")
    company = Company(warehouse)
    for number, night in enumerate(NIGHTS):
        company.night(number)
        if number == 3:  # something that no history follows
            warehouse.load(
                "files", "deals", [{"id": "f1", "payload": file_deal("f1", "three", recurring_amount="77.00")}]
            )
        # Of the first night's marts nothing is asked: they are computed whole every night.
        without = ("--exclude", "path:models/marts") if number == 0 else ()
        result = warehouse.dbt(
            "build", *without, "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"
        )
        assert result.success, result.exception
        shutil.copyfile(warehouse.files["marts"], place / f"{night.date()}.duckdb")
    (place / "home" / "published").mkdir()
    (place / "home" / "published" / "marts.duckdb").symlink_to(place / f"{LAST}.duckdb")
    return place


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home_dir=home / "home", files_dir=home)


@pytest.fixture
def command(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `watertight as-of` on that warehouse."""
    monkeypatch.setenv("WATERTIGHT_HOME", str(home / "home"))
    monkeypatch.setenv("WATERTIGHT_FILES_DIR", str(home))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["as-of", *arguments])

    return run


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.published_dir / "marts.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def stage_of(settings: Settings, *deals: str) -> dict[str, str]:
    """The stage, or of a deal that is gone the status, by the source's deal id."""
    found = rows(settings, """
        select source_deal_id, case when deal_status in ('deleted', 'merged') then deal_status else source_stage_id end
        from dim_deals left join dim_stages as stages on stages.stage_key = dim_deals.stage_key and stages.is_current
    """)  # fmt: skip
    return {deal: stage for deal, stage in found if deal in deals}


@pytest.mark.parametrize("night", [NIGHTS[1].date(), NIGHTS[3].date()], ids=str)  # with nights on both sides
def test_every_table_is_what_it_was_that_night(home: Path, settings: Settings, night: date) -> None:
    tables = published_tables()
    with recompute(settings, tables, night, night) as then:
        found = differences(home / f"{night}.duckdb", then.settings.marts_file, tables)
        assert then.runs_known == 1 + [each.date() for each in NIGHTS].index(night)
    assert not found, "\n".join(found)
    assert len(tables) > 30


def test_the_comparison_can_fail(home: Path) -> None:
    found = differences(home / f"{NIGHTS[1].date()}.duckdb", home / f"{LAST}.duckdb", published_tables())
    assert {"dim_deals", "fct_deal_changes", "mart_sales__pipeline_daily"} <= {each.partition(",")[0] for each in found}


@pytest.mark.parametrize("day", [date(2026, 5, 6), date(2026, 6, 3)], ids=str)
def test_an_old_day_follows_the_ledger_of_now(settings: Settings, day: date) -> None:
    """As known now the past has one story: the days of pipeline_daily, the changes, the visits up to then."""
    until = f"(date '{day}' + interval 1 day)"
    with recompute(settings, published_tables(), day) as then:
        for now, old in {
            f"select * from mart_sales__pipeline_daily where calendar_date <= '{day}'": "select * from mart_sales__pipeline_daily",
            f"""select stage_key, cast(sum(open_count) as bigint), sum(open_amount) from mart_sales__pipeline_daily
                where calendar_date = '{day}' group by stage_key""":
            "select stage_key, deal_count, total_amount from mart_sales__pipeline_board where deal_count > 0",
            f"select * from fct_deal_changes where changed_at < {until}": "select * from fct_deal_changes",
            f"""select visit_key, deal_key, entered_at, case when exited_at < {until} then exited_at end,
                case when exited_at < {until} then exit_kind end from fct_deal_stage_visits where entered_at < {until}""":
            "select visit_key, deal_key, entered_at, exited_at, exit_kind from fct_deal_stage_visits",
            f"select deal_key, created_at from dim_deals where created_at < {until}": "select deal_key, created_at from dim_deals",
        }.items():  # fmt: skip
            expected, found = sorted(rows(settings, now), key=str), sorted(rows(then.settings, old), key=str)
            assert expected, now
            assert found == expected, now
        # The current record is cut where the ledger is, and nothing reaches beyond the day.
        assert not rows(then.settings, """
            with last as (
                select deal_key, field, max_by(coalesce(new_value, ''), (changed_at, sequence, _record_number)) as last_value
                from fct_deal_changes where retracted_at is null group by deal_key, field)
            select source_deal_id, deal_amount, last_value from dim_deals left join last on last.deal_key = dim_deals.deal_key and field = 'amount'
            where deal_amount is distinct from try_cast(last_value as decimal(18, 2))
        """)  # fmt: skip
        assert rows(then.settings, "select max(warehouse_data_through) from dim_sources")[0][0].date() == day
        assert not rows(then.settings, f"from mart_metrics__values where period_start > '{day}'")


def test_the_two_axes_are_two(settings: Settings) -> None:
    """20 May as known on 1 June and as known on 5 June: 15 was moved in May and that was recorded in June; a move of f9 was taken back."""
    may = date(2026, 5, 20)
    with recompute(settings, ["dim_deals", "dim_stages"], may, NIGHTS[0].date()) as then:
        assert stage_of(then.settings, "15", "f9", "13", "f4") == {"15": "a", "f9": "two", "13": "b", "f4": "one"}
    with recompute(settings, ["dim_deals", "dim_stages"], may) as then:
        assert then.known == LAST
        assert stage_of(then.settings, "15", "f9", "13", "f4") == {"15": "b", "f9": "one", "13": "b", "f4": "one"}
    assert stage_of(settings, "13", "f4") == {"13": "merged", "f4": "merged"}


def test_what_no_history_follows_is_as_it_was_last_seen_by_then(settings: Settings) -> None:
    """f1 is first seen with a recurring amount on 4 June; the amount of f3, seen to differ on 2 June, is followed."""
    query = "select source_deal_id, deal_amount, recurring_amount from dim_deals where source_deal_id in ('f1', 'f3') order by all"
    with recompute(settings, ["dim_deals"], date(2026, 6, 1)) as then:
        assert [tuple(map(str, row)) for row in rows(then.settings, query)] == [
            ("f1", "100.00", "None"),
            ("f3", "100.00", "None"),
        ]
    with recompute(settings, ["dim_deals"], date(2026, 6, 4)) as then:
        assert [tuple(map(str, row)) for row in rows(then.settings, query)] == [
            ("f1", "100.00", "77.00"),
            ("f3", "150.00", "None"),
        ]


def test_nothing_stays_behind_and_nothing_published_changes(settings: Settings, home: Path) -> None:
    place = settings.home / "as_of" / "1"
    (place / "demo").mkdir(parents=True, exist_ok=True)
    (place / "demo" / "warehouse.duckdb").write_text("left behind by a process that was killed")
    before = (home / f"{LAST}.duckdb").read_bytes(), settings.warehouse_file.read_bytes()
    with (
        recompute(settings, ["dim_owners"], LAST) as one,
        recompute(settings, ["mart_ops__freshness"], LAST) as two,
    ):
        assert one.settings.home != two.settings.home
        assert not (place / "demo").exists()
        assert all(not (each.settings.home.stat().st_mode & 0o077) for each in (one, two))
        assert rows(one.settings, "from dim_owners")
        assert rows(two.settings, "from mart_ops__freshness")
    left = {path.name for path in (settings.home / "as_of").rglob("*") if path.is_file() or path.is_symlink()}
    assert left <= {"partial_parse.msgpack", "dbt.log"}
    assert ((home / f"{LAST}.duckdb").read_bytes(), settings.warehouse_file.read_bytes()) == before


def test_while_a_night_is_running_it_says_so(settings: Settings, command: Any) -> None:
    lease = Lease.take(settings.home, one_process=True)
    try:
        result = command(str(LAST), "pipeline_board")
        assert result.exit_code == 3
        assert lease.run_id in result.stderr
        with pytest.raises(LeaseError), recompute(settings, ["dim_deals"], LAST):
            pass
    finally:
        lease.release()


def test_a_run_that_begins_during_the_copying_is_noticed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copyfile

    def copy_while_a_run_begins(source: Path, target: Path) -> None:
        copy(source, target)
        Lease.take(settings.home, one_process=True).release()

    monkeypatch.setattr("warehouse.as_of.shutil.copyfile", copy_while_a_run_begins)
    with pytest.raises(LeaseError, match="began to write"), recompute(settings, ["dim_deals"], LAST):
        pass


def test_nothing_loaded(tmp_path: Path) -> None:
    empty = Settings(home_dir=tmp_path / "empty", files_dir=tmp_path)
    with pytest.raises(WatertightError, match="Nothing is loaded"), recompute(empty, ["dim_deals"], LAST):
        pass


def test_the_command_gives_the_answer_alone(home: Path, command: Any) -> None:
    known = str(NIGHTS[2].date())
    result = command(known, "pipeline_board", "--known", known, "--where", "deal_count > 0", "--format", "csv")
    assert result.exit_code == 0, result.stderr
    found = list(csv.DictReader(result.stdout.splitlines()))
    with duckdb.connect(str(home / f"{known}.duckdb"), read_only=True) as connection:
        expected = connection.execute(
            "select stage_name, deal_count from mart_sales__pipeline_board where deal_count > 0 order by all"
        ).fetchall()
    assert sorted((row["stage_name"], int(row["deal_count"])) for row in found) == expected
    assert f"as of {known}, known on {known}" in result.stderr
    as_json = command(known, "freshness", "--json")
    assert as_json.exit_code == 0
    assert {row["source_system"] for row in json.loads(as_json.stdout)} == {"files", "hubspot", "tryton"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("2026-06-05", "pipeline_bord"), ("There is no mart pipeline_bord", "mart_sales__pipeline_board")),
        (("2026-06-05", ""), ("There is no mart",)),
        (("05.06.2026", "stages"), ("DAY is no day: 05.06.2026", "YYYY-MM-DD")),
        (("2026-06-31", "stages"), ("DAY is no day",)),
        (("2026-W23-5", "stages"), ("DAY is no day",)),
        (("2026-06-05", "stages", "--known", ""), ("--known is no day",)),
        (("2026-06-06", "stages"), ("2026-06-06 lies in the future of what was known on 2026-06-05",)),
        (("9999-12-31", "stages"), ("lies in the future",)),
        (("2026-06-03", "stages", "--known", "2026-06-02"), ("2026-06-03 lies in the future of what was known on 2026-06-02",)),
        (("2026-06-03", "stages", "--known", "2026-06-06"), ("lies after the last load, which was on 2026-06-05",)),
        (("2026-05-03", "stages", "--known", "2026-05-31"), ("nothing was known yet: the first load was on 2026-06-01",)),
        (("2020-01-01", "stages"), ("there was no deal yet: the first was created on 2026-0",)),
        (("2026-06-03", "stages", "--where", "nope > 1"), ("cannot be answered", "nope")),
        (("2026-06-03", "stages", "--where", "true); drop table dim_deals; --"), ("one reading statement",)),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_sentence(command: Any, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    result = command(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    told = " ".join(result.stderr.split())
    assert all(word in told for word in words), told
