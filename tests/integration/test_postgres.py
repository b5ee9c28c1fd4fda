"""The marts in a real PostgreSQL: every value, in one step for readers, with everybody's rights and views as they were."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import psycopg
import pytest
from pydantic import SecretStr

from extractors.core.errors import ConfigurationError, TransientError, WatertightError
from extractors.core.settings import Settings
from tests.integration.postgres_server import PASSWORD, postgres_server
from warehouse.postgres import copy_marts, type_of

pytestmark = pytest.mark.integration

ODD = 'tab\tback\\slash\nline "quoted" \\N é 漢'
BOARD = f"""
    select * from (values
        ('won', 12, 1234567890123456.78::decimal(18, 2), 0.5::double, true, date '2026-06-01', timestamp '2026-06-01 10:00:00.123456',
            '0f8fad5b-d9cb-469f-a165-70867728950e'::uuid, ['a', 'b'], 170141183460469231731687303715884105727::hugeint),
        ('{ODD}', null, null, null, null, null, null, null, null, null),
        ('', -1, -0.01, 'infinity'::double, false, date '1970-01-01', timestamp '1970-01-01', null, [], 0),
        ('nul' || chr(0) || 'here', 0, 0, 'nan'::double, false, null, null, null, ['x' || chr(0)], null)
    ) as rows(stage_name, deal_count, deal_amount, share, is_won, day, happened_at, deal_key, names, huge)
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with postgres_server() as found:
        yield found


