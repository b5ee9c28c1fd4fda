"""`python -m tests.bench`: the cost of the ledger, the marts and a night, as ratios measured side by side."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench import bases, page, table
from tests.bench import rounds as r
from tests.bench.ingest import section
from tests.bench.parts import Measured
from tests.bench.plan import Plan
from tests.bench.statements import read, record

ROOT = Path(__file__).parents[2]
#: visits, daily and heavy are parts of the ledger; delta is the night without the history three times as long; ingest is the road to staging
GROUPS = ("ledger", "visits", "daily", "heavy", "night", "delta", "ingest")


def main(arguments: list[str]) -> int:
    """Measures and prints; with --write into docs/performance.md."""
    options = _options(arguments)
    wanted = options.only or ["ledger", "night", "ingest"]
    folder: Path = options.folder
    if not options.reuse:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    kept = folder.with_suffix(".json")
    measured = Measured.of(kept) if options.write else Measured()
    try:
        # After every round: what is cut short keeps the rounds it had.
        for _ in _measure(folder, wanted, options, measured):
            if options.write:
                measured.save(kept)
                (ROOT / "docs" / "performance.md").write_text(page.render(measured))
    finally:
        if not (options.keep or options.reuse):
            shutil.rmtree(folder, ignore_errors=True)
    print(page.render(measured))
    return 0


def _measure(folder: Path, wanted: list[str], options: argparse.Namespace, measured: Measured) -> Iterator[None]:
    held = bases.held(folder / "base") if options.reuse else None
    recording = read(folder) if held else record(folder)
    plan = Plan.of(recording)
    if "ingest" in wanted:
        deals = min(options.deals, section.DEALS)
        measured.ingest = section.run(folder / "ingest", plan.models, deals, options.rounds, folder / "scratch", _say)
        yield
    if wanted == ["ingest"]:
        return
    if held:
        base = held
    else:
        _say(f"{len(plan.models)} models; making a company of {options.deals} deals")
        base = bases.prepare(folder / "base", recording, plan.models.values(), options.deals)
    measured.companies[f"{base.deals:,}"] = page.sizes(base)
    measured.add(table.ledger_rows(plan, {}), [], base.deals)
    measured.add(table.night_rows({}), [], base.deals)
    if models := plan.models_of(wanted):
        for runs in r.ledger(base, plan, models, options.rounds, folder / "scratch", _say):
            measured.add(table.ledger_rows(plan, runs), table.each_model(plan, runs), base.deals)
            yield
    if {"night", "delta"} & {*wanted}:
        tripled = None
        if "night" in wanted and options.reuse:
            tripled = bases.held(folder / "tripled")
        elif "night" in wanted:
            _say("Making the same company with three times the history")
            tripled = bases.prepare(folder / "tripled", recording, plan.first_half, options.deals, 2 * options.deals)
        for runs in r.night(base, tripled, plan, options.rounds, folder / "scratch", _say):
            measured.add(table.night_rows(runs), [], base.deals)
            measured.night = table.steps(runs, (r.NIGHT_FIRST, r.NIGHT_SECOND), 25)
            measured.full = table.steps(runs, (r.FULL_FIRST, r.FULL_SECOND), 15)
            yield


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
