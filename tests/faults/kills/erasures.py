"""`python -m tests.faults.kills.erasures`: `watertight erase` killed with signal 9 at every named place of it.

Persons made up for it are held in landings, warehouse and publication. A trial kills the erasure at several places, one after the other, each time on
what the killed one before it left; then the next call finishes. In the end no byte of them may be left, and raw and published tables must be equal to
those after an erasure that nothing happened to. What was run is kept below the folder, and a command that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from extractors.core.settings import Settings, read_settings
from simulator.server import start
from tests.faults.canaries import Canary, plant
from tests.faults.kills import invariants, small_project
from tests.faults.kills.marks import Kill
from tests.faults.kills.night import ROOT, Ended, Nursery, Plan, Stage
from tests.faults.made_up_secrets import LEAK, MARK, MadeUp, told
from tests.faults.test_erasure import traces
from watertight import erasure

PAGE = ROOT / "docs" / "proofs" / "erasure-kills.md"
CANARIES = 6
_PER_TRIAL = 6
_INTRODUCTION = f"""Written by `make erasure-kills`: `watertight erase` of {CANARIES} persons, killed with signal 9 at every named place of it (renames, fsyncs,
statements, steps), each time on what the killed one before it left, and finished by the next call. Afterwards every byte of every file and every value of every
table is searched, and raw and published tables are held against those after an erasure that nothing happened to."""
#: marks are hashes: with a key of its own every home would have others
_KEY = f"{MARK}, the same for every erasure of these"
#: a table of counts and amounts alone: it is the same before and after
_FIGURES = "marts.mart_sales__board"


@dataclass
class Outcome:
    """What a trial gave: the kills that ended an erasure, those that it went past, what was wrong, and its processor time."""

    kills: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    #: secrets made up for it, and bytes searched for them
    secrets: int = 0
    searched: int = 0


class Erasure:
    """A home that holds canaries, copied for every trial, and what an erasure of them gives when nothing happens to it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._people: dict[str, Canary] = {}
        self._before: dict[str, str] = {}
        self._tables: dict[str, str] = {}
        self._raw: dict[str, str] = {}
        #: the marks in the order in which they are passed, and how often each is
        self.passed: list[str] = []
        self.marks: dict[str, int] = {}

    def prepare(self) -> None:
        stage = self._stage
        shutil.rmtree(stage.root, ignore_errors=True)
        self._command("extract")
        self._people = plant(self._settings(), CANARIES)
        self._command("load")
        self._command("publish")
        shutil.copytree(stage.root, stage.before, symlinks=True)
        self._before = invariants.export(stage.home)
        assert traces(stage.home, self._canaries()), "nobody was planted"
        record = stage.place / "marks.json"
        ended = self._erase(None, record)
        assert ended.code == 0, ended.said
        self.passed = [name for name, _ in json.loads(record.read_text())]
        for name in self.passed:
            self.marks[name] = self.marks.get(name, 0) + 1
        self._tables, self._raw = invariants.export(stage.home), invariants.raw(stage.home)
        assert self._wrong() == []
        assert self._tables != self._before

    def run(self, kills: Sequence[Kill]) -> Outcome:
        """One trial; whatever is wrong stands in the outcome, in words."""
        outcome = Outcome()
        self._stage.made_up = MadeUp()
        self._stage.restore()
        for kill in kills:
            was_begun = self._is_begun()
            ended = self._erase(kill)
            outcome.seconds += ended.seconds
            if ended.code == -9:
                outcome.kills.append(str(kill))
            elif ended.code == 0:
                outcome.passed_over.append(str(kill))
                self._stage.restore()  # it is through: the next kill has another one to end
            else:
                outcome.wrong.append(f"{kill}: the erasure ended with {ended.code}: {ended.said[-1000:]}")
            outcome.wrong += [f"after {kill}: {sentence}" for sentence in self._wrong_in_between()]
            if ended.code == -9 and was_begun and not self._is_begun():
                # Nobody would name them again.
                outcome.wrong += [f"after {kill}, when it seemed finished: {sentence}" for sentence in self._wrong()]
        ended = self._erase(None)
        outcome.seconds = round(outcome.seconds + ended.seconds, 1)
        if ended.code:
            outcome.wrong.append(f"the call after all of them ended with {ended.code}: {ended.said[-1000:]}")
        else:
            outcome.wrong += self._wrong()
        searched = self._stage.searched()
        outcome.secrets, outcome.searched = searched.secrets, searched.size
        outcome.wrong += searched.leaks
        return outcome

    def _erase(self, kill: Kill | None, record: Path | None = None) -> Ended:
        """Names the persons as long as nothing has begun; what has begun is finished by the command alone."""
        named = [
            part for canary in ([] if self._is_begun() else self._canaries()) for part in ("--email", canary.email)
        ]
        return self._stage.night(
            kill, arguments=("erase", *named, "--yes", "--json"), record=record, WATERTIGHT_ERASURE_KEY=_KEY
        )

    def _wrong_in_between(self) -> list[str]:
        """After a kill. The landing that was just about to be moved into its place is whole where it waits."""
        waiting = [path.parts[-4:] for path in (self._stage.home / "erasing").glob("*/*/*/*")]
        return [
            sentence
            for sentence in invariants.after_a_fault(self._stage.home, {}, True)
            if sentence not in [f"loaded and not landed: {[place]}" for place in waiting]
        ]

    def _is_begun(self) -> bool:
        return erasure.is_unfinished(self._settings())

    def _wrong(self) -> list[str]:
        home = self._stage.home
        now = invariants.export(home)
        wrong = [f"somebody is left in {place}" for place in sorted(traces(home, self._canaries()))]
        wrong += invariants.differences(self._raw, invariants.raw(home), "raw")
        wrong += invariants.differences(self._tables, now, "table")
        if now[_FIGURES] != self._before[_FIGURES]:
            wrong.append("counts and amounts changed")
        receipts = list((home / "erasures").glob("*.json"))
        if self._is_begun() or not receipts:
            wrong.append("the erasure is not finished")
        return wrong

    def _canaries(self) -> list[Canary]:
        return [*self._people.values()]

    def _command(self, name: str) -> None:
        ended = self._stage.night(arguments=(name, "--json"))
        assert ended.code == 0, ended.said

    def _settings(self) -> Settings:
        return read_settings(home_dir=self._stage.root, simulated_time=True, _env_file=None)


