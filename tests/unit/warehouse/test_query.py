"""What a reader of the published file can do: read it, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from extractors.core.errors import ConfigurationError, WatertightError
from extractors.core.settings import Settings
from warehouse.query import ask, write_csv, write_json

pytestmark = pytest.mark.unit


@pytest.fixture
def published(settings: Settings) -> Settings:
    settings.published_dir.mkdir(parents=True)
    with duckdb.connect(str(settings.published_dir / "marts.duckdb")) as connection:
        connection.execute("""create table deals as select * from (values
            ('=1+1', 1.50::decimal(18,2), timestamp '2026-06-01 10:00:00', uuid '00000000-0000-0000-0000-000000000001', -1),
            ('@x', null, null, null, null)) as t(name, amount, closed_at, deal_key, change)""")
    return settings


@pytest.mark.parametrize(
    "query",
    [
        "from deals",
        "select 1",
        "with a as (select 1) from a",
        "describe deals",
        "show tables",
        "summarize deals",
        "explain from deals",
    ],
)
def test_reading_works(published: Settings, query: str) -> None:
    assert ask(published, query).rows


@pytest.mark.parametrize(
    "query",
    [
        "insert into deals values ('a', 1, null, null, 1)",
        "update deals set amount = 0",
        "delete from deals",
        "drop table deals",
        "create table more (a int)",
        "create temp table more (a int)",
        "alter table deals add column b int",
        "copy deals to '{here}/out.csv'",
        "copy deals from '{here}/in.csv'",
        "export database '{here}/out'",
        "import database '{here}/out'",
        "attach '{here}/other.duckdb'",
        "attach ':memory:' as other",
        "detach marts",
        "use memory",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "reset threads",
        "pragma threads = 1",
        "call pragma_version()",
        "checkpoint",
        "vacuum",
        "begin",
        "prepare p as select 1",
        "execute p",
        "select 1; drop table deals",
        "explain analyze copy deals to '{here}/out.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('{here}/home/lease.json')",
        "from '/etc/passwd'",
        "select * from glob('/*')",
        "select * from read_parquet('{here}/x.parquet')",
        "",
        "selct 1",
    ],
)
def test_everything_else_is_refused_with_a_sentence(published: Settings, tmp_path: Path, query: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError):
        ask(published, query.format(here=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_csv_is_harmless_in_a_spreadsheet(published: Settings) -> None:
    written: list[str] = []
    write_csv(published, "select *, '-' as \"=head\" from deals order by name desc", written.append)
    assert "".join(written).splitlines() == [
        "name,amount,closed_at,deal_key,change,'=head",
        "'@x,,,,,'-",
        "'=1+1,1.50,2026-06-01T10:00:00Z,00000000-0000-0000-0000-000000000001,-1,'-",
    ]


def test_json_keeps_every_digit(published: Settings) -> None:
    written: list[str] = []
    write_json(
        published,
        "select *, 12345678901234567.89::decimal(20,2) as large, 'nan'::double as none from deals where change < 0",
        written.append,
    )
    assert '"amount":1.50' in "".join(written)
    assert '"large":12345678901234567.89' in "".join(written)
    assert json.loads("".join(written))[0]["none"] is None


def test_an_empty_answer_is_an_empty_list(published: Settings) -> None:
    written: list[str] = []
    write_json(published, "from deals where false", written.append)
    assert json.loads("".join(written)) == []


def test_nothing_published_is_said_so(settings: Settings) -> None:
    with pytest.raises(WatertightError, match="Nothing is published"):
        ask(settings, "select 1")
