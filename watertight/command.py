"""The command `watertight`.

Exit codes: 0 done · 1 failed, the old publication stays · 2 wrong usage, settings, token or source name · 3 another run writes.
A person meets sentences here, never a traceback: that is in the log file, whose path the last sentence gives.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from extractors.core.connections import Connections
from extractors.core.errors import WatertightError
from extractors.core.settings import Settings
from extractors.sources import SOURCES
from warehouse import as_of, audit, query
from warehouse.dictionary import write_dictionary
from warehouse.home import open_home
from warehouse.verify import compare_with_rebuild, reload
from watertight import alerts, erasure, forecast, night, pages, readmission, report, status
from watertight.session import Session, complain, leased, planned, session, step
from watertight.upgrade import upgrade

log = logging.getLogger(__name__)

#: rows of a table for people; a longer one is for a file
MOST_ROWS = 1_000


json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
source_option = click.option(
    "--source", "sources", multiple=True, metavar="NAME", help="Only this source; may be given several times."
)
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="watertight")
def main() -> None:
    """The sales-funnel warehouse in which no deal and no euro leaks unaccounted."""


main.add_command(upgrade)
main.add_command(erasure.command)
main.add_command(readmission.command)


@main.command()
@source_option
@json_option
def nightly(sources: Sequence[str], as_json: bool) -> None:
    """Run the whole night: extract, load, build, verify, publish (the DAG's steps, without Airflow)."""
    with session("nightly", as_json=as_json) as current:
        with planned(current, sources) as plan:
            current.night_id = plan["run_id"]
            extracted = extract_all(current, plan)
            loaded = load_all(current, plan["run_id"])
            built, verified, published = finish(current, plan["run_id"])
        value = {
            "run_id": plan["run_id"],
            "extracted": extracted,
            "loaded": loaded,
            "built": built,
            "verified": verified,
            "published": published,
        }
        current.answer(value, lambda: report.show(current.settings, current.out, loaded, built))


@main.command()
@source_option
@click.option("--plan", "is_dry", is_flag=True, help="Only say which calls that would take; read and land nothing.")
@json_option
def extract(sources: Sequence[str], is_dry: bool, as_json: bool) -> None:
    """Land what changed in the sources since the last load; load nothing."""
    with session("extract", as_json=as_json) as current, planned(current, sources) as plan:
        if is_dry:
            expected = step(current, "forecast", "Forecast", lambda: forecast.forecast(current.settings, plan["tasks"]))
            current.answer(expected, lambda: forecast.show(current.out, expected))
            return
        extracted = extract_all(current, plan)
        current.answer({"run_id": plan["run_id"], "extracted": extracted}, lambda: None)


@main.command()
@json_option
def load(as_json: bool) -> None:
    """Load every landing that is not loaded yet into the raw tables."""
    with session("load", as_json=as_json) as current, leased(current, mends=True) as lease:
        current.answer(load_all(current, lease.run_id), lambda: None)


@main.command()
@json_option
def build(as_json: bool) -> None:
    """Build facts and marts from the raw tables and run the data tests; publish nothing."""
    with session("build", as_json=as_json) as current, leased(current, mends=True) as lease:
        built = build_all(current, lease.run_id)
        current.answer(built, lambda: report.show_tests(current.out, built))


@main.command()
@click.option(
    "--to", "target", type=click.Choice(["postgres"]), help="Copy what is published there instead; build nothing."
)
@json_option
def publish(target: str | None, as_json: bool) -> None:
    """Build what is loaded, verify it and publish it; or copy the published marts to another database."""
    if target == "postgres":
        with session("publish", as_json=as_json, keep_journal=False) as current:
            from warehouse.postgres import copy_marts

            copied = step(
                current, "copy", "Copy to PostgreSQL", lambda: copy_marts(current.settings, current.progress.say)
            )
            current.answer(copied, lambda: None)
        return
    with session("publish", as_json=as_json) as current, leased(current, mends=True) as lease:
        built, _, published = finish(current, lease.run_id)
        current.answer(
            {"built": built, "published": published}, lambda: report.show_publication(current.settings, current.out)
        )


@main.command()
@json_option
def rebuild(as_json: bool) -> None:
    """Make the warehouse anew from the landing files, build, verify and publish it."""
    with session("rebuild", as_json=as_json) as current, leased(current) as lease:
        with current.progress.step("Load every landing") as result:
            loaded = reload(current.settings, lease, night.raw_tables(), current.progress.say)
            result.text = f"{len(loaded)} landings, {sum(one.rows_landed for one in loaded):,} rows"
        built, _, published = finish(current, lease.run_id)
        current.answer({"loaded": len(loaded), "published": published}, lambda: report.show_tests(current.out, built))


@main.command()
@json_option
def verify(as_json: bool) -> None:
    """Prove that the warehouse equals a rebuild from the landing files, and that the published file can be read."""
    with session("verify", as_json=as_json) as current, leased(current):
        with current.progress.step("Read the published files") as result:
            rows = report.scan_published(current.settings)
            result.text = f"{len(rows)} tables, {sum(rows.values()):,} rows"
        with current.progress.step("Check the audit log") as result:
            result.text = f"{audit.check(current.settings)} lines, each followed by its hash"
        with current.progress.step("Rebuild and compare") as result:
            differences = compare_with_rebuild(current.settings, night.raw_tables(), current.progress.say)
            result.text = f"{len(differences)} tables differ" if differences else "every row equal"
        current.answer(
            [one.as_dict() for one in differences], lambda: report.show_differences(current.out, differences)
        )
        if differences and as_json:
            raise SystemExit(1)  # the answer is the list: a second document behind it could not be parsed
        if differences:
            raise WatertightError(
                f"{len(differences)} tables differ from their rebuild.",
                "watertight rebuild puts the rebuilt ones in their place.",
            )


@main.command("status")
@click.option("--resources", "with_resources", is_flag=True, help="List every resource too.")
@click.option("--alert", "with_alert", is_flag=True, help="Send an alert for every source whose data are late.")
@json_option
def show_status(with_resources: bool, with_alert: bool, as_json: bool) -> None:
    """Who writes, what is published, and of each source: calls used and left, rows, lag, what the last night found."""
    with session("status", as_json=as_json, keep_journal=False) as current:
        found = status.read(current.settings)
        if with_alert:
            open_home(current.settings.home)
            for late in alerts.late_sources(found, current.settings.late_hours, current.settings.zone):
                alerts.send(current.settings, late)
        current.answer(found, lambda: status.show(current.out, found, with_resources))


@main.command("sources")
@json_option
def list_sources(as_json: bool) -> None:
    """Which sources there are, which are set up, and what each does not load."""
    with session("sources", as_json=as_json, keep_journal=False) as current:
        found = [
            {
                "name": source.name,
                "title": source.title,
                "is_set_up": source.is_configured(current.settings),
                "resources": [resource.name for resource in source.resources],
                "not_loaded": source.not_loaded,
                "how_to_set_up": source.how_to_set_up,
            }
            for source in SOURCES.values()
        ]
        current.answer(found, lambda: show_sources(current.out, found))


@main.command()
@click.argument("statement", required=False)
@format_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def sql(statement: str | None, form: str, as_json: bool) -> None:
    """Answer one reading SQL STATEMENT from the published marts.

    Without STATEMENT it is read from the standard input; on a terminal a prompt asks for one after the other.
    """
    form = "json" if as_json else form
    with session("sql", as_json=as_json, keep_journal=False) as current:
        if statement is None and sys.stdin.isatty():
            from watertight import prompt  # a second to import, for those who want it

            def complain_and_go_on(error: WatertightError) -> None:
                complain(Console(stderr=True), error.wrong, error.mend, as_json=as_json, code=error.exit_code)

            def answer(asked: str) -> None:
                answer_query(current, current.settings, asked, form)

            prompt.converse(current.settings, answer, complain_and_go_on, click.echo)
        else:
            answer_query(current, current.settings, sys.stdin.read() if statement is None else statement, form)


@main.command()
@json_option
def dictionary(as_json: bool) -> None:
    """Write the data dictionary: every table, column and line of descent, in one HTML file."""
    with session("dictionary", as_json=as_json) as current:
        with current.progress.step("Read the project") as result:
            path = write_dictionary(current.settings)
            result.text = f"{path.stat().st_size / 1e6:.1f} MB"
        current.answer({"file": str(path)}, lambda: current.out.print(str(path), soft_wrap=True, highlight=False))


@main.command("as-of")
@click.argument("day")
@click.argument("mart")
@click.option("--known", metavar="DAY", help="What was known at the end of this day; left out: the latest knowledge.")
@click.option("--where", metavar="CONDITION", help="Only the rows that meet this SQL condition.")
@format_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def show_as_of(day: str, mart: str, known: str | None, where: str | None, form: str, as_json: bool) -> None:
    """Recompute a mart as it was at the end of DAY (YYYY-MM-DD), in a copy; nothing published changes."""
    with session("as-of", as_json=as_json, answer_only=True) as current:
        table = as_of.find_table(mart)
        days = as_of.read_day(day, "DAY"), as_of.read_day(known, "--known") if known is not None else None
        statement = f'select * from "{table}" {f"where ({where})" if where is not None else ""} order by all'  # noqa: S608 - its user's own condition, asked of a connection that can only read
        query.require_answerable(current.settings, table, statement)
        with ExitStack() as recomputed:
            with current.progress.step(f"Recompute {table}") as result:
                then = recomputed.enter_context(as_of.recompute(current.settings, [table], *days, current.progress.say))
                result.text = f"as of {then.day}, known on {then.known}"
            current.progress.say(
                f"{then.runs_known} of {then.runs} runs known, data through {then.data_through:%Y-%m-%d %H:%M} UTC"
            )
            answer_query(current, then.settings, statement, "json" if as_json else form)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate(arguments: Sequence[str]) -> None:
    """Start the simulated CRMs (their options: watertight simulate --help)."""
    with session("simulate", keep_journal=False) as current:
        given = {argument.partition("=")[0] for argument in arguments}
        defaults = {"--home": str(current.settings.home / "simulation"), "--token": "simulated-token"}
        added = [part for name, value in defaults.items() if name not in given for part in (name, value)]
        # A process of its own: the simulated company is no part of the warehouse and nothing here imports it.
        raise SystemExit(
            subprocess.run([sys.executable, "-m", "simulator", *arguments, *added], check=False).returncode  # noqa: S603 - this Python, a module of this project and its own arguments
        )


main.add_command(pages.serve)


def extract_all(current: Session, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Every task of a plan, one after the other: a CRM counts requests, not connections."""
    connections = Connections()
    return [extract_one(current, task, connections) for task in plan["tasks"]]


def extract_one(current: Session, task: dict[str, Any], connections: Connections) -> dict[str, Any]:
    """The extract step of one resource."""
    label = f"Extract {task['source']} {task['resource']}"
    return step(current, "extract", label, lambda: night.extract(current.settings, task, connections))


def finish(current: Session, run_id: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Builds, verifies and publishes what is loaded; returns what each step does."""
    built = build_all(current, run_id)
    verified = step(current, "verify", "Verify", lambda: night.verify(current.settings, run_id))
    published = step(current, "publish", "Publish", lambda: night.publish(current.settings, run_id))
    return built, verified, published


def load_all(current: Session, run_id: str) -> list[dict[str, Any]]:
    """The load step."""
    return step(current, "load", "Load", lambda: night.load(current.settings, run_id, current.progress.say))


def build_all(current: Session, run_id: str) -> dict[str, Any]:
    """The build step."""
    return step(current, "build", "Build", lambda: night.build(current.settings, run_id, current.progress.say))


def show_sources(console: Console, sources: Sequence[dict[str, Any]]) -> None:
    """One block per source."""
    for source in sources:
        mark = "[green]set up[/]" if source["is_set_up"] else "[dim]not set up[/]"
        console.print(f"[bold]{source['name']}[/] ({source['title']}): {mark}")
        console.print("  loads      ", Text(", ".join(source["resources"])))
        console.print("  leaves out ", Text(source["not_loaded"]))
        if not source["is_set_up"]:
            console.print("  to set up  ", Text(source["how_to_set_up"]))


def answer_query(current: Session, settings: Settings, statement: str, form: str) -> None:
    """One reading statement on the published file of `settings`, in one of the three formats."""
    if form == "csv":
        query.write_csv(settings, statement, sys.stdout.write)
    elif form == "json":
        query.write_json(settings, statement, sys.stdout.write)
    else:
        show_rows(current.out, query.ask(settings, statement, MOST_ROWS))


def show_rows(console: Console, answer: query.Answer) -> None:
    """A table where it fits and into files and pipes; on a terminal too narrow for it, each row as a list of its values."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(answer.columns):
        is_number = any(query.is_number(row[number]) for row in answer.rows)
        table.add_column(Text(query.as_text(column)), justify="right" if is_number else "left", no_wrap=True)
    for row in answer.rows:
        table.add_row(*(Text(query.as_text(value)) for value in row))
    width = Console(width=100_000).measure(table).maximum
    if not console.is_terminal:
        Console(width=max(80, width), file=console.file).print(table)
    elif width <= console.width:
        console.print(table)
    else:
        name_width = max(len(column) for column in answer.columns)
        for row in answer.rows:
            console.rule(style="dim")
            for column, value in zip(answer.columns, row, strict=True):
                console.print(Text(f"{column:<{name_width}}  ", "dim") + Text(query.as_text(value)), soft_wrap=True)
    more = ", and more: --format csv writes all of them" if answer.has_more else ""
    console.print(Text(f"{len(answer.rows):,} rows{more}", "dim"))


if __name__ == "__main__":
    main()
