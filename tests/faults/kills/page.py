"""What the trials gave, as a page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.kills.simultaneous import Round
from tests.faults.kills.trials import Outcome
from tests.faults.made_up_secrets import LEAK, told

PAGE = Path(__file__).resolve().parents[3] / "docs" / "proofs" / "kills.md"

_WORDS = """# Nights that are killed
`make kills` takes a simulated company between two nights and ends the second night with signal 9, again and again: at every named place that a night passes (each
request, each statement to DuckDB, each rename, fsync, link and opened file, each step and what it calls), and at random instants drawn from a seed.
A trial is one such night: it is killed at several places, each time on what the killed one before it left, and then let through. All
the while a reader opens the published marts and asks them. Nothing in the product knows of this: the marks are put around its functions in the process that
is killed (`tests/faults/kills/marks.py`).

After every kill the published files are read to the last value, the links must show what they showed before (unless the night had come to its publication), every
row that `raw._loads` speaks of must be there and no other, and every landing must be what its manifest says; what
was said and every file is searched for the night's secrets, the token that it logs in with among them. After the night that is let through:

- raw holds the same versions as after a night that nothing happened to: nothing lost, nothing twice;
- every published table, rows sorted, has the same sha256 (without `run_id`, `known_at`, the numbers of loads, and the tables about runs and loads);
- all links show that night, and every answer that the reader got was the one night's or the other's, never a mixture or an error.

The sources' clock stands still in these nights: how far they reach must not depend on how many requests were made. A trial is repeated by
`python -m tests.faults.kills --project KIND --seed N` (the seed of its row), a single kill by `--kill 'MARK#N'`.
"""


def page(
    finished: Mapping[str, Sequence[Outcome]],
    wanted: Mapping[str, int],
    marks: Mapping[str, int],
    rounds: Sequence[Round] = (),
) -> str:
    """`finished`, `wanted` trials and number of `marks`, each by the kind of project; `rounds` of nights at once."""
    parts = [_WORDS]
    for kind, outcomes in finished.items():
        named = [each for each in outcomes if each.seed >= NAMED_SEEDS]
        parts += [
            f"\n## {_TITLES[kind]}",
            f"{len(outcomes)} of {wanted[kind]} trials are done"
            + ("." if len(outcomes) >= wanted[kind] else "; the command goes on with the others.")
            + f" The night has {marks[kind]} different marks.",
            "",
            table({"every named place": named, "random instants": [each for each in outcomes if each not in named]}),
        ]
        wrong = [f"- seed {each.seed}: {sentence}" for each in outcomes for sentence in each.wrong]
        parts += ["", *(wrong or ["Nothing was wrong after any of them."]), "", secrets_of("trials", outcomes)]
    if rounds:
        wrong = [f"- {sentence}" for each in rounds for sentence in each.wrong]
        parts += [
            "\n## Nights at once",
            (
                f"`make simultaneous`: {len(rounds)} rounds of eight nights begun at the same instant over one home, which they leave to the next round. "
                f"{sum(each.publications for each in rounds)} publications, {sum(each.codes.count(3) for each in rounds)} runs left with exit code 3, the "
                f"longest round took {max(each.seconds for each in rounds):.0f} s."
            ),
            "",
            *(wrong or ["Nothing was wrong after any of them."]),
            "",
            secrets_of("rounds", rounds),
        ]
    return "\n".join(parts) + "\n"


#: trials with these seeds and above are those of the named places
NAMED_SEEDS = 1_000_000
_TITLES = {
    "small": "A project of a few models",
    "real": "The whole project, three CRMs",
}


def secrets_of(kind: str, outcomes: Sequence[Outcome | Round]) -> str:
    """What became of the secrets that were made up for them."""
    leaks = sum(sentence.startswith(LEAK) for each in outcomes for sentence in each.wrong)
    return told(kind, [(each.secrets, each.searched) for each in outcomes], leaks)


def table(groups: Mapping[str, Sequence[Outcome]]) -> str:
    """One row per group of trials."""
    lines = [
        "| where | trials | kills | plan | extract | load | build | verify | publish | marks no longer passed | reader polls | wrong | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, outcomes in groups.items():
        steps: Counter[str] = Counter()
        for each in outcomes:
            steps.update(each.steps)
        of_steps = " | ".join(str(steps[step]) for step in ("plan", "extract", "load", "build", "verify", "publish"))
        lines.append(
            f"| {name} | {len(outcomes)} | {sum(len(each.kills) for each in outcomes)} | {of_steps} | "
            f"{sum(len(each.passed_over) for each in outcomes)} | {sum(each.polls for each in outcomes):,} | "
            f"**{sum(len(each.wrong) for each in outcomes)}** | {sum(each.seconds for each in outcomes):,.0f} |"
        )
    return "\n".join(lines)
