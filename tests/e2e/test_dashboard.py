"""The dashboard of a night on the simulated HubSpot: the marts' own figures, in a page that asks nobody for anything and runs nothing but its own script."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboard import content as content_module
from dashboard.page import MODULES, make_page
from extractors.core.errors import WatertightError
from simulator.server import start
from tests.e2e.browser import Browser, figure
from tests.e2e.packed import Packed
from tests.nights.hubspot import settings_for
from tests.nights.night import run_night

DEALS = 300
SEED = 37
HURT = '</script><script>window.hurt = 1</script><img src=x onerror="window.hurt = 1">\u2028'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one night published."""
    place = tmp_path_factory.mktemp("dashboard")
    with start(place / "company", size=DEALS, seed=SEED) as simulation:
        settings = settings_for(place / "home", simulation)
        run_night(settings, "hubspot")
    return settings.published_dir


@pytest.fixture(scope="module")
def marts(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a copy: of one file a process may have only connections that are set up alike."""
    copy = tmp_path_factory.mktemp("asked") / "marts.duckdb"
    shutil.copyfile(published / "marts.duckdb", copy)
    with duckdb.connect(str(copy), read_only=True) as connection:
        yield connection


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
    "lead_channels": ("mart_marketing__cost_per_lead", "currency_code", ["lead_count", "spend_amount", "cost_per_lead", "cost_missing_reason"]),
}  # fmt: skip


@pytest.mark.parametrize("question", SPLIT_MARTS)
def test_every_row_of_a_mart_in_the_shown_periods_is_in_the_page(
    packed: Packed, marts: duckdb.DuckDBPyConnection, question: str
) -> None:
    mart, kind, columns = SPLIT_MARTS[question]
    shown = {tuple(period) for period in packed.members["period"]}
    found = {}
    for row in packed.rows(question):
        split = next(
            ((name, row[name]) for name in ("pipeline", "owner", "channel") if row.get(name) is not None),
            ("all", "all"),
        )
        found[(*row["period"], *split, row.get(kind, "EUR"))] = [row[column] for column in columns]
    expected = {}
    for grain, first, dimension, value, kind_value, *figures in marts.execute(
        f"select period_grain, period_start, dimension, dimension_value, {kind}, {', '.join(columns)} from {mart}"
    ).fetchall():
        if (grain, first.isoformat()) in shown and dimension in ("all", "pipeline", "owner", "channel"):
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


@pytest.fixture(scope="module")
def poisoned(published: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page of marts whose names and links were written by somebody who means harm."""
    copy = tmp_path_factory.mktemp("poisoned") / "marts.duckdb"
    shutil.copyfile(published / "marts.duckdb", copy)
    copy.chmod(0o600)
    with duckdb.connect(str(copy)) as connection:
        for table, columns in {
            "mart_metrics__dimension_values": ["dimension_value"],
            "mart_sales__stages": ["stage_name"],
            "mart_sales__funnel": ["step_name"],
            "mart_sales__leakage": ["lost_reason"],
            "mart_sales__recovery_list": ["lost_reason", "owner_name", "last_open_stage_name", "source_deal_id"],
            "mart_metrics__benchmarks": ["benchmark", "source"],
            "mart_ops__freshness": ["source_system", "account"],
        }.items():
            for column in columns:
                connection.execute(f"update {table} set {column} = {column} || $1", [HURT])
        connection.execute("""
            update mart_sales__recovery_list set crm_url = case hash(deal_key) % 4
                when 0 then 'javascript:window.hurt=1' when 1 then 'data:text/html,<script>window.hurt=1</script>'
                when 2 then 'https://crm.example/"onmouseover="window.hurt=1' else null end
        """)  # fmt: skip
    return make_page(copy)


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


# In the browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser, published: Path) -> Browser:
    """The page, freshly opened on a screen."""
    chromium.show()
    chromium.open(published / "dashboard.html")
    return chromium


def near(text: str, value: Any) -> bool:
    """What is shown is the value as rounded for people: to whole units of money, else to the tenth."""
    shown = figure(text)
    return shown is not None and abs(shown - float(value)) <= (0.501 if "€" in text else 0.0501)


def test_it_draws_itself_and_asks_for_nothing(browser: Browser, published: Path) -> None:
    browser.requests()
    browser.open(published / "dashboard.html")
    assert browser.requests() == [(published / "dashboard.html").resolve().as_uri()]
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    titles = browser.run(
        "return [...document.querySelectorAll('main section')].filter((each) => each.querySelector('table, .tiles')).length"
    )
    assert titles == 13


@pytest.mark.parametrize(
    ("period", "grain", "first_day"),
    [("all time", "all", None), ("2025", "year", "2025-01-01"), ("Q1 2026", "quarter", "2026-01-01")],
)
@pytest.mark.parametrize("pipeline", ["all pipelines", "New business"])
def test_the_funnel_reads_as_the_mart_answers(
    browser: Browser, marts: duckdb.DuckDBPyConnection, period: str, grain: str, first_day: str | None, pipeline: str
) -> None:
    browser.choose(period=period, pipeline=pipeline)
    name = "all" if pipeline.startswith("all") else pipeline
    steps = marts.execute(
        """
        select step_name, is_measured, reached_count, 100 * step_rate, 100 * cohort_rate, reached_amount, open_here_count, lost_here_count
        from mart_sales__funnel
        where period_grain = $1 and ($2 is null or period_start = cast($2 as date)) and dimension_value = $3 and step_kind in ('step', 'won')
        """,
        [grain, first_day, name],
    ).fetchall()
    shown = browser.rows("funnel")
    assert len(steps) == len(shown)
    for step, is_measured, reached, step_rate, cohort_rate, amount, still_open, lost in steps:
        _, _, *cells = shown[step]
        if not is_measured:
            assert cells[0] == "no stage mapped"
            continue
        assert figure(cells[0]) == reached
        assert near(cells[1], step_rate) if step_rate is not None else cells[1] == "nobody before"
        assert near(cells[2], cohort_rate)
        assert near(cells[3], amount)
        assert step == "won" or (figure(cells[4]), figure(cells[5])) == (still_open, lost)


def test_the_waterfall_reads_as_the_mart_answers(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    signs = {"opening": 1, "created": 1, "reopened": 1, "restored": 1, "increased": 1, "decreased": -1, "exchange_rate": 1,
             "won": -1, "lost": -1, "deleted": -1, "merged": -1, "closing": 1}  # fmt: skip
    browser.choose(period="Q1 2026", pipeline="Partners")
    for form in ("all_open", "closing_in_period"):
        browser.find(f'#waterfall button[data-value="{form}"]').click()
        columns = [
            *(f"{name}_amount" for name in signs),
            "moved_in_amount - moved_out_amount",
            *(f"{name}_count" for name in ("opening", "won", "closing")),
        ]
        [row] = marts.execute(f"""
            select {", ".join(columns)} from mart_sales__pipeline_waterfall
            where waterfall_form = '{form}' and period_grain = 'quarter' and period_start = '2026-01-01' and dimension_value = 'Partners'
        """).fetchall()  # fmt: skip
        shown = browser.rows("waterfall")
        for (name, sign), amount in zip(signs.items(), row, strict=False):
            assert near(shown[name][2], sign * amount), name
        assert near(shown["moved"][2], row[len(signs)])
        assert [figure(shown[name][3]) for name in ("opening", "won", "closing")] == [row[-3], -row[-2], row[-1]]
        assert ("pulled_in" in shown) == (form == "closing_in_period")


def test_the_board_follows_its_slider(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    now = marts.execute(
        "select sum(deal_count), sum(total_amount), sum(total_recurring_amount) from mart_sales__pipeline_board"
    ).fetchone()
    assert now is not None
    assert all(near(cell, value) for cell, value in zip(browser.rows("board")["all"][2:], now, strict=True))
    every = (
        "select calendar_date, sum(open_count), sum(open_amount) from mart_sales__pipeline_daily group by 1 order by 1"
    )
    days = marts.execute(every).fetchall()
    for place in (0, 100, len(days) - 30):
        day, count, amount = days[place]
        browser.slide("board-day", (day - days[0][0]).days)
        assert figure(browser.rows("board")["all"][2]) == count
        assert near(browser.rows("board")["all"][3], amount)
        assert browser.rows("board")["all"][4] == "kept for now only"
        assert f"{day.day} " in browser.find("#board .slider strong").text
    browser.find('#board button[aria-label="now"]').click()
    assert figure(browser.rows("board")["all"][2]) == now[0]
    owner, count, amount = marts.execute("""
        select dimension_value, sum(open_count), sum(open_amount) from mart_sales__pipeline_daily
        inner join mart_metrics__dimension_values on dimension = 'owner' and dimension_key = cast(owner_key as varchar)
        where calendar_date = (select max(calendar_date) - 40 from mart_sales__pipeline_daily) group by 1 order by 2 desc
    """).fetchall()[0]
    browser.choose(owner=owner)
    browser.slide("board-day", (days[-1][0] - days[0][0]).days - 40)
    assert figure(browser.rows("board")["all"][2]) == count
    assert near(browser.rows("board")["all"][3], amount)


def test_every_filter_changes_what_it_can_and_says_what_it_cannot(
    browser: Browser, marts: duckdb.DuckDBPyConnection
) -> None:
    browser.choose(period="2025", channel="website")
    [(won, rate)] = marts.execute("""
        select won_amount, 100 * win_rate from mart_sales__win_rates
        where period_grain = 'year' and period_start = '2025-01-01' and dimension = 'channel' and dimension_value = 'website'
    """).fetchall()  # fmt: skip
    assert near(browser.tile("headline", "won"), won)
    assert near(browser.tile("headline", "win_rate"), rate)
    leaks = dict(marts.execute("""
        select leak_group || '|' || lost_reason, sum(leaked_count) from mart_sales__leakage
        where period_grain = 'year' and period_start = '2025-01-01' and channel = 'website' and leak_group <> 'dormant' group by 1
    """).fetchall())  # fmt: skip
    assert {name: figure(cells[3]) for name, cells in browser.rows("leakage", 1).items()} == leaks
    assert list(browser.rows("leads")) == [
        str(browser.run("return document.querySelector('select[name=channel]').value")),
        "all",
    ]
    for part in ("funnel", "waterfall", "cohorts", "time-in-stage", "board", "owners"):
        assert "Not split by channel" in browser.notes(part), part
    assert "Not split" not in browser.notes("leakage")
    browser.choose(pipeline="Partners", owner="nobody")
    assert "one thing at a time" in browser.notes("waterfall")
    assert set(browser.rows("owners")) <= {
        str(browser.run("return document.querySelector('select[name=owner]').value")),
        "all",
    }
    assert "Period: all time · pipeline Partners · owner nobody · all channels" in browser.find("#chosen").text


@pytest.mark.parametrize("pipeline", ["all pipelines", "New business", "Partners"])
def test_what_if_equals_the_mart(browser: Browser, marts: duckdb.DuckDBPyConnection, pipeline: str) -> None:
    browser.choose(pipeline=pipeline)
    name = "all" if pipeline.startswith("all") else pipeline
    cases = marts.execute(
        "select distinct raised_points, quality_decay from mart_sales__what_if where step_number is not null order by all"
    ).fetchall()
    assert len(cases) > 3
    for raised, decay in cases:
        browser.slide("one-points", raised)
        browser.slide("one-decay", decay)
        shown = browser.rows("what-if")
        expected = marts.execute(
            """
            select step_name, extra_won_count, extra_won_amount, chained_points, extra_next_count, extra_later_load_count
            from mart_sales__what_if
            where step_number is not null and raised_points = $1 and quality_decay = $2 and dimension_value = $3
            """,
            [raised, decay, name],
        ).fetchall()
        assert shown.keys() == {row[0] for row in expected}
        for step, *figures in expected:
            for cell, value in zip(shown[step][2:], figures, strict=True):
                assert near(cell, value) if value is not None else figure(cell) is None, (step, cell, value)


def test_several_steps_at_once_equal_the_published_example(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    points = marts.execute("""
        select scenario, extra_won_count, extra_won_amount, additive_points, chained_points from mart_sales__what_if
        where step_number is null and dimension = 'all'
    """).fetchall()  # fmt: skip
    [(_, wins, amount, added, chained)] = points
    with (Path(__file__).parents[2] / "dbt_project" / "seeds" / "what_if_points.csv").open() as seed:
        for row in csv.DictReader(seed):
            if row["scenario"] == points[0][0]:
                browser.slide(f"raise-{row['step_number']}", float(row["raised_points"]))
    shown = {name: browser.tile("what-if", name) for name in ("added", "chained", "extra_won", "extra_amount")}
    assert near(shown["added"], added)
    assert near(shown["chained"], chained)
    assert near(shown["extra_won"], wins)
    assert near(shown["extra_amount"], amount)


def test_a_missing_figure_shows_its_reason(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    reasons = {
        "no_spend": "no spend declared",
        "no_leads": "no leads",
        "no_exchange_rate": "no exchange rate",
        "no_quota": "no quota declared",
        "already_won": "quota won already",
    }
    costs = marts.execute(
        "select dimension_value, cost_missing_reason from mart_marketing__cost_per_lead where period_grain = 'all' and dimension = 'channel'"
    ).fetchall()
    shown = {cells[0]: cells for cells in browser.rows("leads").values()}
    assert any(reason for _, reason in costs)
    for channel, reason in costs:
        assert (shown[channel.replace("_", " ")][4] == reasons.get(reason)) == (reason is not None)
    owners = marts.execute("""
        select dimension_value, missing_reason from mart_sales__coverage
        where period_grain = 'quarter' and period_start = '2026-01-01' and dimension = 'owner'
    """).fetchall()  # fmt: skip
    browser.choose(period="Q1 2026")
    covered = {cells[0]: cells for cells in browser.rows("owners").values()}
    for owner, reason in owners:
        assert (covered[owner][8] == reasons.get(reason)) == (reason is not None), owner


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_lies_behind_it(browser: Browser, published: Path, scheme: str) -> None:
    browser.show(scheme=scheme)
    browser.open(published / "dashboard.html")
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    contrasts = browser.contrasts()
    assert len(contrasts) > 1000
    weak = [
        found for found in contrasts if found[0] < (3 if found[1] >= 24 or (found[1] >= 18.66 and found[2]) else 4.5)
    ]
    assert not weak, weak[:10]
    assert (
        browser.run("return getComputedStyle(document.body).backgroundColor")
        == {"light": "rgb(246, 246, 243)", "dark": "rgb(18, 21, 24)"}[scheme]
    )


def test_on_a_telephone_nothing_hangs_over_the_edge(browser: Browser, published: Path) -> None:
    browser.show(360)
    browser.open(published / "dashboard.html")
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.run("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    cut = browser.run(
        "return [...document.querySelectorAll('.tiles strong, button, select, h2')].filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline').map((each) => each.innerText)"
    )
    assert cut == []


def test_the_keyboard_reaches_every_control_and_shows_where_it_is(browser: Browser) -> None:
    unnamed = browser.run(
        "return [...document.querySelectorAll('select, input')].filter((each) => !each.labels.length || !each.labels[0].innerText.trim()).length"
    )
    assert unnamed == 0
    reached = set()
    for _ in range(200):
        browser.press("TAB")
        name, ring, width = browser.run("""
            const at = document.activeElement;
            const style = getComputedStyle(at);
            return [at.name || at.dataset.value || at.getAttribute("href") || (at === document.body ? "BODY" : at.innerText.slice(0, 20)), style.outlineStyle, parseFloat(style.outlineWidth)];
        """)  # fmt: skip
        if name == "BODY":  # round once
            break
        assert (ring, width) == ("solid", 3), name
        reached.add(name)
    assert {
        "#parts",
        "period",
        "pipeline",
        "owner",
        "channel",
        "board-day",
        "closing_in_period",
        "created",
        "one-points",
        "one-decay",
    } <= reached
    slider = browser.find('input[name="board-day"]')
    before = slider.get_attribute("aria-valuetext")
    browser.run("arguments[0].focus()", slider)
    browser.press("ARROW_LEFT")
    assert slider.get_attribute("aria-valuetext") != before
    assert browser.run("return document.activeElement.name") == "board-day"
    browser.run("document.querySelector('#waterfall button[data-value=closing_in_period]').focus()")
    browser.press("ENTER")
    assert browser.run(
        "return [document.activeElement.dataset.value, document.activeElement.getAttribute('aria-pressed')]"
    ) == ["closing_in_period", "true"]


def test_in_print_the_choice_is_told_and_the_controls_are_gone(browser: Browser, published: Path) -> None:
    browser.choose(period="2025")
    browser.show(690, media="print", scheme="dark")  # what A4 leaves between its margins
    shown = browser.run(
        "return ['#filters', '#contents', '.levers', '.choice', '#chosen', '#funnel table'].map((each) => document.querySelector(each).checkVisibility())"
    )
    assert shown == [False, False, False, False, True, True]
    assert "2025" in browser.find("#chosen").text
    assert browser.run("return document.documentElement.scrollWidth") == 690
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.printed().startswith(b"%PDF")


def test_names_and_links_that_mean_harm_do_nothing(browser: Browser, poisoned: str, tmp_path: Path) -> None:
    (tmp_path / "poisoned.html").write_text(poisoned)
    browser.open(tmp_path / "poisoned.html")
    for part in ("period", "pipeline", "owner", "channel"):
        browser.run(
            "const select = document.querySelector(`select[name=${arguments[0]}]`); select.selectedIndex = 1; select.dispatchEvent(new Event('change', { bubbles: true }))",
            part,
        )
    browser.choose()
    assert browser.run(
        "return [window.hurt ?? null, document.querySelectorAll('img').length, document.querySelectorAll('script').length]"
    ) == [None, 0, 2]
    assert "</script><script>window.hurt = 1</script>" in browser.find("#funnel").text
    links = browser.run(
        "return [...document.querySelectorAll('#recovery a')].map((each) => [each.protocol, each.getAttributeNames().sort().join(' ')])"
    )
    assert links
    assert {tuple(link) for link in links} == {("https:", "href rel target")}
    assert not browser.complaints()


def test_before_the_first_deal_every_part_says_that_there_is_nothing(
    browser: Browser, published: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "marts.duckdb"
    with duckdb.connect(str(empty)) as connection:
        connection.execute(f"attach '{published / 'marts.duckdb'}' as those (read_only)")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'those'"
        ).fetchall():
            connection.execute(f"create table {table} as from those.main.{table} limit 0")
    (tmp_path / "empty.html").write_text(make_page(empty))
    browser.open(tmp_path / "empty.html")
    said = browser.run(
        "return [...document.querySelectorAll('main section')].filter((each) => !each.querySelector('.empty, .missing, table')).map((each) => each.id)"
    )
    assert said == []
    assert "NaN" not in browser.find("body").text
    assert "undefined" not in browser.find("body").text
