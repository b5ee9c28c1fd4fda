"""The keys of deals as the models make them, held against those that the tests make from docs/decisions/0002.

A failure here means that a deal's key changed, that two ids share one, or that keys no longer lie in the order of the ids, so that a night reads every
table whole for a few deals.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from tests.keys import deal_key
from tests.small_project import in_force, write
from warehouse.build import build

pytestmark = pytest.mark.integration

NUMBERS = ["1", "2", "19", "20", "007", "123", "9999", "10000", "10000000000", "10000000001", "99999999999"]
#: some 3,800 ids of Salesforce lie together: what the last two of their characters before the checksum tell apart
SALESFORCE = [f"006Dn00000{number}IAH" for number in ("000zz", "00A00", "0A000", "AAAAA", "aAAAA")]
OTHERS = [
    "006Dn0000000000IAH",
    "006Dn000000000AIAH",
    "",
    " 1",
    "1 ",
    "+1",
    "1e5",
    "-1",
    "1.0",
    "D-12",
    "d-12",
    "a|b",
    "ä",
    "١٢",
    "line\nbreak",
    "5725767000000123456",
    "x" * 300,
]


def _settings(home: Path) -> Settings:
    given: dict[str, Any] = {"home_dir": home, "hubspot_token": "a-token"}
    return Settings(_env_file=None, **given)


def _model(ids: str, increment: bool) -> str:
    config = (
        "{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}"
    )
    return f"""{config if increment else ""}
        select source_id, {{{{ ordered_key("'files'", "'files'", 'source_id') }}}} as deal_key from ({ids}) as one (source_id)"""


def test_keys_follow_the_ids_and_none_is_shared(tmp_path: Path) -> None:
    known = [*NUMBERS, *SALESFORCE, *OTHERS]
    rows = ", ".join("('" + each.replace("\n", "' || chr(10) || '") + "')" for each in known)
    write(tmp_path / "dbt_project", {"keys.sql": _model(f"values {rows}, (null)", increment=False)})
    settings = _settings(tmp_path / "home")
    with in_force(tmp_path / "dbt_project"):
        build(settings, "run")
    with duckdb.connect(settings.warehouse_file, read_only=True) as connection:
        found = dict(
            connection.execute("select source_id, cast(deal_key as varchar) from intermediate.keys").fetchall()
        )
    assert found.pop(None) is None
    assert found == {each: deal_key("files", "files", each) for each in known}
    assert len(set(found.values())) == len(known)
    for ids in (sorted(set(NUMBERS), key=int), SALESFORCE):
        assert sorted(ids, key=lambda each: found[each]) == ids


def test_a_warehouse_with_keys_of_another_form_is_not_built_upon(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "home")
    write(tmp_path / "dbt_project", {"keys.sql": _model("values ('1')", increment=True)})
    with in_force(tmp_path / "dbt_project"):
        build(settings, "run")
        build(settings, "run")
        with duckdb.connect(settings.warehouse_file) as connection:
            connection.execute("alter table intermediate.keys drop column deal_key")
        with pytest.raises(WatertightError, match="watertight rebuild"):
            build(settings, "run")
    with duckdb.connect(settings.warehouse_file, read_only=True) as connection:
        assert connection.execute("select * from intermediate.keys").fetchall() == [("1",), ("1",)]
