"""The list of a company's own fields: what is understood, and what is refused in words before it comes near a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractors.core.custom_fields import CustomField
from extractors.core.errors import ConfigurationError
from extractors.core.settings import Settings, read_settings
from extractors.sources import plan
from extractors.sources.files.contract import contracts_with
from warehouse.build import build

pytestmark = pytest.mark.unit


def settings_of(text: str, **more: Any) -> Settings:
    return read_settings(_env_file=None, **({"WATERTIGHT_CUSTOM_FIELDS": text} | more))


def test_a_list_says_source_table_field_type_and_column() -> None:
    found = settings_of(
        " hubspot.deals.partner_code, salesforce.opportunities.Margin__c:decimal,"
        "pipedrive.deals.9f00aa:date as signed_on, files.companies.tier : bigint ,"
    ).custom_fields
    assert found == (
        CustomField("hubspot", "deals", "partner_code", "varchar", "custom_partner_code"),
        CustomField("salesforce", "opportunities", "Margin__c", "decimal", "custom_margin__c"),
        CustomField("pipedrive", "deals", "9f00aa", "date", "custom_signed_on"),
        CustomField("files", "companies", "tier", "bigint", "custom_tier"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "partner_code",
        "hubspot.deals",
        "hubspot.deals.",
        "hubspot.deals.a b",
        "hubspot.deals.a'; drop table x; --",
        'hubspot.deals.a"',
        "hubspot.deals.a:text",
        "hubspot.deals.a:decimal(18,2)",
        "hubspot.deals.a as B",
        "hubspot.deals.a as b;c",
        "hubspot.deals.{{ env_var('HOME') }}",
        "hubspot.deals.a\x00",
        "hubspot.deals.ａ",
        "hubspot.de-als.a",
        "hubspot.deals." + "a" * 129,
        "hubspot.deals.a, hubspot.deals.A",
        "hubspot.deals.a as c, hubspot.deals.b as c",
    ],
)
def test_what_is_no_field_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigurationError, match="WATERTIGHT_CUSTOM_FIELDS") as caught:
        settings_of(text)
    assert "\x00" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("text", ["hubspot.deal.a", "sugar.deals.a", "pipedrive.opportunities.a"])
def test_a_table_that_is_not_there_stops_the_night_before_it_asks(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no table") as caught:
        plan(settings_of(text, hubspot_token="token"))
    assert text.rpartition(".")[0] in str(caught.value)


@pytest.mark.parametrize(
    "text", ["hubspot.deals_sweep.a", "salesforce.lead_history.a", "sugar.deals.a", "files.deal_changes.a"]
)
def test_a_table_without_a_place_for_fields_stops_the_build(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no fields can be added"):
        build(settings_of(text, home_dir=tmp_path, hubspot_token="token"), "run")


def test_a_column_of_a_file_is_required_and_checked_like_its_neighbours() -> None:
    (deals,) = [
        each for each in contracts_with(settings_of("files.deals.margin:decimal").custom_fields) if each.name == "deals"
    ]
    added = deals.columns[-1]
    assert (added.name, added.kind, added.is_required, added.is_filled) == ("margin", "number", True, False)
