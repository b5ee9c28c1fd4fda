"""Not one name, address or number of a customer in what everybody may read: looked for in the demonstration's published marts, page and manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.demonstration import first_night_of_all
from tests.unit.dbt.test_personal_columns import is_personal, models

pytestmark = pytest.mark.integration

#: what everybody may read
OPEN = ("marts.duckdb", "dashboard.html", "manifest.json")
_ADDRESS = re.compile(rb"@[a-z0-9-]{3,63}\.[a-z]{2,}")
_NUMBER = re.compile(rb"\+\d{1,3} \d{2,4} \d{5,}")
#: shorter ones stand in other words by chance
_SHORTEST = 6
#: values of each column that are looked for byte by byte
_CANARIES = 10


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_night_of_all(tmp_path_factory).published_dir


@pytest.fixture(scope="module")
def personal(published: Path) -> dict[str, set[str]]:
    """Column → every value of it that is no seller's or company's published name, too."""
    tagged = [(model, column["name"]) for kind, model, columns in models() if kind == "detail" for column in columns if is_personal(column)]  # fmt: skip
    with connect(published / "marts.duckdb") as marts:
        known = values(marts, "select owner_name from dim_owners union all select company_name from dim_companies")
    with connect(published / "detail.duckdb") as detail:
        found = {f"{table}.{name}": values(detail, f"select {name} from {table}") for table, name in tagged}
    return {
        column: {each for each in held if len(each) >= _SHORTEST and not any(each in name for name in known)}
        for column, held in found.items()
    }


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path.resolve()), read_only=True)


def values(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    return {value for (value,) in connection.execute(query).fetchall() if value}


def texts(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, set[str]]]:
    """Every column of text with its different values."""
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns() where not internal and data_type = 'VARCHAR' order by all"
    ).fetchall()
    for table, column in columns:
        yield f"{table}.{column}", values(connection, f'select distinct "{column}" from "{table}"')


def test_the_detail_file_holds_what_is_looked_for(published: Path, personal: dict[str, set[str]]) -> None:
    content = (published / "detail.duckdb").read_bytes()
    assert len(personal) == 6
    for column, held in personal.items():
        assert len(held) > 5, column
        assert all(each.encode() in content for each in sorted(held)[:5]), column
    assert _ADDRESS.search(content)
    assert _NUMBER.search(content)


def test_no_column_of_the_marts_holds_a_personal_value(published: Path, personal: dict[str, set[str]]) -> None:
    everybody = set().union(*personal.values())
    with connect(published / "marts.duckdb") as marts:
        found = {column: sorted(held & everybody)[:3] for column, held in texts(marts) if held & everybody}
        assert not found, f"personal values in marts.duckdb: {found}"
        assert sum(1 for _ in texts(marts)) > 300


@pytest.mark.parametrize("name", OPEN)
def test_no_byte_of_a_person_stands_in_what_everybody_may_read(
    published: Path, personal: dict[str, set[str]], name: str
) -> None:
    content = (published / name).read_bytes()
    for pattern in (_ADDRESS, _NUMBER):
        assert not pattern.search(content), pattern.search(content)
    looked_for = {each for held in personal.values() for each in sorted(held)[:: max(1, len(held) // _CANARIES)]}
    assert len(looked_for) > 50
    assert not [each for each in looked_for if each.encode() in content]
