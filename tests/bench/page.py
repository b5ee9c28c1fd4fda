"""docs/performance.md: the figures, and how they were come by."""

from __future__ import annotations

import duckdb

from tests.bench import rivals, table
from tests.bench.bases import DELTA, Base
from tests.bench.parts import Measured
from tests.bench.piece import MEMORY_LIMIT

_PAGE = """# What it costs

Written by `make bench`; the figures are of the machine and the day they were measured on, the ratios carry over.

A figure counts only as a ratio of two pieces of work measured side by side in one run. In every round each piece runs once, in a
process of its own; what counts is the processor time (user + system) of that process and its children, without importing Python's
modules and without opening DuckDB's files, which a build does once for all its models. The ratio is taken round by round; the table shows the median and the spread, and with how many deals and rounds. Wall time is
not measured. Parts may be measured one by one (`--only`), on companies of different sizes: a row that is not measured anew stays.

The goals are those of a company of a million deals measured in five rounds, which is what `make bench` does when nothing else is asked of it (hours;
`BENCH_OPTIONS='--keep'`, and after a cut `'--keep --resume'`). A row with fewer deals or rounds says so in its last columns. On a smaller company two
things weigh more against the sort, which grows with the deals: what every statement costs, however little it does, and tables with a row for a day, an
owner and a stage, which hardly grow with the deals.

{figures}

## Goals
{goals}

- *scan and sort* is one `create table as select * … order by deal_key, changed_at` of the deals' changes, which lie in the order of
  their arrival; it runs several times a round and counts with the mean.
- The SQL is the project's own: dbt builds a small company twice, before and after a night, and every statement it sends is
  kept and replayed on the large one: creations, temporary tables, deletes and inserts, comments, renamings, the closing checkpoint. Importing
  and parsing (dbt) is outside, and so are dbt's questions to the catalogue.
- A single fact or mart runs as one `create table as` of its compiled query into a new file; what it reads is read-only.
- The nightly delta: {delta} of the deals, a tenth of them new, one event in twenty dated back by weeks. Tables that are rebuilt whole
  every night are in it. Three times the history: as many deals again in each of the two pairs of years before, and the same delta. Of a small company
  what every statement costs, however little it does, hides a part of what the history costs.
- The visits stand twice: as they are read from the deals' steps, and with the steps themselves, which are put together from the changes once and from
  which the versions and movements are read too.
- polars and pandas get keys that are small integers, look nothing up and know neither deletions nor pairs of pipeline and stage.
- The ordered funnel stands twice, too: how many deals came how far in each pipeline, from the visits, against `windowFunnel` on the same visits with
  short keys in a Parquet file (both give the same funnel: checked in the first round); and the marts that answer it with cohorts, periods, amounts and fates.
- The publication is the project's own, with marts and detail of that company. The goal is that of the copying. Beside it a publication sums up what it copies,
  for the manifest; reads every value of the copies before they are shown, because most damaged pages are found in no other way; and makes the page of the night.
- No piece of DuckDB's may use more than {memory} of memory: what does not fit is spilled to disk.
- The daily pipeline stands twice. By pipeline and stage, with a count and an amount: the formulation of the project's own marts (what changed
  on a day, added up) against the calendar joined with what stood on each day. Both find the versions in memory, as the marts of a night do after the first that
  reads them; what the sums of changes take where they read the versions from their file besides stands below. And as it is: by owner and currency besides, each amount
  at the rate of its day, against such a join that gives the very rows of the mart. That both sides give the same rows is checked in the first round.
- The goal of the daily pipeline was found on a million deals that were open for 125 million days in all. These are open for fewer, so the row stands once
  more for the same deals with a cycle {longer} times as long: every day of a deal is put off by that factor, counted from its creation, and what comes
  after the last day is cut off. The join is hardly dearer for it: most of what it does is to sort the versions.

{rest}"""


def sizes(base: Base) -> str:
    """What was measured on, in a sentence."""
    with duckdb.connect(str(base.night / "marts.duckdb"), read_only=True) as connection:
        counts = [
            (connection.execute(f"select count(*) from {table}").fetchone() or (0,))[0]
            for table in ("fct_deal_changes", "fct_deal_stage_transitions", "fct_deal_stage_visits")
        ]
        open_days = [
            (connection.execute(rivals.OPEN_DAYS.format(versions=versions)).fetchone() or (0,))[0] / 1_000_000
            for versions in ("fct_deal_versions", f"({rivals.LONGER_VERSIONS})")
        ]
    return (
        f"A company of {base.deals:,} deals has {counts[0]:,} changes of tracked fields, {counts[1]:,} transitions and"
        f" {counts[2]:,} visits in two years; a night changes {base.changed:,} of the deals. All together they are open for {open_days[0]:.1f} million"
        f" days, and for {open_days[1]:.1f} million where each takes {rivals.LONGER} times as long. DuckDB {duckdb.__version__}."
    )


def render(measured: Measured) -> str:
    """The whole page."""
    rest = ""
    if measured.models:
        rows = sorted(measured.models.values(), key=lambda row: -(row.ratio.median if row.ratio else 0.0))
        rest += f"## Every core fact and mart alone\n{table.markdown(rows, 'model')}\n\n"
    for title, steps in (
        ("The dearest models of a night", measured.night),
        ("The dearest models of a full rebuild", measured.full),
    ):
        if steps:
            lines = "\n".join(f"| `{name}` | {cpu:.2f} |" for name, cpu in steps)
            rest += f"## {title}\n| model | CPU-s |\n|---|---|\n{lines}\n\n"
    if measured.ingest:
        rest += f"{measured.ingest}\n"
    return _PAGE.format(
        figures=" ".join(measured.companies.values()), goals=table.markdown([*measured.goals.values()]),
        memory=MEMORY_LIMIT.replace("GB", " GB"), longer=rivals.LONGER, delta=f"{DELTA:.1%}".replace("%", " %"), rest=rest,
    ).rstrip() + "\n"  # fmt: skip
