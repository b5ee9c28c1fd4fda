"""No fact escapes `watertight as-of DAY`: each is cut at the day, or read from facts that are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

CORE = Path(__file__).parents[3] / "dbt_project/models/core"
FACTS = {path.stem: path.read_text() for path in CORE.glob("fct_*.sql")}
#: plans and costs are written down ahead of their period or after it, links and lines carry no instant: they are as known
AS_KNOWN = {"fct_capacity", "fct_process_costs", "fct_quotas", "fct_deal_contacts", "fct_deal_line_items"}


def escapes(sql: str) -> bool:
    """The model begins at intermediate rows and never asks when they happened."""
    read = set(re.findall(r"ref\('(\w+)'\)", sql))
    return not any(each.startswith("fct_") for each in read) and not re.search(r"\b(happened|dated)_by_then\(", sql)


@pytest.mark.parametrize("name", sorted(FACTS.keys() - AS_KNOWN))
def test_a_fact_is_cut_at_the_day_that_is_asked_for(name: str) -> None:
    assert not escapes(FACTS[name]), f"{name} needs {{{{ happened_by_then('its instant') }}}} (macros/as_of.sql)"


def test_the_check_can_fail() -> None:
    cut = FACTS["fct_deal_changes"]
    assert escapes(re.sub(r"\{\{ happened_by_then.*?\}\}", "", cut))
    assert not escapes(cut)
