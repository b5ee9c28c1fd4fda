"""One record lost each night, in small (`make reconciliation` does it with 100,000 deals), and the CRM's statistics against the ledger."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.mutants.project import Project, compile_project
from tests.reconciliation.proof import prove

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compile_project(tmp_path_factory.mktemp("project"))


def test_every_loss_is_found_and_nothing_else(tmp_path: Path, project: Project) -> None:
    outcomes = prove(tmp_path, project, deals=300, nights=6, seed=3)
    for each in outcomes:
        assert each.found, each
        assert not each.false_alarms, each
        # A deal that explains a difference on a sound night is one suspect of two where another is lost.
        assert not each.elsewhere or each.explained, each
        assert ("warn" in each.found) == (each.kind == "deletion"), each
        assert each.is_named == (each.is_listed and each.kind != "amount update"), each
    assert {each.kind for each in outcomes} == {"new deal", "stage update", "amount update", "deletion"}
    assert any(each.explained for each in outcomes)


#: three deals of one seller: each created, 1 and 2 moved on, 2 won; 3 was created before the period
_LEDGER = """
    create table dim_deals as
    select deal, deal as deal_key, deal as source_deal_id, 's' as owner_key, 'open' as deal_status, created as created_at, created as history_complete_from
    from (values ('1', timestamp '2026-06-02'), ('2', timestamp '2026-06-02'), ('3', timestamp '2026-05-02')) as deals (deal, created);
    create table fct_deal_stage_transitions as
    select * from (values
        ('1', 'created', timestamp '2026-06-02', null, 'a', null, 'p', null, 'open', 'crm_history'),
        ('2', 'created', timestamp '2026-06-02', null, 'a', null, 'p', null, 'open', 'crm_history'),
        ('3', 'created', timestamp '2026-05-02', null, 'a', null, 'p', null, 'open', 'crm_history'),
        ('1', 'advanced', timestamp '2026-06-03', 'a', 'b', 'p', 'p', 'open', 'open', 'crm_history'),
        ('2', 'advanced', timestamp '2026-06-03', 'a', 'b', 'p', 'p', 'open', 'open', 'crm_history'),
        ('3', 'skipped_ahead', timestamp '2026-06-03', 'a', 'c', 'p', 'p', 'open', 'open', 'crm_history'),
        ('2', 'won', timestamp '2026-06-04', 'b', 'w', 'p', 'p', 'open', 'won', 'crm_history')
    ) as t (deal_key, transition_kind, transitioned_at, from_stage_key, to_stage_key, from_pipeline_key, to_pipeline_key, from_stage_kind, to_stage_kind,
        change_source);
    create table int_crm__stated_movements as
    select 'pipedrive' as source_system, 'x' as account, 'p' as pipeline_key, date '2026-06-01' as start_date, date '2026-06-07' as end_date, movement,
        deal_key, deal_key as source_deal_id
    from (values ('created', '1'), ('created', '2'), ('won', '2'), ('lost', null)) as t (movement, deal_key);
    create table int_crm__stated_conversions as
    select 'pipedrive' as source_system, 'x' as account, 'p' as pipeline_key, 's' as owner_key, from_stage as from_stage_key, to_stage as to_stage_key,
        date '2026-06-01' as start_date, date '2026-06-07' as end_date, rate as conversion_rate
    from (values ('a', 'b', 0.67), ('a', 'c', 0.33)) as t (from_stage, to_stage, rate);
"""


@pytest.mark.parametrize(
    ("fault", "movements", "conversions"),
    [
        ("select 1", [], []),
        ("delete from fct_deal_stage_transitions where transition_kind = 'won'", ["2"], []),
        ("delete from fct_deal_stage_transitions where deal_key = '1' and transition_kind = 'created'", ["1"], []),
        ("update fct_deal_stage_transitions set transition_kind = 'lost', to_stage_kind = 'lost' where transition_kind = 'won'", ["2", "2"], []),
        ("update fct_deal_stage_transitions set transitioned_at = timestamp '2026-06-08' where transition_kind = 'won'", ["2"], []),
        ("delete from fct_deal_stage_transitions where transition_kind = 'skipped_ahead'", [], ["s", "s"]),
        ("update fct_deal_stage_transitions set change_source = 'observed' where transition_kind = 'won'", [], []),
        ("update dim_deals set deal_status = 'deleted'", [], []),
    ],
)  # fmt: skip
def test_the_crms_statistics_are_held_against_the_ledger(
    project: Project, fault: str, movements: list[str], conversions: list[str]
) -> None:
    found = {}
    with duckdb.connect() as connection:
        connection.execute(_LEDGER)
        connection.execute(fault)
        for test in project.tests:
            name = test.label.partition(" on ")[0]
            if name in ("movements_equal_statistics", "conversions_equal_statistics"):
                assert test.severity == "warn"
                rows = connection.execute(f"select guilty_key from ({test.sql}\n) order by all").fetchall()
                found[name] = [key for (key,) in rows]
    assert found == {"movements_equal_statistics": movements, "conversions_equal_statistics": conversions}
