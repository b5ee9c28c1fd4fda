"""Fields of a company's own as columns of staging, from each simulated CRM and from files, through landing, raw and dbt.

A failure here means that a listed field is missing or empty, that a field listed later forgets what earlier nights landed, or that a name from outside
reached a query.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.custom_fields import CustomField
from extractors.core.errors import ConfigurationError, IntegrityError, WatertightError
from extractors.core.settings import Settings
from simulator.pipedrive.deals import FIELD_KEYS
from simulator.salesforce.oauth import CLIENT_ID
from simulator.salesforce.settings import USERNAME
from simulator.server import Simulation, start
from warehouse import build as building
from watertight import night

pytestmark = pytest.mark.integration

LINE = FIELD_KEYS["product_line"]
LIST = (
    f"hubspot.deals.discount_amount:decimal, hubspot.deals.dealname as title, pipedrive.deals.{LINE}:bigint as line, "
    "salesforce.opportunities.Promised_Value__c:decimal, salesforce.opportunities.Description as words, "
    "salesforce.opportunities_formulas.Account_Health__c as health, files.products.tier:bigint"
)
RESOURCES = {
    "hubspot": ("deals",),
    "pipedrive": ("deals",),
    "salesforce": ("opportunities", "opportunities_formulas"),
    "files": ("products",),
}
MODELS = (
    "stg_hubspot__deals",
    "stg_pipedrive__deals",
    "stg_salesforce__opportunities",
    "stg_salesforce__opportunities_formulas",
    "stg_files__products",
)


class Place:
    """One company, its four sources, one warehouse."""

    def __init__(self, simulation: Simulation, home: Path) -> None:
        self.simulation = simulation
        self.home = home
        self.number = 0
        self.folder = simulation.home / "own_files"
        self.folder.mkdir()
        self.write_products(1, 2, 3)

    def write_products(self, *tiers: int | str) -> None:
        with (self.folder / "products.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["product_id", "product_name", "tier"])
            writer.writerows((f"p{number}", f"Product {number}", tier) for number, tier in enumerate(tiers))
        (self.folder / "as_of.txt").write_text(self.simulation.world.clock.iso())

    def settings(self, fields: str) -> Settings:
        given: dict[str, Any] = {
            "home_dir": self.home, "simulated_time": True, "custom_fields": fields,
            "hubspot_token": self.simulation.token, "hubspot_url": self.simulation.url,
            "pipedrive_token": self.simulation.token, "pipedrive_url": self.simulation.url,
            "salesforce_url": self.simulation.url, "salesforce_client_id": CLIENT_ID, "salesforce_username": USERNAME,
            "salesforce_private_key_file": self.simulation.home / "salesforce_key.pem", "files_dir": self.folder,
        }  # fmt: skip
        return Settings(_env_file=None, **given)

    def run_night(self, fields: str) -> dict[str, str]:
        """Extracts, loads, and builds the models of staging; returns what each model did."""
        self.number += 1
        self.simulation.advance(self.number)
        (self.folder / "as_of.txt").write_text(self.simulation.world.clock.iso())
        settings = self.settings(fields)
        plan = night.plan(settings, one_process=True)
        try:
            for task in plan["tasks"]:
                if task["resource"] in RESOURCES[task["source"]]:
                    night.extract(settings, task)
            night.load(settings, plan["run_id"])
        finally:
            night.give_up(settings, plan["run_id"])
        return self.stage(settings)

    def stage(self, settings: Settings) -> dict[str, str]:
        settings.build_dir.mkdir(parents=True, exist_ok=True)
        nodes, _ = building._run_dbt(settings, lambda line: None, None, MODELS)
        assert not [node for node in nodes if node.has_failed], nodes
        return {node.name: node.message for node in nodes}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.settings("").warehouse_file, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def own_columns(self, model: str) -> str:
        """The columns that the model has without any setting, as a list for a query."""
        with duckdb.connect(self.settings("").warehouse_file, read_only=True) as connection:
            names = [str(row[0]) for row in connection.execute(f"describe staging.{model}").fetchall()]
        return ", ".join(f'"{name}"' for name in names if not name.startswith("custom_"))

    def columns(self, model: str) -> dict[str, str]:
        found = self.rows(
            f"select column_name, data_type from duckdb_columns() where schema_name = 'staging' and table_name = '{model}'"
        )
        return {str(name): str(kind) for name, kind in found if str(name).startswith("custom_")}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with start(tmp_path / "company", 60, token="right-token") as simulation:
        yield Place(simulation, tmp_path / "home")


def test_a_listed_field_becomes_a_column_and_earlier_payloads_fill_it(place: Place) -> None:
    place.run_night("")
    assert not any(place.columns(model) for model in MODELS)
    before = {
        model: place.rows(f"select {place.own_columns(model)} from staging.{model} order by all") for model in MODELS
    }

    first_night = place.rows("select max(load_number) from raw._loads")[0][0]
    place.run_night(LIST)
    assert place.columns("stg_hubspot__deals") == {"custom_discount_amount": "DECIMAL(38,6)", "custom_title": "VARCHAR"}
    assert place.columns("stg_pipedrive__deals") == {"custom_line": "BIGINT"}
    assert place.columns("stg_salesforce__opportunities") == {
        "custom_promised_value__c": "DECIMAL(38,6)",
        "custom_words": "VARCHAR",
    }
    assert place.columns("stg_files__products") == {"custom_tier": "BIGINT"}
    for model, custom, own in (
        ("stg_hubspot__deals", "custom_discount_amount", "discount_amount"),
        ("stg_hubspot__deals", "custom_title", "dealname"),
        ("stg_salesforce__opportunities", "custom_promised_value__c", "promised_value"),
    ):
        # Of the first night's rows too, which were staged before the field was listed.
        assert not place.rows(f"select * from staging.{model} where {custom} is distinct from {own}")
        assert (
            place.rows(
                f"select count(*) from staging.{model} where {custom} is not null and _load_number <= {first_night}"
            )[0][0]
            > 0
        )
    said = place.rows(
        "select _source_id, _load_number, custom_line from staging.stg_pipedrive__deals where custom_line is not null"
    )
    landed = {
        (source_id, load): json.loads(payload)["custom_fields"].get(LINE)
        for source_id, load, payload in place.rows("select _source_id, _load_number, payload from raw.pipedrive__deals")
    }
    assert said
    assert {(source_id, load): float(value) for source_id, load, value in said} == {
        key: float(value) for key, value in landed.items() if value is not None
    }
    assert place.rows("select count(custom_health) > 0 from staging.stg_salesforce__opportunities_formulas") == [
        (True,)
    ]
    for model, rows in before.items():
        names = place.own_columns(model)
        now = place.rows(f"select {names} from staging.{model} order by all")
        assert set(map(str, rows)) <= set(map(str, now)), "the other columns and rows stay as they were"


def test_a_table_is_made_anew_only_when_its_list_changed(place: Place) -> None:
    place.run_night("hubspot.deals.dealname")
    with duckdb.connect(place.settings("").warehouse_file) as connection:
        connection.execute("update staging.stg_hubspot__deals set custom_dealname = 'touched'")
        connection.execute("update staging.stg_pipedrive__deals set title = 'touched'")
    place.run_night("hubspot.deals.dealname")
    assert place.rows("select count(*) > 0 from staging.stg_hubspot__deals where custom_dealname = 'touched'") == [
        (True,)
    ]

    place.run_night("hubspot.deals.dealname as name")
    assert place.columns("stg_hubspot__deals") == {"custom_name": "VARCHAR"}
    assert place.rows(
        "select count(*) from staging.stg_hubspot__deals where custom_name is distinct from dealname"
    ) == [(0,)]
    assert place.rows("select count(*) > 0 from staging.stg_pipedrive__deals where title = 'touched'") == [(True,)]

    place.run_night("")
    assert place.columns("stg_hubspot__deals") == {}


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("hubspot.deals.no_such_property", "no such property"),
        ("pipedrive.deals.0123456789abcdef", "no such field"),
        ("salesforce.opportunities.No_Such__c", "does not show"),
        ("salesforce.opportunities.promised_value__c", "does not show"),
        ("salesforce.opportunities_formulas.Name", "no formula"),
        ("files.products.no_such_column", "no_such_column"),
    ],
)
def test_a_field_that_the_source_does_not_have_is_said_and_lands_nothing(place: Place, field: str, says: str) -> None:
    with pytest.raises((ConfigurationError, IntegrityError), match=says):
        place.run_night(field)
    source, table, _ = field.split(".")
    assert not list(place.settings("").landing_dir.glob(f"{source}/*/{table}/*/manifest.json"))


def test_a_value_of_a_file_that_breaks_its_type_stops_the_run(place: Place) -> None:
    place.write_products(1, "two", 3)
    with pytest.raises(IntegrityError, match=r"(?s)products.csv.*tier"):
        place.run_night("files.products.tier:bigint")


@pytest.mark.parametrize("part", ["name", "column", "type"])
def test_a_hostile_name_is_refused_by_the_models_too(place: Place, part: str) -> None:
    """The settings refuse it first; whatever comes past them does not come into a query."""
    place.run_night("")
    settings = place.settings("hubspot.deals.dealname")
    hostile = replace(
        settings.custom_fields[0], **{part: "x' || (select 1); drop table staging.stg_hubspot__deals; --"}
    )
    assert isinstance(hostile, CustomField)
    object.__setattr__(settings, "custom_fields", (hostile,))
    types = building.TYPES | {hostile.type: hostile.type}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "TYPES", types)
        with pytest.raises((WatertightError, AssertionError), match="characters that no name has"):
            place.stage(settings)
    assert place.rows("select count(*) > 0 from staging.stg_hubspot__deals") == [(True,)]
