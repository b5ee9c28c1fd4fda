"""What comes from outside stays data: it names no file, table or statement of ours, and a reader can do nothing but read.

A failure here means that somebody who can type into the CRM, a setting or a question can make this program do something else.
"""

from __future__ import annotations

import re
import string
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as draws
from hypothesis import strategies as st

from extractors.core.errors import ConfigurationError
from extractors.core.landing import run_folder
from extractors.core.settings import Settings, read_settings
from warehouse import as_of
from warehouse.database import reader
from warehouse.query import ask

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]

#: a statement of every kind that DuckDB knows
STATEMENTS = {
    "ALTER": "alter table deals add column b int",
    "ANALYZE": "analyze deals",
    "ATTACH": "attach '{here}/other.duckdb' as other",
    "CALL": "call pragma_version()",
    "COPY": "copy deals to '{here}/out.csv'",
    "COPY_DATABASE": "copy from database marts to memory",
    "CREATE": "create table more (a int)",
    "CREATE_FUNC": "create macro one() as 1",
    "DELETE": "delete from deals",
    "DETACH": "detach marts",
    "DROP": "drop table deals",
    "EXECUTE": "execute p",
    "EXPORT": "export database '{here}/out'",
    "EXTENSION": "install httpfs",
    "INSERT": "insert into deals values (1)",
    "LOAD": "load httpfs",
    "LOGICAL_PLAN": None,
    "MERGE_INTO": "merge into deals using (select 1 as a) as new on deals.a = new.a when matched then delete",
    "MULTI": "pivot deals on a using count(*); drop table deals",
    "PRAGMA": "pragma threads = 1",
    "PREPARE": "prepare p as select 1",
    "RELATION": None,
    "SET": "set enable_external_access = true",
    "TRANSACTION": "begin",
    "UPDATE": "update deals set a = 0",
    "VACUUM": "vacuum",
    "VARIABLE_SET": "set variable a = 1",
    "INVALID": "selct",
    "UPDATE_EXTENSIONS": "update extensions",
    "EXPLAIN": "explain analyze copy deals to '{here}/out.csv'",
    "SELECT": "select * from read_csv('/etc/passwd')",
}
#: what reads, writes or loads by way of a question, whatever kind of statement it is
READING_OUTSIDE = (
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('{here}/marts.duckdb')",
    "select * from read_json('{here}/x.json')",
    "select * from read_parquet('{here}/x.parquet')",
    "from '{here}/x.csv'",
    "select * from glob('/*')",
    "select * from 'http://127.0.0.1:1/x.parquet'",
    "select * from sqlite_scan('{here}/x.db', 'a')",
    "select * from postgres_scan('host=127.0.0.1', 'a', 'b')",
    "select * from query('copy deals to ''{here}/out.csv''')",
    "select getenv('HOME')",
    "select * from duckdb_secrets() where load_aws_credentials()",
    "select st_point(1, 2)",
)
HOSTILE_NAMES = (
    "../up", "..", ".", "/etc/passwd", "a/b", "a\\b", "%2e%2e%2f", "a%2fb", "", " ", "a b", "x" * 300, ".hidden", "-rf", "a\0b", "a\nb", "ａ／ｂ",
    "deals\"; drop table x; --", "deals'--", "名前", "a:b", "~root", "$HOME", "{{ env_var('HOME') }}",
)  # fmt: skip


@pytest.fixture
def published(tmp_path: Path) -> Settings:
    settings = Settings(home_dir=tmp_path / "home", files_dir=tmp_path)
    settings.published_dir.mkdir(parents=True)
    with duckdb.connect(str(settings.published_dir / "marts.duckdb")) as connection:
        connection.execute("create table deals as select 1 as a")
    return settings


