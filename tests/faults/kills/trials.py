"""One trial: a night that is killed at several places, one after the other, each time on what the killed one before it left, and then let through.

Each kill is drawn from the trial's seed and names a mark, so that a trial can be repeated.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.kills import invariants
from tests.faults.kills.marks import Kill, Passed
from tests.faults.kills.night import ROOT, Reference, Stage, wrong
from tests.faults.made_up_secrets import MadeUp

#: how often a random kill falls into a step of the night: by the steps' marks alone load would have most, by the clock the build
_ODDS = {"plan": 1, "extract": 6, "load": 5, "build": 7, "verify": 1, "publish": 4}
#: seconds: half of the random kills come at their mark, the others at an instant behind it, within a statement or a write
_DELAY = 0.06


@dataclass(frozen=True)
class Aim:
    """A kill and the step of the night that it falls into."""

    step: str
    kill: Kill


@dataclass
class Outcome:
    """What a trial gave. `kills` is what ended the nights, `passed_over` the marks that a night went on behind the last kill no longer had."""

    seed: int
    kills: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    polls: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    #: secrets made up for it, and bytes searched for them
    secrets: int = 0
    searched: int = 0


class Readers:
    """Processes that poll the trial's publication all the while."""

    def __init__(self, count: int = 1) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.faults.kills.readers"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]  # fmt: skip

    def begin(self, stage: Stage) -> None:
        """They see what is published in the trial's home; nothing but the one night or the other may be seen."""
        self._tell({"home": str(stage.home), "nights": stage.reference.nights, "tables": stage.reference.polled})

    def end(self) -> tuple[int, list[str]]:
        """How often they looked since, and what went wrong."""
        self._tell({})
        polls, errors = 0, list[str]()
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "a reader has died"
            told = json.loads(line)
            polls += told["polls"]
            errors += told["errors"]
        return polls, errors

    def close(self) -> None:
        for process in self._processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(60)
            process.stdout.close()

    def _tell(self, what: dict[str, object]) -> None:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()


@contextmanager
def reading(count: int = 1) -> Iterator[Readers]:
    """Readers, ended in any case."""
    readers = Readers(count)
    try:
        yield readers
    finally:
        readers.close()


def steps_of(marks: Sequence[Passed]) -> dict[str, Counter[str]]:
    """Step of the night → its marks and how often each is passed there. What comes behind the last step belongs to it."""
    found: dict[str, Counter[str]] = {}
    step = "plan"
    for each in marks:
        name = each.name.removeprefix("before ")
        if name in _ODDS and each.name != name:
            step = name
        found.setdefault(step, Counter())[each.name] += 1
    return found


def draw(reference: Reference, seed: int, count: int) -> list[Aim]:
    """`count` kills in the order of the night: a step, one of its marks, which passing of it, and how long behind it."""
    chance, steps = random.Random(seed), steps_of(reference.marks)
    aims = []
    for step in chance.choices([*_ODDS], [*_ODDS.values()], k=count):
        name = chance.choice(sorted(steps[step]))
        delay = chance.expovariate(1 / _DELAY) if chance.random() < 0.5 else 0.0
        aims.append(Aim(step, Kill(name, chance.randint(1, steps[step][name]), round(delay, 4))))
    return sorted(aims, key=lambda aim: [*_ODDS].index(aim.step))


def every_mark(reference: Reference, per_trial: int, seed: int) -> list[list[Aim]]:
    """Every mark of the night once, at one of its passings, dealt out so that each trial has some of every step."""
    chance = random.Random(seed)
    aims = {}
    for step, names in steps_of(reference.marks).items():
        for name, count in names.items():
            aims.setdefault(name, Aim(step, Kill(name, chance.randint(1, count))))
    trials = -(-len(aims) // per_trial)
    return [list(aims.values())[number::trials] for number in range(trials)]


def run(stage: Stage, readers: Readers, seed: int, aims: Sequence[Aim]) -> Outcome:
    """The trial. Whatever is wrong stands in the outcome, in words; nothing is raised for it."""
    outcome = Outcome(seed)
    stage.made_up = MadeUp()
    before = first = stage.restore()
    readers.begin(stage)
    may_have_published = False
    for aim in aims:
        ended = stage.night(aim.kill)
        outcome.seconds += ended.seconds
        # Behind the end of a night that was not reached there is a night that was published.
        may_have_published = may_have_published or aim.step == "publish" or ended.code == 0
        if ended.code == -9:
            outcome.kills.append(str(aim.kill))
            outcome.steps[aim.step] = outcome.steps.get(aim.step, 0) + 1
        elif ended.code == 0:
            outcome.passed_over.append(str(aim.kill))
        else:
            outcome.wrong.append(f"{aim.kill}: the night ended with {ended.code}: {ended.said[-1000:]}")
        found = invariants.after_a_fault(stage.home, before, may_have_published)
        outcome.wrong += [f"after {aim.kill}: {sentence}" for sentence in found]
        before = invariants.published(stage.home)
    ended = stage.night()
    outcome.seconds = round(outcome.seconds + ended.seconds, 1)
    if ended.code != 0:
        outcome.wrong.append(f"the night after all of them ended with {ended.code}: {ended.said[-1000:]}")
    else:
        outcome.wrong += wrong(stage)
        shown = invariants.published(stage.home)
        if len({target.partition("_")[2].partition(".")[0] for target in shown.values()}) != 1:
            outcome.wrong.append(f"the links show several nights: {shown}")
        if any(first[link] == shown[link] for link in first):
            outcome.wrong.append(f"the last night was not published: {shown}")
    outcome.polls, errors = readers.end()
    outcome.wrong += errors[:10]
    searched = stage.searched()
    outcome.secrets, outcome.searched = searched.secrets, searched.size
    outcome.wrong += searched.leaks
    return outcome
