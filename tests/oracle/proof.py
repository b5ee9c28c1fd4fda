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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb

from tests.oracle.compare import (
    compare,
    compare_knowledge,
    compare_states,
    read_facts,
    read_knowledge,
    read_movements,
    read_versions,
)
from tests.oracle.histories import KINDS, LATER_KINDS, Company, found_company, histogram, live_on, write_folder
from tests.oracle.ledger import Ledger, Night, keep_knowledge, keep_ledger, parse_instant
from tests.oracle.movements import BUCKETS, Movement, RateBook, Version, keep_movements, keep_versions

TRANSITION_KINDS = frozenset({
    "created", "deleted", "merged", "restored", "won", "lost", "reopened", "moved_pipeline", "advanced", "skipped_ahead",
    "moved_back",
})  # fmt: skip
REPORTING_CURRENCY = "EUR"
CONSTANT_DAY = date(2024, 3, 15)
REPOSITORY = Path(__file__).resolve().parents[2]


TABLES = ("changes", "transitions", "visits", "versions", "movements")
#: what the ledger has to show in the end, beside the kinds of histories
SHOWN = frozenset(
    {f"transition {kind}" for kind in TRANSITION_KINDS}
    | {f"movement {bucket}" for bucket in BUCKETS}
    | {f"movement without amount: {reason}" for reason in ("no_amount", "no_currency", "no_exchange_rate")}
    | {f"version {status}" for status in ("open", "won", "lost", "deleted", "merged")}
)


@dataclass(frozen=True)
class Account:
    """All the oracle says after a night."""

    ledger: Ledger
    versions: list[Version]
    movements: list[Movement]

    def shown(self) -> Counter[str]:
        """How many rows there are of each kind of transition, movement and version."""
        seen = Counter(f"transition {row.transition_kind}" for row in self.ledger.transitions)
        seen.update(f"movement {row.bucket}" for row in self.movements)
        seen.update(
            f"movement without amount: {row.amount_missing_reason}"
            for row in self.movements
            if row.amount_missing_reason
        )
        seen.update(f"version {row.deal_status}" for row in self.versions)
        return seen


def keep_account(nights: Sequence[Night]) -> Account:
    """The oracle's answer after the last of `nights`."""
    ledger = keep_ledger(nights)
    rates = RateBook(nights[-1], REPORTING_CURRENCY, CONSTANT_DAY)
    return Account(ledger, keep_versions(ledger, nights), keep_movements(ledger, nights, rates))


@dataclass
class Result:
    """What one night of one company gave: histories, rows compared per table, deals per kind, rows per kind of row."""

    seed: int
    night: int
    deals: int
    changes: int
    transitions: int
    visits: int
    versions: int
    movements: int
    kinds: dict[str, int]
    shown: dict[str, int]
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
    environment |= {"WATERTIGHT_HOME": str(home), "WATERTIGHT_FILES_DIR": str(folder)}
    environment |= {
        "WATERTIGHT_CURRENCY": REPORTING_CURRENCY,
        "WATERTIGHT_CONSTANT_RATE_DATE": CONSTANT_DAY.isoformat(),
    }
    environment["PYTHONPATH"] = str(REPOSITORY)  # this tree's code, whether or not it is installed
    # an empty working directory: no .env file of the developer takes part
    work = home.parent / f"{home.name}-cwd"
    work.mkdir(parents=True, exist_ok=True)
    built = home / "build" / "marts.duckdb"
    before = built.stat().st_mtime_ns if built.exists() else None
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
    words = f"watertight nightly ended with exit code {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    # a night that ended before its build leaves that of the night before
    if not built.exists() or built.stat().st_mtime_ns == before:
        raise NightFailed(words)
    return Outcome(_extracted_at(home), built, words)


def _extracted_at(home: Path) -> datetime:
    """The newest deals manifest's instant."""
    manifests = sorted(home.glob("landing/files/*/deals/*/manifest.json"), key=lambda path: path.parent.name)
    return parse_instant(json.loads(manifests[-1].read_text(encoding="utf-8"))["extracted_at"])


def differences(marts: Path, nights: Sequence[Night], expected: Account) -> list[str]:
    """What the marts file says otherwise than the oracle."""
    with duckdb.connect(str(marts), read_only=True) as con:
        found, knowledge = read_facts(con), read_knowledge(con)
        versions, movements = read_versions(con), read_movements(con)
    instants = [night.extracted_at for night in nights]
    return [
        *compare(expected.ledger, found),
        *compare_states(expected.versions, expected.movements, versions, movements),
        *compare_knowledge(keep_knowledge(nights), knowledge, instants),
    ]


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
    expected = keep_account(nights)
    ledger = expected.ledger
    try:
        found = differences(outcome.marts, nights, expected)
    except duckdb.CatalogException as missing:  # the build ended before the facts
        raise NightFailed(outcome.failure or str(missing)) from missing
    return Result(
        seed,
        number,
        len(ledger.deals),
        len(ledger.changes),
        len(ledger.transitions),
        len(ledger.visits),
        len(expected.versions),
        len(expected.movements),
        dict(histogram(company)),
        dict(expected.shown()),
        found + ([outcome.failure] if outcome.failure else []),
    )


def table(results: Sequence[Result]) -> str:
    """The proof's tables: one line per night, the totals, how often each kind of history and of row was there."""
    counted = ("deals", *TABLES)
    lines = [
        "| company (seed) | night | histories | " + " | ".join(TABLES) + " | differences |",
        "|---|---|" + "---|" * (len(counted) + 1),
    ]
    for r in results:
        cells = (r.seed, r.night, *(getattr(r, name) for name in counted), len(r.differences))
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    nights = len(results)
    # a deal lives through both nights of its company: histories are counted on the last one
    last = {r.seed: r.deals for r in results}
    totals = (
        f"{len(last)} companies",
        f"{nights} nights",
        sum(last.values()),
        *(sum(getattr(r, name) for r in results) for name in TABLES),
        sum(len(r.differences) for r in results),
    )
    lines.append("| " + " | ".join(f"**{total}**" for total in totals) + " |")
    for title, rows, described in (
        ("kind of history", _added(r.kinds for r in results), KINDS | LATER_KINDS),
        ("kind of row", _added(r.shown for r in results), {}),
    ):
        header = ["| kind of history | what it is | histories |", "|---|---|---|"]
        lines += ["", *(header if described else [f"| {title} | rows compared |", "|---|---|"])]
        for kind, count in sorted(rows.items()):
            lines.append(f"| {kind} | {described[kind]} | {count} |" if described else f"| {kind} | {count} |")
    return "\n".join(lines)


def _added(counts: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def page(told: str, options: str) -> str:
    """The proof as a page of docs/proofs."""
    return f"""# The ledger against an independent one

`make oracle` (`python -m tests.oracle {options} --write`) draws companies at random, runs `watertight nightly` on their files for two nights
and compares every row with a ledger kept in plain Python: no SQL, no code of the product, written from the public definitions alone
(`tests/oracle/ledger.py`, `tests/oracle/movements.py`; their first lines list how they read what the definitions leave open). Compared are
`fct_deal_changes` with its two time axes, `fct_deal_stage_transitions`, `fct_deal_stage_visits`, `fct_deal_versions`, `fct_pipeline_movements`
in its three currency bases and the derived columns of `dim_deals`. The second night brings late, corrected, retracted and vanished events, deletions,
merges and restorations. A night whose own data tests keep it from publication counts as a difference; a kind that no history shows
fails the run.

{told}
"""