@contextmanager
def staged(place: Path) -> Iterator[Erasure]:
    """A company being served, a home with persons to erase, and a process to fork erasures from."""
    place.mkdir(parents=True, exist_ok=True)
    plan = Plan(project=small_project.write(place / "project"))
    nursery = Nursery(place)
    try:
        with start(place / "company", plan.size, seed=plan.seed) as simulation:
            prepared = Erasure(Stage(place, plan, simulation, nursery))
            prepared.prepare()
            yield prepared
    finally:
        nursery.close()


def every_mark(marks: dict[str, int], seed: int) -> list[list[Kill]]:
    """Every mark once, at one of its passings, dealt out in the order of the erasure."""
    chance = random.Random(seed)
    kills = [Kill(name, chance.randint(1, count)) for name, count in marks.items()]
    trials = -(-len(kills) // _PER_TRIAL)
    return [kills[number::trials] for number in range(trials)]


def page(outcomes: list[Outcome], trials: int) -> str:
    """docs/proofs/erasure-kills.md."""
    wrong = [sentence for outcome in outcomes for sentence in outcome.wrong]
    lines = [
        "# An erasure that is killed",
        _INTRODUCTION,
        "",
        "| what | figure |",
        "|---|---|",
        f"| trials run, of | {len(outcomes)}, {trials} |",
        f"| kills | {sum(len(outcome.kills) for outcome in outcomes)} |",
        f"| places that a call which only finished did not pass again | {sum(len(outcome.passed_over) for outcome in outcomes)} |",
        f"| wrong | **{len(wrong)}** |",
        f"| processor time, seconds | {sum(outcome.seconds for outcome in outcomes):,.0f} |",
    ]
    leaks = sum(sentence.startswith(LEAK) for sentence in wrong)
    secrets = told("trials", [(outcome.secrets, outcome.searched) for outcome in outcomes], leaks)
    return "\n".join([*lines, *(f"- {sentence}" for sentence in wrong), "", secrets]) + "\n"


def main() -> int:
    """Runs the trials that are missing; with --write the page is written. Exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills.erasures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "erasure-kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=None, help="begin no trial after so many")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    kept = given.folder / f"outcomes-{given.seed}.jsonl"
    given.folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(given.folder / "stage", ignore_errors=True)
    began = time.monotonic()
    with staged(given.folder / "stage") as prepared:
        trials = every_mark(prepared.marks, given.seed)
        done = kept.read_text().splitlines() if kept.exists() else []
        for number in range(len(done), len(trials)):
            if given.seconds is not None and time.monotonic() - began > given.seconds:
                break
            outcome = prepared.run(trials[number])
            with kept.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            print(
                f"trial {number + 1} of {len(trials)}: {len(outcome.kills)} kills, {len(outcome.wrong)} wrong",
                file=sys.stderr,
                flush=True,
            )
    outcomes = [Outcome(**json.loads(line)) for line in kept.read_text().splitlines()]
    text = page(outcomes, len(trials))
    print(text)
    if given.write:
        PAGE.write_text(text)
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
