"""The dashboard of a night on the simulated HubSpot: the marts' own figures, in a page that asks nobody for anything and runs nothing but its own script."""

from __future__ import annotations

import hashlib
import os
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboard import content as content_module
from dashboard.page import MODULES, make_page
from extractors.core.errors import WatertightError
from tests.e2e.packed import HURT, Packed


@pytest.fixture(scope="module")
def page(published: Path) -> str:
    return (published / "dashboard.html").read_text()


@pytest.fixture(scope="module")
def packed(page: str) -> Packed:
    return Packed(page)


def plain(value: Any) -> Any:
    """A value of a mart as JSON has it."""
    return float(value) if hasattr(value, "as_tuple") else value.isoformat() if hasattr(value, "isoformat") else value


SPLIT_MARTS = {
    "funnel": ("mart_sales__funnel", "step_name", ["reached_count", "step_rate", "cohort_rate", "reached_amount", "open_here_count", "lost_here_count"]),
    "waterfall": ("mart_sales__pipeline_waterfall", "waterfall_form", ["opening_count", "created_amount", "won_amount", "exchange_rate_amount", "closing_count", "closing_amount"]),
    "win_rates": ("mart_sales__win_rates", "currency_code", ["won_count", "closed_count", "win_rate", "won_amount"]),
    "slippage": ("mart_sales__slippage", "currency_code", ["expected_count", "slipped_count", "slippage_rate", "push_count"]),
    "coverage": ("mart_sales__coverage", "currency_code", ["expected_amount", "quota_amount", "coverage_ratio", "missing_reason"]),
    "cycles": ("mart_sales__sales_cycle", "'EUR'", ["deal_count", "median_days", "p90_days"]),
    "lead_channels": ("mart_marketing__cost_per_lead", "currency_code", ["lead_count", "spend_amount", "cost_per_lead", "cost_missing_reason"]),
}  # fmt: skip


@pytest.mark.parametrize("question", SPLIT_MARTS)
def test_every_row_of_a_mart_in_the_shown_periods_is_in_the_page(
    packed: Packed, marts: duckdb.DuckDBPyConnection, question: str
) -> None:
    mart, kind, columns = SPLIT_MARTS[question]
    only = "outcome_scope = 'won' and measured_from = 'created'" if question == "cycles" else "true"
    shown_splits = {"cycles": ("all", "pipeline")}.get(question, ("all", "pipeline", "owner", "channel"))
    shown = {tuple(period) for period in packed.members["period"]}
    found = {}
    for row in packed.rows(question):
        split = next(
            ((name, row[name]) for name in ("pipeline", "owner", "channel") if row.get(name) is not None),
            ("all", "all"),
        )
        key = (*row["period"], *split, row.get(kind, "EUR"))
        assert key not in found, "a member of a dimension that the page does not show stands there as the whole company"
        found[key] = [row[column] for column in columns]
    expected = {}
    for grain, first, dimension, value, kind_value, *figures in marts.execute(
        f"select period_grain, period_start, dimension, dimension_value, {kind}, {', '.join(columns)} from {mart} where {only}"
    ).fetchall():
        if (grain, first.isoformat()) in shown and dimension in shown_splits:
            expected[(grain, first.isoformat(), dimension, value, kind_value)] = [plain(figure) for figure in figures]
    assert found == expected
    assert len(found) > 20


def test_leakage_adds_up_to_the_mart_of_every_grain(packed: Packed, marts: duckdb.DuckDBPyConnection) -> None:
    rows = packed.rows("leakage")
    for grain, first, next_first, leaked, amount in marts.execute("""
        select period_grain, period_start, any_value(next_period_start), sum(leaked_count), sum(last_amount)
        from mart_sales__leakage
        inner join (select distinct period_grain, period_start, next_period_start from mart_metrics__periods)
            using (period_grain, period_start)
        where period_grain in ('all', 'month', 'quarter', 'year')
        group by all
    """).fetchall():
        wanted = ("all",) if grain == "all" else ("month",)
        within = [
            row
            for row in rows
            if row["period"][0] in wanted
            and (grain == "all" or first.isoformat() <= row["period"][1] < next_first.isoformat())
        ]
        assert sum(row["leaked_count"] for row in within) == leaked, (grain, first)
        assert sum(row["last_amount"] for row in within) == pytest.approx(float(amount), abs=0.005)


def test_the_board_of_any_day_is_the_marts(packed: Packed, marts: duckdb.DuckDBPyConnection) -> None:
    now = dict(marts.execute("select stage_name, deal_count from mart_sales__pipeline_board").fetchall())
    [(last,)] = marts.execute(
        "select max(calendar_date) - min(calendar_date) from mart_sales__pipeline_daily"
    ).fetchall()
    assert {stage: packed.held("board_by_day", stage, last)[0] for stage in now} == now
    days = marts.execute("""
        select stage_name, cast(calendar_date - (select min(calendar_date) from mart_sales__pipeline_daily) as int),
            sum(open_count), sum(open_amount)
        from mart_sales__pipeline_daily inner join mart_sales__stages using (stage_key)
        where day(calendar_date) = 17 group by all
    """).fetchall()
    assert len(days) > 50
    for stage, day, count, amount in days:
        assert packed.held("board_by_day", stage, day) == (count, pytest.approx(float(amount), abs=0.005))
    by_owner = marts.execute("""
        select stage_name, cast(calendar_date - (select min(calendar_date) from mart_sales__pipeline_daily) as int), dimension_value,
            sum(open_count), sum(open_amount)
        from mart_sales__pipeline_daily inner join mart_sales__stages using (stage_key)
        inner join mart_metrics__dimension_values on dimension = 'owner' and dimension_key = cast(owner_key as varchar)
        where day(calendar_date) = 3 and month(calendar_date) = 3 group by all
    """).fetchall()
    assert by_owner
    for stage, day, owner, count, amount in by_owner:
        assert packed.held("board_by_day_and_owner", stage, day, owner) == (
            count,
            pytest.approx(float(amount), abs=0.005),
        )


