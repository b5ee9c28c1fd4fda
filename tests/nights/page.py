"""What the nights gave, as a table and as a page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.nights.run import Plan, Progress

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs" / "thirty-nights.md"

_WORDS = """# Thirty nights
`make thirty-nights` runs thirty real nights in one process: the simulated HubSpot answers over HTTP, the product's own steps extract,
load, build, test, verify and publish, and dbt parses the project once. The company sells on between the nights: deals are created, moved, dated
back, merged, archived, restored and erased without a trace; a sweep of ids runs every third night.

- After every night the newest version of each deal in `raw` is compared with the company's truth log: every event of stage, pipeline, amount and
  currency, with its instant.
- After the first, every tenth and the last night the facts are: every transition of every deal, with instant, stage, amount and currency.
- In the end `watertight verify`'s comparison runs: a rebuild from the landing files alone equals the thirty increments, row for row, in every table.

It ends with 0 only if nothing differs and the nights had late changes, merges and deletions to put right. A run that was cut off goes on with the night
after the last finished one. A test of the ordinary run does the same for ten nights; [a thousand nights](thousand-nights.md) do it for three CRMs at once.
"""


def page(plan: Plan, finished: Sequence[Progress]) -> str:
    """The page, with what was printed."""
    seeds = " ".join(str(each.seed) for each in finished)
    command = f"python -m tests.nights --nights {plan.nights} --size {plan.size} --seed {seeds}"
    return f"{_WORDS}\nWhat `{command}` printed:\n\n{report(finished)}\n"


def unshown(finished: Sequence[Progress]) -> list[str]:
    """What no seed had to put right: without late changes, merges and deletions the nights prove little."""
    wanted = ("changes known a day or more late", "deals merged", "deals deleted")
    return [name for name in wanted if not any(each.later.get(name) for each in finished)]


def report(finished: Sequence[Progress]) -> str:
    """The table of all seeds, what came late, and the differences, if any."""
    lines = [
        "| seed | nights | requests | rows landed | new versions | deals compared in raw | in core | transitions compared | differences to the truth | to the rebuild | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in finished:
        rebuilt = "not asked" if each.rebuild_differences is None else len(each.rebuild_differences)
        lines.append(
            f"| {each.seed} | {each.nights} | {each.requests:,} | {each.rows_landed:,} | {each.rows_new:,} | {each.raw_compared:,} | "
            f"{each.core_compared:,} | {each.transitions:,} | {len(each.differences)} | {rebuilt} | {each.seconds:.0f} |"
        )
    totals: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    for each in finished:
        totals.update(each.later)
        kinds.update(each.kinds)
        warnings.update(each.warnings)
    lines += [
        "",
        "What the nights had to put right: " + ", ".join(f"{count:,} {name}" for name, count in totals.items()) + ".",
    ]
    lines += [
        "",
        "Transitions on the last night: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) + ".",
    ]
    if warnings:
        lines += [
            "",
            "Warnings, in nights: " + ", ".join(f"{name} {count}" for name, count in warnings.most_common()) + ".",
        ]
    for each in finished:
        lines += [
            f"seed {each.seed}: {sentence}" for sentence in [*each.differences, *(each.rebuild_differences or [])][:50]
        ]
    return "\n".join(lines)
