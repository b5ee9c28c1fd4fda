"""What a night ends with: the funnel, what was loaded, which tests ran, where the file is, what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.core.settings import Settings
from warehouse import manifest
from warehouse.publish import KINDS, published_run, scan
from warehouse.query import ask
from warehouse.verify import Difference

#: columns of the longest bar, and of everything beside it
_BAR, _FIGURES_WIDTH = 24, 80

_FUNNEL = """
    select step_name, reached_count, step_rate, cohort_rate, reached_amount, currency_code, lost_here_count, open_here_count,
        incomplete_history_count
    from mart_sales__funnel
    where period_grain = 'all' and dimension = 'all' and amount_basis = 'booked' and is_measured
    order by step_number nulls last
"""


def show(settings: Settings, console: Console, loaded: Sequence[dict[str, Any]], built: dict[str, Any]) -> None:
    """The whole report."""
    console.print()
    show_funnel(settings, console)
    show_loaded(console, loaded)
    show_tests(console, built)
    show_publication(settings, console)


def show_funnel(settings: Settings, console: Console) -> None:
    """Steps, counts, conversion and amounts of all deals, from the published marts; nothing when no funnel is published."""
    if not ask(settings, "from duckdb_tables() where table_name = 'mart_sales__funnel'").rows:
        return
    steps = ask(settings, _FUNNEL).rows
    currency = next((row[5] for row in steps if row[5]), "")
    table = _table("The funnel", "step", "", "deals", "of last", "of all", currency, "lost", "open")
    widest = max((count for _, count, *_ in steps if count), default=1)
    bar_width = min(_BAR, max(0, console.width - _FIGURES_WIDTH))
    for name, count, step_rate, cohort_rate, amount, _, lost, still_open, _ in steps:
        bar = "█" * round(bar_width * count / widest) if count else ""
        table.add_row(
            name,
            Text(bar, "cyan"),
            _count(count),
            _share(step_rate),
            _share(cohort_rate),
            f"{amount:,.0f}" if amount is not None else "",
            _count(lost),
            _count(still_open),
        )
    console.print(table)
    # Every row counts the same deals: those of the whole cohort whose early stages nobody knows.
    if left_out := next((row[8] for row in steps), 0):
        words = "1 deal is left out: its" if left_out == 1 else f"{left_out:,} deals are left out: their"
        console.print(Text(f"{words} history is incomplete", "dim"))
    console.print()


def show_loaded(console: Console, loaded: Sequence[dict[str, Any]]) -> None:
    """One line per landing that brought something, and the sum."""
    figures = ("pages", "rows_landed", "rows_new", "rows_held", "rows_vanished")
    busy = [one for one in loaded if one["rows_landed"] or one["rows_vanished"]]
    table = _table("Loaded", "resource", *(figure.removeprefix("rows_") for figure in figures))
    for one in busy:
        table.add_row(f"{one['source']} {one['resource']}", *(_count(one[figure]) for figure in figures))
    table.add_row("all", *(_count(sum(one[figure] for one in loaded)) for figure in figures), style="bold")
    console.print(table)
    if len(busy) < len(loaded):
        console.print(Text(f"nothing in {len(loaded) - len(busy)} other resources", "dim"))
    console.print()


def summarise(step: str, value: Any) -> str:
    """What came of one of the night's steps, in a few words."""
    match step:
        case "plan":
            mended = ", the warehouse was made anew" if value.get("mended") else ""
            return f"run {value['run_id']}, {len(value['tasks'])} resources{mended}"
        case "forecast":
            return f"{sum(one['requests'] for one in value):,} calls"
        case "extract":
            return f"{value['rows']:,} rows, {value['pages']} pages" if value["is_due"] else "not due yet"
        case "load":
            return f"{sum(one['rows_new'] for one in value):,} new of {sum(one['rows_landed'] for one in value):,} rows landed"
        case "build":
            tests = [node for node in value["nodes"] if node["kind"] == "test"]
            models = sum(node["kind"] == "model" for node in value["nodes"])
            warned = sum(node["status"] == "warn" for node in tests)
            return f"{models} models, {len(tests)} tests" + (f", {warned} warned" if warned else "")
        case "verify" | "publish" | "copy":
            return f"{value['tables']} tables, {value['rows']:,} rows"
        case "erase":
            return f"{value['lines_rewritten']:,} lines in {value['landings_rewritten']} landings"
        case _:
            raise ValueError(f"the night has no step {step!r}")


def show_tests(console: Console, built: dict[str, Any]) -> None:
    """How the data tests ended, each finding in its own words."""
    tests = [node for node in built["nodes"] if node["kind"] == "test"]
    warned = sum(node["status"] == "warn" for node in tests)
    failed = sum(node["status"] in ("fail", "error") for node in tests)
    passed = sum(node["status"] == "pass" for node in tests)
    console.print(f"[bold]Data tests[/]  {passed} passed, {warned} warned, {failed} failed")
    for finding in built["findings"]:
        console.print(Text(f"  {finding}", "yellow"), soft_wrap=True)


def show_publication(settings: Settings, console: Console) -> None:
    """Where the file is and what to type next."""
    console.print(f"[bold]Published[/]   run {published_run(settings)}")
    console.print(Text(f"  {settings.published_dir / 'marts.duckdb'}"), soft_wrap=True)
    console.print("[bold]Next[/]")
    command = "watertight" if console.is_terminal else ".venv/bin/watertight"
    console.print(Text(f'  {command} sql "select * from mart_sales__pipeline_board"'), soft_wrap=True)  # noqa: S608 - names are ours and checked, values are bound
    if settings.simulated_time or settings.is_demonstration:
        console.print(Text("  make nightly          the next day of the simulated company"))
    console.print(Text(f"  {command} status    how things stand"))
    console.print("[bold]Dashboard[/]   open it in a browser")
    console.print(Text(f"  {(settings.published_dir / 'dashboard.html').absolute()}"), soft_wrap=True)


def scan_published(settings: Settings) -> dict[str, int]:
    """Row counts of both published files, read to the last value. IntegrityError when a kept publication is not what was published."""
    manifest.check(settings)
    counts: dict[str, int] = {}
    for kind in KINDS:
        path = settings.published_dir / f"{kind}.duckdb"
        if path.exists():
            counts |= {f"{kind}.{table}": rows for table, rows in scan(path).items()}
    return counts


def show_differences(console: Console, differences: Sequence[Difference]) -> None:
    """The tables that differ, with examples."""
    for one in differences:
        console.print(
            Text(
                f"{one.table}: {one.rows_only_incremental} rows only here, {one.rows_only_rebuilt} only in the rebuild",
                "bold",
            )
        )
        for example in one.examples:
            console.print(Text(f"  {example}"), soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    """Without lines; the first column is text, the rest are figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 or not column else "right", no_wrap=True)
    return table


def _count(value: int | None) -> str:
    return f"{value:,}" if value else "·"


def _share(value: float | None) -> str:
    return f"{value:.0%}" if value is not None else "·"