def test_the_recovery_list_tells_how_many_it_leaves_out(packed: Packed, marts: duckdb.DuckDBPyConnection) -> None:
    [(count, amount)] = marts.execute("select count(*), sum(booked_amount) from mart_sales__recovery_list").fetchall()
    assert packed.night["recovery_count"] == count == sum(row["deal_count"] for row in packed.rows("recovery_totals"))
    assert sum(row["booked_amount"] or 0 for row in packed.rows("recovery_totals")) == pytest.approx(float(amount))
    best = marts.execute(
        "select source_deal_id, crm_url from mart_sales__recovery_list order by booked_amount desc nulls last, deal_key limit 20"
    ).fetchall()
    assert [(row["source_deal_id"], row["crm_url"]) for row in packed.rows("recovery")[:20]] == best
    assert all(row["crm_url"].startswith("https://") for row in packed.rows("recovery"))


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(page: str) -> None:
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert policy is not None
    [style], [script] = (
        re.findall(r"<style>(.*?)</style>", page, re.DOTALL),
        re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL),
    )

    def digest(text: str) -> str:
        return "'sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert policy[1].split("; ") == [
        "default-src 'none'",
        f"script-src {digest(script)}",
        f"style-src {digest(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert page.index(policy[0]) < page.index("<style>")
    assert page.count("<script") == 2
    assert not re.search(r"\s(?:style|on\w+)=", re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL))


def test_nothing_in_the_page_names_another_place(page: str) -> None:
    outside = re.sub(r'<script type="application/json" id="content">.*?</script>', "", page, flags=re.DOTALL)
    assert not re.search(
        r"\ssrc(?:set)?=|(?:@import|url\(|fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\()", outside
    )
    assert set(re.findall(r"https?://[^\s\"'`)]+", outside)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", outside)


def test_each_module_imports_from_those_before_it() -> None:
    folder = Path(content_module.__file__).parent / "page"
    assert sorted(MODULES) == sorted(path.name for path in folder.glob("*.js"))
    for number, name in enumerate(MODULES):
        imported = re.findall(r'from "\./([a-z_]+\.js)";', (folder / name).read_text())
        assert set(imported) <= set(MODULES[:number]), name


def test_nobodys_name_or_address_is_in_the_page_but_the_sellers(
    published: Path, page: str, marts: duckdb.DuckDBPyConnection
) -> None:
    with duckdb.connect(str(published / "detail.duckdb"), read_only=True) as connection:
        texts = connection.execute("""
            select unnest([email, phone, full_name]) from dim_contact_details
            union all select deal_name from dim_deal_details
            union all select email from dim_owner_details
        """).fetchall()  # fmt: skip
    sellers = " ".join(name for (name,) in marts.execute("select owner_name from dim_owners").fetchall())
    secrets = {text for (text,) in texts if text and len(text) > 8 and text not in sellers}
    assert len(secrets) > 100
    assert not [text for text in secrets if text in page]


def test_names_and_links_that_mean_harm_are_text(poisoned: str) -> None:
    assert poisoned.count("<script") == 2
    assert "\u2028" not in poisoned
    links = {row["crm_url"] for row in Packed(poisoned).rows("recovery")}
    assert links == {None, 'https://crm.example/"onmouseover="window.hurt=1'}
    assert any(HURT in name for name in Packed(poisoned).members["stage"])


def test_by_owner_the_page_goes_back_as_far_as_it_has_room(
    published: Path, monkeypatch: pytest.MonkeyPatch, marts: duckdb.DuckDBPyConnection
) -> None:
    from dashboard.questions import DAILY_ROWS, MEMBERS

    room = 500
    monkeypatch.setitem(content_module.MEMBERS, "shown_days", MEMBERS["shown_days"].replace(str(DAILY_ROWS), str(room)))
    small = Packed(make_page(published / "marts.duckdb"))
    [(kept, every)] = marts.execute(
        "select count(*) filter (where calendar_date >= $1), count(*) from mart_sales__pipeline_daily",
        [small.night["first_owner_day"]],
    ).fetchall()
    assert room * 0.8 < kept <= room < every
    assert min(day for cell in small.rows("board_by_day_and_owner") for day in cell["days"]) > 0


def test_marts_that_lack_a_table_are_said_so(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "marts.duckdb")) as connection:
        connection.execute("create table mart_metrics__values as select 1 as one")
    with pytest.raises(WatertightError, match="mart_metrics__periods"):
        make_page(tmp_path / "marts.duckdb")


def test_the_page_is_published_with_its_marts(published: Path, packed: Packed) -> None:
    run_id = packed.night["run_id"]
    assert os.readlink(published / "dashboard.html") == f"dashboard_{run_id}.html"
    assert os.readlink(published / "marts.duckdb") == f"marts_{run_id}.duckdb"
