"""`python -m tests.bench`: the cost of the ledger, the marts and a night, as ratios measured side by side."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import bases, page, table
from tests.bench import rounds as r
from tests.bench.bases import Base
from tests.bench.book import Book
from tests.bench.ingest import section
from tests.bench.parts import Measured
from tests.bench.plan import Plan
from tests.bench.statements import Model, Recording, is_recorded, read, record

ROOT = Path(__file__).parents[2]
#: visits, daily, funnel and heavy are parts of the ledger; delta and history of the night: beside the full build, and with three times the history;
#: ingest is the road to staging
GROUPS = ("ledger", "visits", "daily", "funnel", "heavy", "night", "delta", "history", "publication", "ingest")
#: what the page was written from: a part that is measured anew, on whatever machine, leaves the other rows as they are
_KEPT = ROOT / "docs" / "performance.json"
#: says in the folder that the road to staging was measured
_INGESTED = "ingested"


def main(arguments: list[str]) -> int:
    """Measures and prints; with --write into docs/performance.md."""
    options = _options(arguments)
    wanted = options.only or ["ledger", "night", "publication", "ingest"]
    folder: Path = options.folder
    if not (options.reuse or options.resume):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    measured = Measured.of(_KEPT) if options.write else Measured()
    try:
        # After every round: what is cut short keeps the rounds it had.
        for _ in _measure(folder, wanted, options, measured):
            if options.write:
                measured.save(_KEPT)
                (ROOT / "docs" / "performance.md").write_text(page.render(measured))
    finally:
        if not (options.keep or options.reuse or options.resume):
            shutil.rmtree(folder, ignore_errors=True)
    print(page.render(measured))
    return 0


def _measure(folder: Path, wanted: list[str], options: argparse.Namespace, measured: Measured) -> Iterator[None]:
    held = bases.held(folder / "base") if options.reuse else None
    recording = read(folder) if held or (options.resume and is_recorded(folder)) else record(folder)
    plan = Plan.of(recording)
    if "ingest" in wanted and not (options.resume and (folder / _INGESTED).exists()):
        deals = min(options.deals, section.DEALS)
        measured.ingest = section.run(folder / "ingest", plan.models, deals, options.rounds, folder / "scratch", _say)
        (folder / _INGESTED).touch()
        yield
    if wanted == ["ingest"]:
        return
    if held is None:
        held = _base(folder / "base", recording, plan.models.values(), options)
    yield from _measure_on(held, recording, plan, wanted, options, measured)


def _measure_on(
    base: Base, recording: Recording, plan: Plan, wanted: list[str], options: argparse.Namespace, measured: Measured
) -> Iterator[None]:
    folder: Path = options.folder
    scratch = folder / "scratch"
    measured.companies[f"{base.deals:,}"] = page.sizes(base)
    for rows in (table.ledger_rows(plan, {}), table.night_rows({}), table.publication_rows({})):
        measured.add(rows, [], base.deals)
    if models := plan.models_of(wanted):
        for runs in r.ledger(base, plan, models, options.rounds, scratch, _say, _book("ledger", wanted, options)):
            measured.add(table.ledger_rows(plan, runs), table.each_model(plan, runs), base.deals)
            yield
    if "publication" in wanted:
        for runs in r.publications(base, options.rounds, scratch, _say, _book("publication", wanted, options)):
            measured.add(table.publication_rows(runs), [], base.deals)
            yield
    if {"night", "delta"} & {*wanted}:
        for runs in r.night(base, plan, options.rounds, scratch, _say, _book("night", wanted, options)):
            measured.add(table.night_rows(runs), [], base.deals)
            measured.night = table.steps(runs, (r.NIGHT_FIRST, r.NIGHT_SECOND), 25)
            measured.full = table.steps(runs, (r.FULL_FIRST, r.FULL_SECOND), 15)
            yield
    if {"night", "history"} & {*wanted}:
        if options.reuse:
            tripled = bases.held(folder / "tripled")
        else:
            tripled = _base(folder / "tripled", recording, plan.first_half, options, older=2 * base.deals)
        for runs in r.history(base, tripled, plan, options.rounds, scratch, _say, _book("history", wanted, options)):
            measured.add(table.night_rows(runs), [], base.deals)
            yield


def _base(
    folder: Path, recording: Recording, models: Iterable[Model], options: argparse.Namespace, older: int = 0
) -> Base:
    if options.resume and bases.is_finished(folder):
        return bases.held(folder)
    _say(f"Making a company of {options.deals:,} deals{f' with {older:,} before them' if older else ''}")
    return bases.prepare(folder, recording, models, options.deals, _say, older)


def _book(part: str, wanted: list[str], options: argparse.Namespace) -> Book:
    """The rounds of a part. Other rows wanted are another measurement, and so is the same one asked for anew."""
    file: Path = options.folder / f"rounds_{part}_{'_'.join(sorted(wanted))}.json"
    if not options.resume:
        file.unlink(missing_ok=True)
    return Book(file)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000, help="deals of the company, about eight events each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=_groups, help=f"these rows only, with commas between: {', '.join(GROUPS)}")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/performance.md; rows measured before, and not now, stay as they are",
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "bench", help="where the company is made; emptied first"
    )
    parser.add_argument("--keep", action="store_true", help="leave the company there afterwards")
    parser.add_argument(
        "--reuse", action="store_true", help="the company that --keep left there, and the SQL of that time"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where a measurement of the same rows was cut: its SQL, its companies and its rounds count; what is there stays",
    )
    return parser.parse_args(arguments)


def _groups(text: str) -> list[str]:
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such rows: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    return wanted


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
