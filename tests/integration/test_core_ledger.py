"""The ledger over five nights by hand: what stands in core, and that a night's increment equals a rebuild of everything."""

import shutil
from typing import Any

import duckdb
import pytest

from tests.core.company import Company
from tests.core.warehouse import Warehouse

pytestmark = pytest.mark.integration

TABLES = [
    "dim_sources",
    "dim_companies",
    "dim_contacts",
    "dim_leads",
    "dim_deals",
    "dim_owners",
    "dim_pipelines",
    "dim_stages",
    "dim_dates",
    "dim_exchange_rates",
    "fct_deal_changes",
    "fct_deal_stage_transitions",
    "fct_deal_stage_visits",
    "fct_deal_steps",
    "fct_deal_versions",
    "fct_pipeline_movements",
    "fct_activities",
    "dim_products",
    "dim_campaigns",
    "fct_lead_status_changes",
    "fct_deal_contacts",
    "fct_deal_line_items",
    "fct_payments",
    "fct_marketing_spend",
    "fct_process_costs",
    "fct_quotas",
    "fct_capacity",
]
#: of some builds: the data tests ran on the same rows before, or run on more of them the night after
WITHOUT_TESTS = ("--exclude-resource-type", "test")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The warehouse after five nights, each built on the one before."""
    warehouse = Warehouse(tmp_path_factory.mktemp("core") / "nights")
    company = Company(warehouse)
    for night in range(5):
        company.night(night)
        warehouse.build(*(() if night % 2 == 0 else WITHOUT_TESTS))
    return warehouse


@pytest.fixture(scope="module")
def rebuilt(nights: Warehouse) -> Warehouse:
    """The same loads, built at once."""
    folder = nights.folder.parent / "rebuilt"
    shutil.copytree(nights.folder, folder)
    for name in ("marts", "detail"):
        (folder / f"{name}.duckdb").unlink()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for schema in ("staging", "intermediate"):
            connection.execute(f"drop schema {schema} cascade")
    whole = Warehouse.of(folder)
    whole.build("--full-refresh", *WITHOUT_TESTS)
    return whole


def moves(warehouse: Warehouse, deal: str) -> list[str]:
    """The transitions of one deal as `kind from>to`."""
    rows = warehouse.rows(f"""
        select transition_kind as kind, gone.source_stage_id as gone, reached.source_stage_id as reached
        from fct_deal_stage_transitions
        inner join dim_deals as deal using (deal_key)
        left join dim_stages as gone on from_stage_key = gone.stage_key and gone.is_current
        left join dim_stages as reached on to_stage_key = reached.stage_key and reached.is_current
        where deal.source_system || '/' || deal.source_deal_id = '{deal}'
        order by transition_number
    """)
    return [f"{row['kind']} {row['gone'] or ''}>{row['reached'] or ''}" for row in rows]


@pytest.mark.parametrize("table", TABLES)
def test_increments_equal_a_rebuild(nights: Warehouse, rebuilt: Warehouse, table: str) -> None:
    query = f"select * from {table} order by all"
    assert nights.rows(query) == rebuilt.rows(query)


@pytest.mark.parametrize(
    ("deal", "expected"),
    [
        ("hubspot/1", ["created >a", "advanced a>b", "advanced b>c", "advanced c>d", "won d>won"]),
        ("hubspot/2", ["created >a", "skipped_ahead a>c", "advanced c>d"]),
        ("hubspot/5", ["created >a", "lost a>lost", "reopened lost>b", "won b>won"]),
        ("hubspot/6", ["created >a", "lost a>lost", "won lost>won"]),
        ("hubspot/7", ["created >won"]),
        ("hubspot/8", ["created >a", "moved_pipeline a>y"]),
        ("hubspot/9", ["created >a", "advanced a>b", "moved_pipeline b>x", "advanced x>y"]),
        ("hubspot/11", ["created >a", "deleted a>"]),
        ("hubspot/12", ["created >a", "deleted a>", "restored >b"]),
        ("hubspot/13", ["created >a", "advanced a>b", "merged b>"]),
        ("hubspot/14", ["created >a"]),
        ("hubspot/15", ["created >a", "skipped_ahead a>c", "moved_back c>b"]),
        ("hubspot/16", ["created >a", "skipped_ahead a>d"]),
        ("hubspot/17", ["created >c"]),
        ("hubspot/18", ["created >a", "advanced a>b", "advanced b>c"]),
        ("hubspot/19", ["created >a", "skipped_ahead a>late"]),
        ("hubspot/22", ["created >a", "advanced a>b"]),
        ("hubspot/23", ["created >a", "deleted a>"]),
        ("hubspot/26", ["created >a", "advanced a>nowhere"]),
        ("files/f1", ["created >one", "advanced one>two", "advanced two>three"]),
        ("files/f2", ["created >one", "won one>won"]),
        ("files/f4", ["created >one", "merged one>"]),
        ("files/f6", ["created >two", "advanced two>three", "deleted three>"]),
        ("files/f9", ["created >one"]),
        ("files/f10", ["created >one", "moved_pipeline one>one"]),
        ("files/f12", ["created >one", "lost one>lost"]),
        ("files/f13", ["created >two", "moved_pipeline two>one", "moved_pipeline one>three"]),
        ("files/f14", ["created >one", "advanced one>two"]),
        ("files/f18", ["created >one", "advanced one>two", "deleted two>", "restored >two"]),
        ("tryton/1", ["created >lead", "advanced lead>opportunity", "won opportunity>won"]),
        ("tryton/2", ["created >opportunity", "lost opportunity>lost", "reopened lost>opportunity"]),
        ("tryton/3", ["created >lead", "deleted lead>"]),
    ],
)
def test_transitions(nights: Warehouse, deal: str, expected: list[str]) -> None:
    assert moves(nights, deal) == expected


def deal_row(warehouse: Warehouse, deal: str) -> dict[str, Any]:
    """The row of dim_deals, in nine columns."""
    [row] = warehouse.rows(f"""
        select deal_status, cast(deal_amount as varchar) as deal_amount, cast(booked_amount as varchar) as booked_amount,
            amount_missing_reason, cast(expected_close_date as varchar) as expected_close, lost_group,
            cast(closed_at as varchar) as closed_at, cast(history_complete_from as varchar) as complete_from, is_deleted
        from dim_deals where source_system || '/' || source_deal_id = '{deal}'
    """)
    return row


@pytest.mark.parametrize(
    ("deal", "column", "expected"),
    [
        ("hubspot/20", "booked_amount", "810.00"),
        ("hubspot/21", "amount_missing_reason", "no_amount"),
        ("hubspot/24", "amount_missing_reason", "no_currency"),
        ("hubspot/25", "amount_missing_reason", "no_exchange_rate"),
        ("hubspot/25", "booked_amount", None),
        ("hubspot/28", "expected_close", "2026-05-30"),
        ("hubspot/7", "expected_close", None),
        ("hubspot/4", "lost_group", "no_decision"),
        ("hubspot/12", "deal_status", "open"),
        ("hubspot/13", "deal_status", "merged"),
        ("hubspot/17", "complete_from", "2026-05-10 09:00:00"),
        ("hubspot/18", "complete_from", "2026-05-01 08:00:00"),
        ("hubspot/23", "is_deleted", True),
        ("hubspot/29", "closed_at", "2026-05-07 09:00:00"),
    ],
)
def test_deals(nights: Warehouse, deal: str, column: str, expected: str | bool | None) -> None:
    assert deal_row(nights, deal)[column] == expected


def test_knowledge_comes_with_the_run_that_first_saw_it(nights: Warehouse) -> None:
    rows = nights.rows("""
        select cast(changed_at as varchar) as changed_at, cast(known_at as varchar) as known_at, cast(retracted_at as varchar) as retracted_at
        from fct_deal_changes inner join dim_deals using (deal_key)
        where source_system = 'hubspot' and source_deal_id in ('15', '16') and field = 'stage' and old_value is not null
        order by source_deal_id, fct_deal_changes.changed_at
    """)
    assert [
        (row["changed_at"][:10], row["known_at"][:10], row["retracted_at"] and row["retracted_at"][:10]) for row in rows
    ] == [
        ("2026-05-03", "2026-06-05", None),
        ("2026-05-05", "2026-06-02", None),
        ("2026-05-05", "2026-05-05", "2026-06-03"),
        ("2026-05-06", "2026-05-06", None),
    ]


def ledger(warehouse: Warehouse, deal: str, field: str) -> list[str]:
    """The changes of one field of one deal as `old>new day` with the days of knowledge and of retraction, if late."""
    rows = warehouse.rows(f"""
        select
            coalesce(old_value, '') || '>' || coalesce(new_value, '') || strftime(changed_at, ' %m-%d')
            || case when known_at > changed_at then strftime(known_at, ' known %m-%d') else '' end
            || coalesce(strftime(retracted_at, ' retracted %m-%d'), '') as change
        from fct_deal_changes inner join dim_deals as deal using (deal_key)
        where deal.source_system || '/' || deal.source_deal_id = '{deal}' and field = '{field}'
        order by changed_at, sequence, _record_number, known_at
    """)
    return [row["change"] for row in rows]


@pytest.mark.parametrize(
    ("deal", "field", "expected"),
    [
        # An empty old value is one; the row that filled the field stays.
        ("files/f15", "owner", [">o1 05-02"]),
        # A tie of rows of two loads follows the old values; the row that came with another old value was taken back.
        (
            "files/f16",
            "amount",
            [">50.00 05-01", "50.00>55.00 05-02 known 06-03", "55.00>60.00 05-03 retracted 06-03",
             "55.00>60.00 05-03 known 06-03", "60.00>100.00 05-03"],
        ),
        # What was concluded for the creation before the older event came, was taken back when it came.
        (
            "files/f17",
            "amount",
            [">80.00 05-01 retracted 06-03", ">70.00 05-01 known 06-03", "70.00>80.00 05-03 known 06-03", "80.00>100.00 05-05"],
        ),
        # The rows that vanished with their deal stand; what is missing when it is back was taken back then.
        ("files/f6", "stage", [">two 05-01", "two>three 05-05"]),
        ("files/f18", "stage", [">one 05-01", "one>two 05-02", "two>three 05-03 retracted 06-04"]),
    ],
)  # fmt: skip
def test_changes_are_never_removed(nights: Warehouse, deal: str, field: str, expected: list[str]) -> None:
    assert ledger(nights, deal, field) == expected


@pytest.mark.parametrize(
    ("deal", "expected"),
    [
        ("hubspot/11", "crm_history"),
        ("hubspot/13", "crm_history"),
        ("hubspot/23", "observed"),
        ("files/f4", "crm_history"),
        ("files/f6", "observed"),
    ],
)
def test_the_end_of_a_deal_has_the_source_of_its_instant(nights: Warehouse, deal: str, expected: str) -> None:
    rows = nights.rows(f"""
        select change_source from fct_deal_changes inner join dim_deals as deal using (deal_key)
        where deal.source_system || '/' || deal.source_deal_id = '{deal}' and field = 'status' and new_value <> 'live'
    """)
    assert [row["change_source"] for row in rows] == [expected]


def test_a_removed_stage_keeps_its_row_and_a_renamed_one_its_key(nights: Warehouse) -> None:
    rows = nights.rows("""
        select source_stage_id, stage_name, open_rank, is_current, is_deleted from dim_stages
        where source_system = 'hubspot' and source_stage_id in ('b', 'c') order by source_stage_id, valid_from
    """)
    assert [tuple(row.values()) for row in rows] == [
        ("b", "Qualified", 2, False, False),
        ("b", "Well qualified", 2, True, False),
        ("c", "Offer", 3, False, False),
        ("c", "Offer", 2, True, True),
    ]


def test_activities_follow_the_survivor_of_a_merge(nights: Warehouse) -> None:
    assert nights.rows("""
        select source_deal_id from fct_activities as activity inner join dim_deals using (deal_key) where activity.source_system = 'hubspot'
    """) == [{"source_deal_id": "14"}]


def test_leads_contacts_and_deals_follow_the_survivor_of_a_merge(nights: Warehouse) -> None:
    assert nights.rows("""
        select lead.source_lead_id as who, contact.source_contact_id as contact, company.source_company_id as company
        from dim_leads as lead join dim_contacts as contact using (contact_key) join dim_companies as company on company.company_key = lead.company_key
        where source_lead_id = 'l90'
        union all
        select source_contact_id, null, source_company_id
        from dim_contacts as contact join dim_companies using (company_key) where source_contact_id = 'k9'
        union all
        select source_deal_id, null, source_company_id from dim_deals join dim_companies using (company_key) where source_deal_id = '28'
        order by who
    """) == [
        {"who": "28", "contact": None, "company": "c8"},
        {"who": "k9", "contact": None, "company": "c8"},
        {"who": "l90", "contact": "k8", "company": "c8"},
    ]
    assert nights.rows("""
        select loser.source_contact_id as loser, survivor.source_contact_id as survivor, loser.is_deleted
        from dim_contacts as loser join dim_contacts as survivor on loser.merged_into_contact_key = survivor.contact_key
    """) == [{"loser": "k7", "survivor": "k8", "is_deleted": True}]


def test_nothing_personal_stands_in_the_marts_file(nights: Warehouse) -> None:
    assert b"eve@example.com" in nights.files["detail"].read_bytes()
    marts = nights.files["marts"].read_bytes()
    assert not [each for each in (b"eve@example.com", b"ada@example.com", b"Deal 17") if each in marts]


def test_contracts_refuse_nulls(nights: Warehouse) -> None:
    with nights.connect("marts") as connection, pytest.raises(duckdb.ConstraintException):
        connection.execute("insert into dim_pipelines (pipeline_key, source_system) values (uuid(), 'files')")
