"""The section of docs/performance.md on the road from the CRM to typed tables: what is run, round by round, and what comes of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.bench import measure, table
from tests.bench.ingest.recording import Recording, record
from tests.bench.ingest.server import MOST_COPIES
from tests.bench.measure import ROOT
from tests.bench.rounds import Runs
from tests.bench.statements import Model

HEADING = "## From the CRM to typed tables"
STAGED = ("stg_hubspot__deals", "stg_hubspot__deal_property_history", "stg_hubspot__deal_stage_dates")
OWN, BARE, DLT, TUNED, LARGE = "own road", "bare loop", "dlt", "dlt, tuned", "own road, tenfold"
OWN_PLAIN, BARE_PLAIN = "own road, plain", "bare loop, plain"
DEALS = 100_000
#: where deals are counted; dlt lands nothing of its own, and its typed tables are those it loads
_STEPS = ("sent", "landed", "loaded", "staged")
Say = Callable[[str], None]

_TEXT = """{heading}
Extract, land, load and build the typed staging tables of {deals:,} deals with the history of their stages, amounts, owners, close dates and
pipelines ({megabytes:,.0f} MB of JSON over loopback HTTP in {pages:,} pages of 50), {rounds} rounds, dlt as it comes {dlt_rounds}.

{figures}

{counts}

- The simulated HubSpot's answers were recorded once and are served again by a small server, whose processor time is not counted. Every
  client gets the same bytes.
- Answers are packed with gzip for whoever asks for that, as `requests`, dlt and the project all do. Salesforce says of its own that they normally are, and
  Cloudflare, through which the others answer, does the same. The last row is of a server that packs nothing.
- *bare loop*: `requests` asks for the same pages one after the other on one connection and drops them.
- *dlt* 1.31, `rest_api` source, DuckDB: histories become tables of their own. It reads the list of live deals only; the project's own road also asks
  for archived deals, property definitions and control totals, hashes every version, and keeps what the source said. Tuned: Parquet files, workers, large buffers.
