"""The dbt unit tests of core, and of what it reads, run and pass, on a warehouse that holds nothing."""

from pathlib import Path

import pytest

from tests.core.warehouse import Warehouse

pytestmark = pytest.mark.integration


def test_the_unit_tests_of_core_pass(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    # A unit test reads the types of its model's columns from the tables of an earlier build.
    built = warehouse.dbt("build", "--select", "+path:models/core", "--exclude-resource-type", "test", "unit_test")
    assert built.success, built.exception
    results = warehouse.dbt(
        "test", "--select", "test_type:unit,path:models/core", "test_type:unit,path:models/intermediate"
    ).result
    assert {each.node.name: str(each.status) for each in results} == {
        "steps_of_every_kind": "pass",
        "transitions_of_every_kind": "pass",
        "visits_between_transitions": "pass",
        "lead_statuses_and_hand_offs": "pass",
        "links_of_merged_deals_stand_once": "pass",
        "lines_of_merged_deals_are_the_survivors": "pass",
        "an_account_is_as_old_as_its_slowest_resource": "pass",
        "pipelines_that_nobody_lists_are_told_by_system_and_account": "pass",
        "contacts_of_the_newest_version_of_a_deal": "pass",
    }
