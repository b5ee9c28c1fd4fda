"""The page: one section of the funnel after the other, each metric with its question, formula, grain, edge cases and an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from tests.metrics_page.entries import Entry

SECTIONS = {
    1: "Funnel and conversion",
    2: "Win, cycle, size, velocity",
    3: "Leakage",
    4: "Pipeline over time",
    5: "Leads and marketing",
    6: "Customers",
}
_GRAINS = ("day", "week", "month", "quarter", "year")

#: the way of a reader: what is there, what moved, what it costs
_ORDER = [
    f"mart_{name}"
    for name in (
        "marketing__lead_funnel", "sales__stage_conversion_by_cohort", "sales__stage_conversion_by_period", "sales__visit_flow", "sales__funnel_cohorts",
        "sales__stage_paths", "sales__funnel", "sales__win_rates", "sales__win_probability", "sales__sales_cycle", "sales__velocity", "sales__time_in_stage",
        "sales__leakage", "sales__cohort_partition", "sales__win_backs", "sales__recovery_list", "metrics__benchmarks", "sales__pipeline_board",
        "sales__pipeline_daily", "sales__pipeline_waterfall", "sales__then_and_now", "sales__slippage", "sales__coverage", "sales__forecast_weekly",
        "sales__forecast_backtest", "sales__what_if", "sales__capacity", "marketing__lead_quality", "marketing__hand_offs", "marketing__lead_filter",
        "marketing__lead_scores", "marketing__responses", "marketing__cost_per_lead", "marketing__romi", "marketing__consent", "sales__touches",
        "marketing__follow_ups", "customers__retention", "customers__repeat_purchases", "customers__value_delivered", "customers__expansions",
        "customers__unit_economics",
    )
]  # fmt: skip

_HEAD = """# Metrics

What each figure asks, how it is worked out, where it is easily misread, and what the demonstration company (`make nightly`) answers on its first
night. `make metrics-page` writes this page from the descriptions of the marts in `dbt_project/models/marts/`; a test fails when they and this page, or the
answers and this page, are no longer the same.

## How to read a figure

Most figures stand in one table, `mart_metrics__values`: one row per metric, length of period, period, and dimension value.

| column | what it holds |
|---|---|
| `metric` | the name in this page |
| `period_grain`, `period_start` | day, week (from Monday), month, quarter or year, and its first day in the reporting time zone |
| `dimension`, `dimension_value` | what the row is split by (`all` = not split), and which part of it. Never add up rows of two dimensions: each holds all deals |
| `value` | the figure. A rate is a number from 0 to 1 |
| `numerator`, `denominator` | what was divided by what; of a median or probability the denominator is the number of observations |
| `currency_code`, `amount_basis` | only where money is in it: the reporting currency, at the exchange rate of the day of each event |
| `target` | the declared target, where there is one |
| `prior_value` | the figure of the period just before |
| `is_complete_period` | false while the period still runs |

{words}
Two more ways to the same figures: each metric's mart, named below, with intervals and counts beside the figure; and MetricFlow, for tools that speak
dbt's semantic layer, over the published file (`make semantic` sets it up and compares it with the table):

```
cd dbt_project/semantic && ../../.venv/bin/dbt parse
../../.venv/bin/mf query --metrics win_rate,deals_won --group-by metric_time__quarter
```

These rules hold for every metric:

- **Nothing to divide by gives no figure.** The value is empty then: never 0, never infinite. What nobody declared (a quota, a cost) gives none either.
- **Small numbers lie.** Look at the denominator. The marts hold a 95 % interval beside every rate (columns ending in `_low` and `_high`).
- **The as-of counts, not today.** Figures reach as far as the data (`data_through`). The newest period still runs.
- **Periods are those of the reporting time zone** (`WATERTIGHT_TIMEZONE`), weeks begin on Monday.
- **Deleted and merged deals** leave the pipeline when it happened and stay in the past before.
- **Amounts without an exchange rate** are missing from the money and counted beside it; they are never taken one to one.
- **Behind every figure stand deals.** *Behind it* names the table that lists them.

