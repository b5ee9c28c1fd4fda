"""`python -m tests.faults.kills.simultaneous --rounds 50`: eight nights at once over one home, fifty times; goes on where it was stopped.

Each round begins all of them at the same instant. One publishes, the others leave at once with exit code 3 and a sentence that names the run that writes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.kills import invariants, small_project
from tests.faults.kills.night import Plan, Stage, staged
from tests.faults.made_up_secrets import MadeUp

RUNS, ROUNDS = 8, 50
#: seconds after which a round that has not ended is a deadlock
_LONGEST = 600.0


@dataclass
class Round:
    """What a round gave: exit codes, how many publications it added, what was wrong, and its processor time and duration in seconds."""

    codes: list[int] = field(default_factory=list)
    publications: int = 0
    wrong: list[str] = field(default_factory=list)
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    #: secrets made up for it, and bytes searched for them
    secrets: int = 0
    searched: int = 0


def play(stage: Stage, runs: int = RUNS, arguments: Sequence[Sequence[str]] = ()) -> Round:
    """`runs` commands at once; `arguments` of each, by default a whole night."""
    commands = arguments or [("nightly", "--json")] * runs
    before = set(_runs(stage))
    stage.made_up = MadeUp()
    began = time.monotonic()
    ended = stage.together(commands, _LONGEST)
    found = Round(
        codes=sorted(each.code for each in ended),
        cpu_seconds=round(ended[0].seconds, 2),
        seconds=round(time.monotonic() - began, 1),
    )
    new = sorted(set(_runs(stage)) - before)
    found.publications = len(new)
    found.wrong += [
        f"a run that left said: {each.said}"
        for each in ended
        if each.code == 3 and not ("has been writing" in each.said and "Wait until it ends" in each.said)
    ]
    found.wrong += [f"exit code {each.code}: {each.said[-600:]}" for each in ended if each.code not in (0, 3)]
    shown = {target.partition("_")[2].partition(".")[0] for target in invariants.published(stage.home).values()}
    if shown != set(new):
        found.wrong.append(f"published is {shown}, new are {new}")
    found.wrong += invariants.after_a_fault(stage.home, {}, True)
    searched = stage.searched()
    found.secrets, found.searched = searched.secrets, searched.size
    found.wrong += searched.leaks
    return found


def is_good(one: Round, runs: int = RUNS) -> bool:
    """One won, all others left, one publication, nothing wrong."""
    return one.codes == [0] + [3] * (runs - 1) and one.publications == 1 and not one.wrong


def _runs(stage: Stage) -> list[str]:
    return [path.stem.removeprefix("marts_") for path in (stage.home / "published").glob("marts_*.duckdb")]


def read_rounds(out: Path) -> list[Round]:
    """The rounds that are kept."""
    kept = out / "simultaneous.jsonl"
    return [Round(**json.loads(line)) for line in kept.read_text().splitlines()] if kept.exists() else []


def main() -> int:
    """Exit code 0: every round had one winner and one publication; 1: one had not."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills.simultaneous", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--out", type=Path, default=Path("build/kills"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    kept = given.out / "simultaneous.jsonl"
    done = read_rounds(given.out)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with staged(place / "stage", Plan(project=small_project.write(place / "project"))) as stage:
            stage.restore()
            while len(done) < given.rounds:
                done.append(play(stage, given.runs))
                with kept.open("a") as lines:
                    lines.write(json.dumps(asdict(done[-1])) + os.linesep)
                print(f"round {len(done)}: {done[-1]}", file=sys.stderr, flush=True)
    good = sum(is_good(one, given.runs) for one in done)
    print(
        f"{len(done)} rounds of {given.runs} runs at once: {good} with one winner and one publication, "
        f"{sum(one.codes.count(3) for one in done)} runs left with exit code 3, longest round {max(one.seconds for one in done):.0f} s."
    )
    return 0 if good == len(done) else 1


if __name__ == "__main__":
    sys.exit(main())