@pytest.mark.parametrize("kind", sorted(set(duckdb.StatementType.__members__) | set(STATEMENTS)))
def test_a_reader_is_refused_every_kind_of_statement_but_reading(
    published: Settings, tmp_path: Path, kind: str
) -> None:
    """By the question's own check, and by the connection itself where somebody gets past it."""
    assert kind in STATEMENTS, "DuckDB knows a new kind of statement: say what becomes of it"
    statement = STATEMENTS[kind]
    if statement is None:
        return  # made by the driver's own objects, never by a text
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError):
        ask(published, statement.format(here=tmp_path))
    with reader(published.published_dir / "marts.duckdb") as connection:
        with suppress(duckdb.Error):
            connection.execute(statement.format(here=tmp_path))
        assert connection.execute("select count(*), max(a) from deals").fetchone() == (1, 1)
        for setting, safe in (
            ("enable_external_access", "false"),
            ("lock_configuration", "true"),
            ("autoload_known_extensions", "false"),
        ):
            value = connection.execute(f"select current_setting('{setting}')").fetchone()
            assert value is not None
            assert str(value[0]).lower() == safe
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("question", READING_OUTSIDE)
def test_a_question_sees_nothing_but_the_published_file(published: Settings, tmp_path: Path, question: str) -> None:
    (tmp_path / "x.csv").write_text("a\n1\n")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ConfigurationError):
        ask(published, question.format(here=tmp_path))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_name_leads_out_of_the_landing(tmp_path: Path, name: str, place: int) -> None:
    names = ["hubspot", "4711", "deals", "20260601T000000Z-0001"]
    names[place] = name
    with pytest.raises(ConfigurationError, match="cannot name a folder"):
        run_folder(tmp_path, *names)


@draws(deadline=None)
@given(st.text(alphabet=string.printable + "äß名\u202e\u0000", min_size=1, max_size=120))
def test_a_name_that_is_taken_stays_below_its_folder(name: str) -> None:
    root = Path("/somewhere/landing")
    try:
        folder = run_folder(root, "hubspot", name, "deals", "run")
    except ConfigurationError:
        return
    assert folder.parts[:3] == root.parts
    assert len(folder.parts) == len(root.parts) + 4
    assert ".." not in folder.parts


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        (setting, text)
        for setting in ("currency", "funnel_preset", "timezone", "constant_rate_date", "postgres_schema", "hubspot_version", "salesforce_version")
        for text in ("'; drop table x; --", "{{ env_var('HOME') }}", "{% do run_query('x') %}", "x'||getenv('HOME')||'", "a\nb", '"')
    ],
)  # fmt: skip
def test_what_reaches_dbt_or_a_statement_is_of_a_narrow_kind(setting: str, text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_settings(**{setting: text})


@pytest.mark.parametrize("mart", ["x'; drop table y", '"', "../x", "{{ x }}", "mart_sales__pipeline_board; select 1"])
def test_only_a_mart_that_there_is_can_be_recomputed(mart: str) -> None:
    with pytest.raises(ConfigurationError):
        as_of.find_table(mart)


def test_a_landing_whose_folder_could_be_no_table_is_refused(tmp_path: Path) -> None:
    from warehouse.due import _TABLE_NAME

    for name in HOSTILE_NAMES:
        assert not _TABLE_NAME.fullmatch(f"hubspot__{name}") or name == ""
    assert not _TABLE_NAME.fullmatch('hubspot__deals"; drop table x')
    assert not _TABLE_NAME.fullmatch("hubspot__" + "x" * 120)


def test_databases_are_opened_in_one_place_alone() -> None:
    """There, extensions neither install nor load themselves, and a reader is locked down."""
    opened = {
        str(path.relative_to(ROOT))
        for package in ("warehouse", "watertight", "dashboard", "extractors", "dags")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"duckdb\.connect\(", path.read_text())
    }
    assert opened == {"warehouse/database.py"}


def test_staging_takes_named_fields_and_nothing_else() -> None:
    """A field that somebody adds in the CRM reaches no table beside raw, unless the settings list it."""
    models = sorted((ROOT / "dbt_project" / "models" / "staging").rglob("*.sql"))
    assert len(models) > 50
    for path in models:
        text = path.read_text()
        renamed = text.partition("renamed as (")[2]
        assert renamed, path
        assert not re.search(r"\bpayload\b", renamed), f"{path.name} hands the whole payload on"
        assert not re.search(r"select\s+(\w+\.)?\*(?!\s*from renamed)", renamed.replace("select * from renamed", "")), (
            path
        )
    for folder in ("intermediate", "core", "marts"):
        for path in (ROOT / "dbt_project" / "models" / folder).rglob("*.sql"):
            assert not re.search(r"(?<!json_extract_string\()\bpayload\b", path.read_text()), (
                f"{path.name} reads raw payloads"
            )