- Peak memory is that of the largest process. Tenfold: the recorded deals ten times over, under other ids.
"""


@dataclass(frozen=True)
class Measured:
    """What was run on what: the runs by name, and by name how many deals were sent, landed, loaded and staged."""

    recording: Recording
    rounds: int
    runs: Runs
    counts: dict[str, dict[str, int]]


def run(folder: Path, models: dict[str, Model], deals: int, rounds: int, scratch: Path, say: Say) -> str:
    """Measures and returns the section. Raises SystemExit when a deal sent did not arrive: then the figures mean nothing."""
    say(f"Recording the extraction of {deals:,} deals")
    shutil.rmtree(folder, ignore_errors=True)
    recording = record(folder, deals)
    statements = ["create schema if not exists staging"]
    statements += [statement for name in STAGED for statement in models[name].full]
    runs: Runs = {}
    counts: dict[str, dict[str, int]] = {}

    def once(name: str, rival: str, url: str, **arguments: Any) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        _sent(url)
        found = measure.run(scratch, {"rival": f"tests.bench.ingest.{rival}", "arguments": {"url": url} | arguments})
        runs.setdefault(name, []).append(found)
        counts[name] = {"sent": _sent(url)}
        said = scratch / "counts.json"
        if said.exists():
            counts[name] |= json.loads(said.read_text())
        steps = "".join(f", {step} {cpu:.1f}" for step, cpu in found.steps.items())
        say(f"  {name}: {found.cpu:.1f} CPU-s, {found.peak_mb:.0f} MB{steps}, {counts[name]}")

    def own(name: str, url: str) -> None:
        home, said = str(scratch / "home"), str(scratch / "counts.json")
        once(name, "own:to_typed_tables", url, home=home, statements=statements, counts=said)

    def bare(name: str, url: str) -> None:
        targets = folder / "targets.json"
        pages = (*recording.pages, *(each for each in recording.others if each.deals))
        targets.write_text(json.dumps([page.key.split(" ")[1] for page in pages]))
        once(name, "bare:drop_the_bytes", url, targets=str(targets))

    def with_dlt(name: str, url: str, tuned: bool) -> None:
        said = str(scratch / "counts.json")
        once(
            name, "with_dlt:load", url,
            parameters=recording.parameters, folder=str(scratch), counts=said, tuned=tuned,
        )  # fmt: skip

    with serving(folder, 1) as url, serving(folder, 1, packs=False) as plain_url:
        for number in range(1, rounds + 1):
            say(f"Round {number} of {rounds}: from the CRM to typed tables")
            bare(BARE, url)
            own(OWN, url)
            bare(BARE_PLAIN, plain_url)
            own(OWN_PLAIN, plain_url)
            if find_spec("dlt"):
                with_dlt(TUNED, url, tuned=True)
                if number <= _dlt_rounds(rounds):
                    with_dlt(DLT, url, tuned=False)
    with serving(folder, MOST_COPIES) as url:
        say(f"The same with {MOST_COPIES} times the deals")
        own(LARGE, url)
    shutil.rmtree(scratch, ignore_errors=True)
    for name, found in counts.items():
        if len({found[step] for step in _STEPS if step in found}) > 1:
            raise SystemExit(f"Deals were lost on the way: {name} {found}. Its figures mean nothing.")
    return render(Measured(recording, rounds, runs, counts))


def render(measured: Measured) -> str:
    """The section as Markdown."""
    runs, counts = measured.runs, measured.counts
    work = "extract, land, load, staging"
    rows = [
        table.row(work, "bare `requests` loop", 4, runs, [OWN], [BARE]),
        table.row("the same", "dlt as it comes", 1 / 12, _paired(runs), [OWN], [DLT]),
        table.row("the same", "dlt, tuned", 1 / 4, runs, [OWN], [TUNED]),
        table.row("the first, nothing packed", "bare `requests` loop", 4, runs, [OWN_PLAIN], [BARE_PLAIN]),
    ]
    figures = table.markdown([replace(row, deals=measured.recording.deals) for row in rows])
    peaks = {name: max(run.peak_mb for run in runs[name]) for name in (OWN, LARGE)}
    growth = peaks[LARGE] / peaks[OWN]
    lines = [
        "| | deals sent | landed | loaded | in the typed table | peak MB |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | "
            + " | ".join(f"{counts[name][step]:,}" if step in counts[name] else "" for step in _STEPS)
            + f" | {max(run.peak_mb for run in runs[name]):.0f} |"
            for name in (OWN, LARGE, DLT, TUNED)
            if name in runs
        ),
        "",
        (
            f"Peak memory with ten times the deals: {peaks[LARGE]:.0f} MB (goal ≤ 500: {_verdict(peaks[LARGE] <= 500)}), {growth:.2f} times that of"
            f" once (goal ≤ 1.3: {_verdict(growth <= 1.3)})."
        ),
    ]
    steps = {step: sorted(run.steps[step] for run in runs[OWN])[len(runs[OWN]) // 2] for step in runs[OWN][0].steps}
    lines += [
        "",
        "Of the project's own CPU seconds: " + ", ".join(f"{step} {cpu:.1f}" for step, cpu in steps.items()) + ".",
    ]
    return _TEXT.format(
        heading=HEADING, deals=measured.recording.deals, megabytes=measured.recording.bytes / 1e6,
        pages=len(measured.recording.pages), rounds=measured.rounds,
        dlt_rounds=len(runs.get(DLT, [])), figures=figures, counts="\n".join(lines),
    )  # fmt: skip


@contextmanager
def serving(folder: Path, copies: int, packs: bool = True) -> Iterator[str]:
    """The replay server in a process of its own; its address."""
    packing = "gzip" if packs else "plain"
    command = [sys.executable, "-m", "tests.bench.ingest.server", str(folder), str(copies), packing]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _sent(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_bench/sent") as response:  # noqa: S310 - an address on the loopback interface, which the tests make
        return int(json.loads(response.read()))


def _dlt_rounds(rounds: int) -> int:
    """dlt as it comes takes four minutes a round, twenty times as long as ours: one says enough."""
    return min(rounds, 1)


def _paired(runs: Runs) -> Runs:
    """As many rounds of every piece as dlt as it comes had."""
    return {name: each[: len(runs.get(DLT, []))] for name, each in runs.items()} if DLT in runs else {OWN: runs[OWN]}


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "**not met**"
