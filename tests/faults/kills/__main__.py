"""`python -m tests.faults.kills --project small --write`: kill nights at every named place and at 300 random instants; goes on where it was stopped.

What each trial gave is appended to `<out>/<project>/outcomes.jsonl`. `--seed N` repeats the trial of that seed, `--kill 'MARK#N'` kills at one place.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from tests.faults.kills import small_project
from tests.faults.kills.marks import Kill
from tests.faults.kills.night import Plan, Stage, staged
from tests.faults.kills.page import NAMED_SEEDS, PAGE, page, table
from tests.faults.kills.simultaneous import read_rounds
from tests.faults.kills.trials import Aim, Outcome, draw, every_mark, reading, run

#: random kills of the long run, and how many of them a night has to stand; some are drawn for an instant that their night never comes to, so that
#: more are drawn than the 300 there must be
RANDOM, PER_TRIAL = 324, 6
#: what each kind of project is tried with
KINDS = {"small": ("hubspot",), "real": ("hubspot", "salesforce", "pipedrive")}


def main() -> int:
    """Exit code 0: every trial is done and nothing was wrong; 1: something was; 3: stopped before the last trial."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__)
    parser.add_argument("--project", choices=KINDS, default="small", help="a few models, or the whole project")
    parser.add_argument("--size", type=int, default=60, help="deals of the company (default 60)")
    parser.add_argument("--seed", type=int, help="only the trial of this seed, once more")
    parser.add_argument("--kill", help="only this kill: a mark, # and which passing of it")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no trial after so many minutes")
    parser.add_argument(
        "--out", type=Path, default=Path("build/kills"), help="where trials are kept (default build/kills)"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    place = (given.out / given.project).resolve()
    place.mkdir(parents=True, exist_ok=True)
    project = None
    if given.project == "small":
        project = place / "project"
        if not project.exists():
            small_project.write(project)
    plan = Plan(size=given.size, crms=KINDS[given.project], project=project)
    end = time.monotonic() + given.minutes * 60
    with staged(place / "stage", plan) as stage, reading() as readers:
        trials = trials_of(stage)
        if given.seed is not None or given.kill:
            outcome = run(stage, readers, given.seed or 0, aims_of(given.kill) if given.kill else trials[given.seed])
            print(json.dumps(asdict(outcome), indent=1))
            return int(bool(outcome.wrong))
        kept = place / "outcomes.jsonl"
        done = {outcome.seed for outcome in read(kept)}
        for seed, aims in trials.items():
            if seed in done or time.monotonic() > end:
                continue
            outcome = run(stage, readers, seed, aims)
            with kept.open("a") as lines:
                lines.write(json.dumps(asdict(outcome)) + "\n")
            say(
                f"{given.project}, trial {seed}: {len(outcome.kills)} kills, {outcome.polls} polls, {len(outcome.wrong)} wrong"
            )
        (place / "trials.json").write_text(
            json.dumps({"trials": len(trials), "marks": len({each.name for each in stage.reference.marks})})
        )
    finished = {
        kind: read(given.out / kind / "outcomes.jsonl") for kind in KINDS if (given.out / kind / "trials.json").exists()
    }
    wanted = {kind: json.loads((given.out / kind / "trials.json").read_text()) for kind in finished}
    for kind, outcomes in finished.items():
        print(kind, table({"all": outcomes}), sep="\n")
    if given.write:
        sizes = {name: {kind: each[name] for kind, each in wanted.items()} for name in ("trials", "marks")}
        PAGE.write_text(page(finished, sizes["trials"], sizes["marks"], read_rounds(given.out)))
    if any(outcome.wrong for outcomes in finished.values() for outcome in outcomes):
        return 1
    return 0 if len(finished[given.project]) >= wanted[given.project]["trials"] else 3


def trials_of(stage: Stage) -> dict[int, Sequence[Aim]]:
    """Seed → kills: those at random instants first, 1 and on, then every named place."""
    random = {seed: draw(stage.reference, seed, PER_TRIAL) for seed in range(1, RANDOM // PER_TRIAL + 1)}
    named = every_mark(stage.reference, PER_TRIAL, seed=1)
    # By turns, so that a run that is stopped early has some of both.
    both: dict[int, Sequence[Aim]] = {}
    for number in range(max(len(random), len(named))):
        if number + 1 in random:
            both[number + 1] = random[number + 1]
        if number < len(named):
            both[NAMED_SEEDS + number] = named[number]
    return both


def aims_of(text: str) -> list[Aim]:
    name, _, nth = text.rpartition("#")
    return [Aim("publish", Kill(name.strip(), int(nth)))]


def read(path: Path) -> list[Outcome]:
    """The outcomes that are kept; a line that a killed run left unfinished is not one."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(Outcome(**json.loads(line)))
        except json.JSONDecodeError:
            continue
    return found


def say(line: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)  # noqa: DTZ005 (for a person)


if __name__ == "__main__":
    raise SystemExit(main())
