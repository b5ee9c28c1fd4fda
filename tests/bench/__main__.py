"""`python -m tests.bench`: the cost of the ledger, the marts and a night, as ratios measured side by side."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.bench import bases, page, table
from tests.bench import rounds as r
from tests.bench.ingest import section
from tests.bench.plan import Plan
from tests.bench.rounds import Runs
from tests.bench.statements import record

ROOT = Path(__file__).parents[2]
#: visits, daily and heavy are parts of the ledger; delta is the night without the history three times as long; ingest is the road to staging
GROUPS = ("ledger", "visits", "daily", "heavy", "night", "delta", "ingest")


def main(arguments: list[str]) -> int:
    """Measures and prints; with --write into docs/performance.md."""
    options = _options(arguments)
    wanted = options.only or ["ledger", "night", "ingest"]
    folder: Path = options.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        ledger, ingest = _measure(folder, wanted, options)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(part for part in (ledger, ingest) if part))
    if options.write:
        path = ROOT / "docs" / "performance.md"
        path.write_text(section.put(path.read_text() if path.exists() else "", ledger, ingest))
    return 0


def _measure(folder: Path, wanted: list[str], options: argparse.Namespace) -> tuple[str | None, str | None]:
    """The page's two parts, None for one that was not asked for."""
    recording = record(folder)
    plan = Plan.of(recording)
    ingest = None
    if "ingest" in wanted:
        deals = min(options.deals, section.DEALS)
        ingest = section.run(folder / "ingest", plan.models, deals, options.rounds, folder / "scratch", _say)
        if wanted == ["ingest"]:
            return None, ingest
    _say(f"{len(plan.models)} models; making a company of {options.deals} deals")
    base = bases.prepare(folder / "base", recording, plan.models.values(), options.deals)
    models = plan.models_of(wanted)
    ledger: Runs = r.ledger(base, plan, models, options.rounds, folder / "scratch", _say) if models else {}
    night: Runs = {}
    if {"night", "delta"} & {*wanted}:
        tripled = None
        if "night" in wanted:
            _say("Making the same company with three times the history")
            tripled = bases.prepare(folder / "tripled", recording, plan.first_half, options.deals, 2 * options.deals)
        night = r.night(base, tripled, plan, options.rounds, folder / "scratch", _say)
    sections = page.Sections(
        figures=page.sizes(base, options.rounds),
        goals=table.markdown([*table.ledger_rows(plan, ledger), *table.night_rows(night)]),
        models=table.markdown(table.each_model(plan, ledger), "model") if ledger else "",
        night=table.steps(night, (r.NIGHT_FIRST, r.NIGHT_SECOND), 25) if night else [],
        full=table.steps(night, (r.FULL_FIRST, r.FULL_SECOND), 15) if night else [],
    )
    return page.render(sections), ingest


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--deals", type=int, default=1_000_000, help="deals of the company, about eight events each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=_groups, help=f"these rows only, with commas between: {', '.join(GROUPS)}")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "bench", help="where the company is made; emptied first"
    )
    parser.add_argument("--keep", action="store_true", help="leave the company there afterwards")
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
