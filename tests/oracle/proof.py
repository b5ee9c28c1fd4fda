"""The warehouse against the oracle: builds companies through the product's own command and counts differences.

A proof runs in batches; batch n is the company of seed `first seed + n`, loaded on two nights into a home of its own. Finished
batches are kept as JSON in the output folder and are not run again, so an interrupted proof goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from tests.oracle.compare import compare, compare_knowledge, read_facts, read_knowledge
from tests.oracle.histories import Company, found_company, histogram, live_on, write_folder
from tests.oracle.ledger import Ledger, Night, keep_knowledge, keep_ledger, parse_instant

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    """What one night of one company gave."""

    seed: int
    night: int
    deals: int
    transitions: int
    visits: int
    kinds: dict[str, int]
    differences: list[str] = field(default_factory=list)


class NightFailed(Exception):
    """The product refused a folder that keeps the contract, or broke before there were facts to compare."""


@dataclass(frozen=True)
class Outcome:
    """One night: when the extraction of the deals began, the file with the facts, and why it was not published, if so."""

    extracted_at: datetime
    marts: Path
    failure: str | None


def run_night(home: Path, folder: Path) -> Outcome:
    """`watertight nightly --source files`.

    A build that its own data tests keep from publication is compared all the same: what is wrong shows there. Raises
    NightFailed with the command's own words when there is no build.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATERTIGHT_")}
    environment |= {"WATERTIGHT_HOME": str(home), "WATERTIGHT_FILES_DIR": str(folder), "WATERTIGHT_CURRENCY": "EUR"}
    environment["PYTHONPATH"] = str(REPOSITORY)  # this tree's code, whether or not it is installed
    # an empty working directory: no .env file of the developer takes part
    work = home.parent / f"{home.name}-cwd"
    work.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "watertight.command", "nightly", "--source", "files"],
        env=environment,
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return Outcome(_extracted_at(home), home / "published" / "marts.duckdb", None)
    built = home / "build" / "marts.duckdb"
    words = f"watertight nightly ended with exit code {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    if not built.exists():
        raise NightFailed(words)
    return Outcome(_extracted_at(home), built, words)


def _extracted_at(home: Path) -> datetime:
    """The newest deals manifest's instant."""
    manifests = sorted(home.glob("landing/files/*/deals/*/manifest.json"), key=lambda path: path.parent.name)
    return parse_instant(json.loads(manifests[-1].read_text(encoding="utf-8"))["extracted_at"])


def differences(marts: Path, nights: Sequence[Night], expected: Ledger) -> list[str]:
    """What the marts file says otherwise than the oracle."""
    with duckdb.connect(str(marts), read_only=True) as con:
        found, knowledge = read_facts(con), read_knowledge(con)
    instants = [night.extracted_at for night in nights]
    return compare(expected, found) + compare_knowledge(keep_knowledge(nights), knowledge, instants)


def prove_company(seed: int, deals: int, work: Path) -> list[Result]:
    """Two nights of one company through the product, each compared with the oracle."""
    company = found_company(seed, deals)
    nights: list[Night] = []
    results = []
    for number, state in enumerate((company, live_on(company, seed)), start=1):
        results.append(_prove_night(seed, number, state, nights, work))
    return results


def _prove_night(seed: int, number: int, company: Company, nights: list[Night], work: Path) -> Result:
    folder = work / f"folder-{number}"
    write_folder(company.tables, folder)
    outcome = run_night(work / "home", folder)
    nights.append(Night(outcome.extracted_at, company.tables))
    expected = keep_ledger(nights)
    try:
        found = differences(outcome.marts, nights, expected)
    except duckdb.CatalogException as missing:  # the build ended before the facts
        raise NightFailed(outcome.failure or str(missing)) from missing
    return Result(
        seed,
        number,
        len(expected.deals),
        len(expected.transitions),
        len(expected.visits),
        dict(histogram(company)),
        found + ([outcome.failure] if outcome.failure else []),
    )


def table(results: Sequence[Result]) -> str:
    """The proof's table: one line per night, a total, the kinds covered."""
    lines = ["| seed | night | deals | transitions | visits | differences |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.seed} | {r.night} | {r.deals} | {r.transitions} | {r.visits} | {len(r.differences)} |" for r in results
    ]
    totals = [sum(getattr(r, name) for r in results) for name in ("deals", "transitions", "visits")]
    totals.append(sum(len(r.differences) for r in results))
    lines.append("| all | | " + " | ".join(str(total) for total in totals) + " |")
    kinds: Counter[str] = Counter()
    for r in results:
        kinds.update(r.kinds)
    lines += ["", "| kind of history | deals |", "|---|---|"]
    lines += [f"| {kind} | {count} |" for kind, count in sorted(kinds.items())]
    return "\n".join(lines)
