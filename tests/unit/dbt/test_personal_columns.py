"""Which columns are personal is said in the models' YAML: those stand in the detail file alone, and no other published column looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.unit

MODELS = Path(__file__).parents[3] / "dbt_project" / "models"

#: words in the name of a column that holds something about a person
PERSONAL_WORDS = re.compile(
    r"(^|_)(e?mails?|phones?|mobile|fax|salutation|surname|birth\w*|age_years|gender|street|address(es)?|"
    r"zip|postal|iban|ssn|passport|ip|latitude|longitude|linkedin|twitter|avatar|photo|note|notes|body|subject|comment|comments|text|description)(_|$)"
)
#: names that are published: of things, of companies, and of sellers (docs/decisions/0005)
PUBLISHED_NAMES = {
    "campaign_name", "check_name", "company_name", "last_open_stage_name", "later_step_name", "next_step_name", "now_stage_name",
    "owner_name", "pipeline_name", "product_name", "stage_name", "step_name", "table_name", "team_name", "then_stage_name",
}  # fmt: skip


def models() -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """(layer, model, columns) of core and marts; a model whose columns are another's under an anchor has its own too."""
    for layer in ("core", "marts"):
        for path in sorted((MODELS / layer).rglob("_*.yml")):
            for model in yaml.safe_load(path.read_text()).get("models", []):
                kind = "detail" if model.get("config", {}).get("database") == "detail" else layer
                yield kind, model["name"], model.get("columns", [])


def is_personal(column: dict[str, Any]) -> bool:
    return bool(column.get("config", {}).get("meta", {}).get("personal"))


def test_personal_columns_stand_in_the_detail_file_alone() -> None:
    tagged = {(kind, model, column["name"]) for kind, model, columns in models() for column in columns if is_personal(column)}  # fmt: skip
    assert {kind for kind, _, _ in tagged} == {"detail"}
    assert {f"{model}.{name}" for _, model, name in tagged} == {
        "dim_contact_details.full_name", "dim_contact_details.email", "dim_contact_details.phone", "dim_owner_details.email",
        "dim_deal_details.deal_name", "dim_lead_details.lead_name",
    }  # fmt: skip


def test_the_detail_file_holds_keys_and_what_is_tagged() -> None:
    """A column that nobody tagged might be copied to another file tomorrow."""
    for kind, model, columns in models():
        if kind == "detail":
            untagged = [column["name"] for column in columns if not is_personal(column)]
            assert untagged == [columns[0]["name"]], model
            assert untagged[0].endswith("_key"), model


def test_no_published_column_looks_personal() -> None:
    """Refused until somebody decides: tag it and put it into a model of the detail file, or name it here and in decision 5."""
    found = {
        f"{model}.{column['name']}"
        for kind, model, columns in models()
        if kind != "detail"
        for column in columns
        if not column["name"].startswith(("is_", "has_"))
        and not column["name"].endswith("_count")
        and (PERSONAL_WORDS.search(column["name"]) or (column["name"].endswith("_name") and column["name"] not in PUBLISHED_NAMES))
    }  # fmt: skip
    assert not found, f"these look personal and would be published in marts.duckdb: {sorted(found)}"
    everything = [column["name"] for kind, _, columns in models() if kind != "detail" for column in columns]
    assert len(everything) > 1000