@pytest.fixture
def database(port: int, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database and a role of this test's own, and the address for their owner."""
    with psycopg.connect(address(port, "postgres"), autocommit=True) as server:
        server.execute("drop database if exists marts with (force)")
        server.execute("create database marts")
        server.execute("drop role if exists bi_reader")
        server.execute(f"create role bi_reader login password '{PASSWORD}'")
    yield address(port, "marts")
    with psycopg.connect(address(port, "postgres"), autocommit=True) as server:
        server.execute("drop database marts with (force)")


def address(port: int, database: str, user: str = "watertight", password: str = PASSWORD) -> str:
    return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def publish(settings: Settings, night: int, **tables: str) -> None:
    folder = settings.published_dir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"marts_{night}.duckdb"
    with duckdb.connect(str(path)) as connection:
        for name, query in tables.items():
            connection.execute(f'create table "{name}" as {query}')
    link = folder / ".marts.duckdb"
    link.symlink_to(path.name)
    link.replace(folder / "marts.duckdb")


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return Settings(
        home_dir=tmp_path / "home", files_dir=tmp_path, postgres_url=SecretStr(database), postgres_reader="bi_reader"
    )


def ask(database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as server:
        return server.execute(query).fetchall()


def as_reader(database: str) -> str:
    return database.replace("//watertight:", "//bi_reader:")


def test_every_value_arrives(settings: Settings, database: str) -> None:
    publish(settings, 1, board=BOARD)
    assert copy_marts(settings) == {"run_id": "1", "schema": "watertight", "tables": 1, "rows": 4}
    rows = {row[0]: [None if value is None else str(value) for value in row[1:]] for row in ask(
        as_reader(database) + "?options=-c%20timezone%3DUTC", "select * from watertight.board")}  # fmt: skip
    assert rows["won"] == [
        "12", "1234567890123456.78", "0.5", "True", "2026-06-01", "2026-06-01 10:00:00.123456+00:00",
        "0f8fad5b-d9cb-469f-a165-70867728950e", "['a', 'b']", "170141183460469231731687303715884105727",
    ]  # fmt: skip
    assert rows[ODD] == [None] * 9
    assert rows[""][:3] == ["-1", "-0.01", "inf"]
    assert rows["nul\N{REPLACEMENT CHARACTER}here"][2] == "nan"
    assert rows["nul\N{REPLACEMENT CHARACTER}here"][7] == "['x\N{REPLACEMENT CHARACTER}']"


def test_views_and_grants_of_others_stay(settings: Settings, database: str) -> None:
    publish(settings, 1, board="select 1 as night", gone="select 1 as one")
    copy_marts(settings)
    with psycopg.connect(database) as server:
        server.execute("create role analyst")
        server.execute("grant select on watertight.board to analyst")
        server.execute("create view public.mine as select night * 10 as tens from watertight.board")
        server.execute("create table watertight.not_ours as select 7 as seven")
    publish(settings, 2, board="select 2 as night", added="select 5 as five")
    copy_marts(settings)
    assert ask(database, "select tens from public.mine") == [(20,)]
    assert ask(database, "select has_table_privilege('analyst', 'watertight.board', 'select')") == [(True,)]
    assert ask(as_reader(database), "select five from watertight.added") == [(5,)]
    assert ask(database, "select seven from watertight.not_ours") == [(7,)]
    assert ask(database, "select to_regclass('watertight.gone')") == [(None,)]
    with psycopg.connect(database) as server:
        server.execute("drop view public.mine")
    publish(settings, 3, board="select 3 as night, 'new' as word")
    copy_marts(settings)
    assert ask(database, "select word from watertight.board") == [("new",)]
    assert ask(database, "select has_table_privilege('analyst', 'watertight.board', 'select')") == [(True,)]
    with psycopg.connect(database) as server:
        server.execute("drop owned by analyst")
        server.execute("drop role analyst")


def test_a_view_over_columns_that_change_is_named_and_nothing_changes(settings: Settings, database: str) -> None:
    publish(settings, 1, added="select 1 as one", board="select 1 as night")
    copy_marts(settings)
    with psycopg.connect(database) as server:
        server.execute("create view public.mine as select night from watertight.board")
    publish(settings, 2, added="select 2 as one", board="select 'two' as night")
    with pytest.raises(WatertightError, match="mine"):
        copy_marts(settings)
    assert ask(database, "select one, night from watertight.added, watertight.board") == [(1, 1)]


def test_readers_see_one_night_or_the_next(settings: Settings, database: str) -> None:
    """A reader in one statement over two tables, all the while twenty nights follow each other."""
    seen, stop, failures = set(), threading.Event(), []

    def read() -> None:
        try:
            with psycopg.connect(as_reader(database), autocommit=True) as server:
                while not stop.is_set():
                    seen.update(server.execute("""
                        select a.night, b.night, a.rows, b.rows
                        from (select min(night) as night, count(*) as rows from watertight.a) as a,
                            (select max(night) as night, count(*) as rows from watertight.b) as b
                    """).fetchall())  # fmt: skip
        except psycopg.Error as error:
            failures.append(error)

    tables = {"a": "select {n} as night from range(2000)", "b": "select {n} as night from range(3000)"}
    publish(settings, 1, **{name: query.format(n=1) for name, query in tables.items()})
    copy_marts(settings)
    reader = threading.Thread(target=read)
    reader.start()
    for night in range(2, 22):
        publish(settings, night, **{name: query.format(n=night) for name, query in tables.items()})
        copy_marts(settings)
    stop.set()
    reader.join()
    assert not failures
    assert len(seen) > 5
    assert {row[2:] for row in seen} == {(2000, 3000)}
    assert all(first == second for first, second, *_ in seen)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"postgres_url": None}, ConfigurationError, "not set"),
        ({"password": "wrong"}, ConfigurationError, "refused the log-in"),
        ({"database": "nowhere"}, ConfigurationError, "no such"),
        ({"port": 1}, TransientError, "does not answer"),
        ({"postgres_url": SecretStr(f"mysql:{PASSWORD}")}, ConfigurationError, "no address"),
        ({"postgres_reader": "nobody_there"}, ConfigurationError, "nobody_there"),
        ({"user": "bi_reader"}, ConfigurationError, "permission denied"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence_without_the_password(
    settings: Settings, port: int, change: dict[str, Any], error: type[WatertightError], words: str
) -> None:
    publish(settings, 1, board="select 1 as night")
    place = {"port": port, "database": "marts", "user": "watertight", "password": PASSWORD}
    place |= {name: value for name, value in change.items() if name in place}
    changed = {name: value for name, value in change.items() if name not in place}
    url = SecretStr(address(place["port"], place["database"], place["user"], place["password"]))
    with pytest.raises(error, match=words) as caught:
        copy_marts(settings.model_copy(update={"postgres_url": url, **changed}))
    told = f"{caught.value.wrong} {caught.value.mend}"
    assert PASSWORD not in told
    assert quote(PASSWORD, safe="") not in told


def test_nothing_published(settings: Settings) -> None:
    with pytest.raises(WatertightError, match="Nothing is published"):
        copy_marts(settings)


def test_the_command(settings: Settings, database: str) -> None:
    publish(settings, 4, board=BOARD)
    result = subprocess.run(
        [sys.executable, "-m", "watertight.command", "publish", "--to", "postgres"], capture_output=True, text=True, check=False,
        env=os.environ | {"WATERTIGHT_HOME": str(settings.home_dir), "WATERTIGHT_FILES_DIR": str(settings.files_dir), "WATERTIGHT_POSTGRES_URL": database},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "1 tables, 4 rows" in result.stdout
    assert PASSWORD not in result.stdout + result.stderr


def test_types() -> None:
    kinds = ["DECIMAL(18,2)", "VARCHAR[]", "STRUCT(a INTEGER)", "ENUM('a')", "HUGEINT", "TIMESTAMP"]
    assert [type_of(kind) for kind in kinds] == [
        "numeric(18,2)", "jsonb", "jsonb", "text", "numeric", "timestamp with time zone",
    ]  # fmt: skip
