"""The dashboard as a person meets it, in headless Chromium: what is read from the page equals what SQL answers."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboard.page import make_page
from tests.e2e.browser import Browser, figure
from tests.integration.page_server import page_server


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
    assert titles == 15


def test_a_web_server_s_headers_let_it_draw_itself(chromium: Browser, published: Path) -> None:
    chromium.show()
    with page_server(published) as url:
        chromium.requests()
        chromium.open(f"{url}/")
        assert chromium.requests() == [f"{url}/"]


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
            where waterfall_form = '{form}' and period_grain = 'quarter' and period_start = '2026-01-01' and dimension = 'pipeline'
                    and dimension_value = 'Partners'
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


def test_targets_read_as_the_table_of_metrics_answers(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    browser.choose(period="Q1 2026")
    aimed = marts.execute("""
        select dimension_value, value, target from mart_metrics__values
        where period_grain = 'quarter' and period_start = '2026-01-01' and target is not null and dimension in ('all', 'owner', 'pipeline')
            and coalesce(amount_basis, 'booked') = 'booked'
    """).fetchall()  # fmt: skip
    shown = {cells[0]: cells for cells in browser.rows("targets").values()}
    assert len(shown) == len(aimed) > 5
    for who, value, target in aimed:
        _, _, share, reached, wanted = shown["Whole company" if who == "all" else who]
        assert near(reached, value)
        assert near(wanted, target)
        assert near(share, 100 * value / target)
    [whole] = [cells for who, cells in shown.items() if who == "Whole company"]
    assert f"; {whole[2]} of the target" in browser.find('#headline [data-tile="won"]').text


def test_what_is_untidy_reads_as_the_marts_answer(browser: Browser, marts: duckdb.DuckDBPyConnection) -> None:
    found = marts.execute(
        "select finding, sum(deal_count), sum(booked_amount), max(since_days) from mart_sales__deal_hygiene group by 1"
    ).fetchall()
    shown = browser.rows("hygiene")
    assert shown.keys() == {finding for finding, *_ in found}
    for finding, deals, amount, days in found:
        assert figure(shown[finding][1]) == deals
        assert near(shown[finding][2], amount) if amount is not None else figure(shown[finding][2]) is None
        assert figure(shown[finding][3]) == days
    owner, deals = marts.execute("""
        select dimension_value, sum(deal_count) from mart_sales__deal_hygiene
        inner join mart_metrics__dimension_values on dimension = 'owner' and dimension_key = cast(owner_key as varchar)
        where finding = 'no_next_activity' group by 1 order by 2 desc
    """).fetchall()[0]  # fmt: skip
    browser.choose(owner=owner)
    assert figure(browser.rows("hygiene")["no_next_activity"][1]) == deals
    lacking = marts.execute("""
        select check_name || '|' || source_system, checked_count, failing_count from mart_ops__data_quality where failing_count > 0
    """).fetchall()  # fmt: skip
    browser.run("document.querySelector('#quality details').open = true")
    listed = browser.rows("quality")
    assert {name: (figure(cells[2]), figure(cells[3])) for name, cells in listed.items()} == {
        name: (checked, failing) for name, checked, failing in lacking
    }


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