Answers are rounded to four digits after the point. An empty cell is a figure that does not exist.
"""
_WORDS = """A *stage* is a step of a pipeline in the CRM, a *stay* the time a deal spends in one, a *cohort* the deals that began in one period, the *as-of* the
moment up to which the data are complete. More words: [vocabulary](vocabulary.md).
"""


def render(entries: Sequence[Entry], connection: duckdb.DuckDBPyConnection) -> str:
    """The whole page, with answers from the published marts."""
    held = _held(connection)
    parts = [_HEAD.format(words=_WORDS)]
    for section, title in SECTIONS.items():
        inside = sorted((entry for entry in entries if entry.section == section), key=_place)
        listed = ", ".join(f"[{entry.title}](#{_anchor(entry.title)})" for entry in inside)
        parts.append(f"## {section}. {title}\n\n{listed}\n")
        parts += [_told(entry, held, connection) for entry in inside]
    return "\n".join(parts)


def query(entry: Entry, connection: duckdb.DuckDBPyConnection) -> str:
    """The entry's example: its own, or the newest complete periods of its metrics."""
    if entry.example:
        return f"{entry.example};"
    names = "= " + f"'{entry.names[0]}'" if len(entry.names) == 1 else f"in ({', '.join(map(repr, entry.names))})"
    where = f"metric {names} and period_grain = '{entry.grain}' and dimension = '{entry.by or 'all'}'"
    if entry.by is None and len(entry.names) == 1:
        return (
            f"select period_start, value, numerator, denominator from mart_metrics__values where {where}"
            " and is_complete_period order by period_start desc limit 3;"
        )
    [(newest,)] = connection.execute(
        "select max(period_start) from mart_metrics__values where is_complete_period and period_grain = ?",
        [entry.grain],
    ).fetchall()
    split = "metric" if entry.by is None else "dimension_value"
    return (
        f"select {split}, value, numerator, denominator from mart_metrics__values where {where}"
        f" and period_start = date '{newest}' order by {split};"
    )


def _place(entry: Entry) -> int:
    """Where a mart stands in its section; the YAML files are in the order of their names. A mart that nobody placed comes last."""
    return _ORDER.index(entry.mart.name) if entry.mart.name in _ORDER else len(_ORDER)


def _held(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Metric to what `mart_metrics__values` has it by, in words."""
    rows = connection.execute("""
        select metric, list(distinct period_grain), list(distinct dimension order by dimension <> 'all', dimension)
        from mart_metrics__values group by metric
    """).fetchall()
    words = {}
    for metric, grains, dimensions in rows:
        split = ", ".join(each.replace("_", " ") for each in dimensions if each != "all")
        whole = ["of the whole company"] if "all" in dimensions else []
        by = [f"by {split}"] if split else []
        words[metric] = f"per {', '.join(grain for grain in _GRAINS if grain in grains)}; {', or '.join(whole + by)}"
    return words


def _told(entry: Entry, held: dict[str, str], connection: duckdb.DuckDBPyConnection) -> str:
    by_words: dict[str, list[str]] = {}
    for name in entry.names:
        by_words.setdefault(held.get(name, ""), []).append(f"`{name}`")
    grains = [
        f"{', '.join(names) + ': ' if len(by_words) > 1 else ''}{words or 'not in `mart_metrics__values`'}"
        for words, names in by_words.items()
    ]
    asked = query(entry, connection)
    cases = "\n".join(f"- {case}" for case in entry.edge_cases)
    shown = re.sub(r" (from|where|group by|order by) ", r"\n\1 ", asked)
    return f"""### {entry.title}

**{entry.question}**

{", ".join(f"`{name}`" for name in entry.names)}

- **Formula:** {entry.formula}
- **Grain:** {"; ".join(grains)}.
- **From** `{entry.mart.name}`: {_first_sentence(entry.mart.grain)}
- **Behind it:** {_escaped(entry.mart.drill_down)}

Edge cases:

{cases}

```sql
{shown}
```

{table(connection.execute(asked))}
"""


def table(cursor: duckdb.DuckDBPyConnection) -> str:
    names = [column[0] for column in cursor.description or ()]
    rows = [[_cell(value) for value in row] for row in cursor.fetchall()]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        whole, point, digits = f"{value:,.4f}".partition(".")
        digits = digits.rstrip("0")
        return f"{whole}{point}{digits}" if digits else {"-0": "0"}.get(whole, whole)
    return str(value) if isinstance(value, date) else _escaped(str(value))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _first_sentence(text: str) -> str:
    """The grain sentence; what follows it explains columns, and stands in the data dictionary."""
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "."


def _anchor(title: str) -> str:
    """As GitHub names a heading."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")
