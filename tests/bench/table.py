"""From runs to rows: a row is a ratio of two sums of pieces, round by round, beside its goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench import rivals
from tests.bench import rounds as r
from tests.bench.book import Runs
from tests.bench.measure import Figure
from tests.bench.plan import STEPS, TRANSITIONS, VISITS, Plan


@dataclass(frozen=True)
class Row:
    """`ratio` is None where a side did not run; `goal` None where there is none."""

    work: str
    against: str
    goal: float | None
    ratio: Figure | None
    cpu: float = 0.0
    against_cpu: float = 0.0
    peak_mb: float = 0.0
    deals: int = 0
    rounds: int = 0

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None or self.ratio is None else self.ratio.median <= self.goal


def row(work: str, against: str, goal: float | None, runs: Runs, above: Sequence[str], below: Sequence[str]) -> Row:
    """The ratio of two sets of pieces in each round. A reference that ran several times in a round counts with its mean."""
    if not above or any(name not in runs for name in (*above, *below)):
        return Row(work, against, goal, None)
    number = min(len(runs[name]) for name in above)

    def cpu(names: Sequence[str], round_number: int) -> float:
        total = 0.0
        for name in names:
            each = len(runs[name]) // number
            total += sum(run.cpu for run in runs[name][round_number * each : (round_number + 1) * each]) / each
        return total

    sides = [(cpu(above, each), cpu(below, each)) for each in range(number)]
    return Row(
        work, against, goal, Figure.of([one / other for one, other in sides]),
        Figure.of([one for one, _ in sides]).median, Figure.of([other for _, other in sides]).median,
        max(run.peak_mb for name in above for run in runs[name]), rounds=number,
    )  # fmt: skip


def ledger_rows(plan: Plan, runs: Runs) -> list[Row]:
    """The rows on the ledger and the marts."""
    heavy, missing = plan.heavy()
    behind = plan.facts_behind_heavy()
    without = f" (missing, not counted: {', '.join(missing)})" if missing else ""
    transitions_and_visits = [TRANSITIONS, VISITS]
    with_steps = [STEPS, *transitions_and_visits]
    rows = [
        row("stage visits from transitions", r.SORT, 1.5, runs, [VISITS], [r.SORT]),
        row("stage visits from steps: transitions and visits", r.SORT, 1.5, runs, transitions_and_visits, [r.SORT]),
        row("the same", r.POLARS, 0.7, runs, transitions_and_visits, [r.POLARS]),
        row("the same", r.PANDAS, 0.7, runs, transitions_and_visits, [r.PANDAS]),
        row("stage visits from changes: steps, transitions and visits", r.SORT, None, runs, with_steps, [r.SORT]),
        row("the same with the steps", r.POLARS, None, runs, with_steps, [r.POLARS]),
        row("the same with the steps", r.PANDAS, None, runs, with_steps, [r.PANDAS]),
        row("daily pipeline by pipeline and stage, count and amount", r.RANGE_JOIN, 1 / 50, runs, [r.CHANGES], [r.RANGE_JOIN]),
        row("the same daily pipeline, the versions read from their file besides", r.RANGE_JOIN, None, runs, [r.CHANGES_READ], [r.RANGE_JOIN]),
        row(f"daily pipeline by pipeline and stage, {rivals.LONGER} times as long a cycle", r.RANGE_JOIN, 1 / 50, runs,
            [r.LONGER_CHANGES], [r.LONGER_RANGE_JOIN]),
        row(f"daily pipeline as it is: {_names(plan.daily())}", r.MART_RANGE_JOIN, None, runs, plan.daily(), [r.MART_RANGE_JOIN]),
        row("ordered funnel: deals by pipeline and furthest stage", r.WINDOW_FUNNEL, 2.5, runs, [r.FURTHEST], [r.WINDOW_FUNNEL]),
        row(f"ordered funnel as it is: {_names(plan.funnel())}", r.WINDOW_FUNNEL, None, runs, plan.funnel(), [r.WINDOW_FUNNEL]),
        row(f"visits, daily pipeline, ordered funnel, dwell quantiles, waterfall: {_names(heavy)}{without}", r.SORT, 4, runs,
            heavy, [r.SORT]),
        row(f"the same and the facts behind them: {_names(behind)}", r.SORT, None, runs, [*heavy, *behind], [r.SORT]),
        row("all core facts and all marts", r.SORT, 15, runs, [*plan.facts, *plan.marts], [r.SORT]),
    ]  # fmt: skip
    marts = [row(name, r.SORT, 1, runs, [name], [r.SORT]) for name in plan.marts]
    if any(each.ratio is None for each in marts):
        return [*rows, Row("the dearest mart", r.SORT, 1, None)]
    dearest = max(marts, key=lambda each: each.ratio.median if each.ratio else 0.0)
    return [*rows, replace(dearest, work=f"the dearest mart: {dearest.work}")]


def each_model(plan: Plan, runs: Runs) -> list[Row]:
    """Every fact and mart on its own, the dearest first."""
    rows = [row(name, r.SORT, None, runs, [name], [r.SORT]) for name in (*plan.facts, *plan.marts) if name in runs]
    return sorted(rows, key=lambda each: -(each.ratio.median if each.ratio else 0.0))


def night_rows(runs: Runs) -> list[Row]:
    """The rows on the nightly build."""
    first, second = (r.NIGHT_FIRST, r.FULL_FIRST), (r.NIGHT_SECOND, r.FULL_SECOND)
    return [
        row("nightly delta: staging, intermediate and core facts", "their full rebuild", 0.06, runs, [first[0]], [first[1]]),
        row("nightly delta: everything, all marts included", "the full rebuild", 0.40, runs,
            [first[0], second[0]], [first[1], second[1]]),
        row("nightly delta of staging and core facts, three times the history behind it", "the same delta with the history once",
            1.5, runs, [r.TRIPLED], [r.NIGHT_FIRST]),
    ]  # fmt: skip


def publication_rows(runs: Runs) -> list[Row]:
    """The rows on the publication."""
    return [
        row("publication: checkpoint, copy, fsync, rename", r.FILE_COPY, 1.5, runs, [r.PUBLICATION], [r.FILE_COPY]),
        row(
            "the same, with the SHA-256 of what is copied",
            r.FILE_COPY,
            None,
            runs,
            [r.PUBLICATION_SUMMED],
            [r.FILE_COPY],
        ),
        row(
            "the same, with every value of the copies read and the page made",
            r.FILE_COPY,
            None,
            runs,
            [r.PUBLICATION_WHOLE],
            [r.FILE_COPY],
        ),
    ]


def steps(runs: Runs, names: Sequence[str], shown: int) -> list[tuple[str, float]]:
    """The dearest models of some pieces: median CPU seconds of their statements over the rounds."""
    found: list[tuple[str, float]] = []
    for name in names:
        found += [
            (step, Figure.of([run.steps.get(step, 0.0) for run in runs[name]]).median) for step in runs[name][0].steps
        ]
    return sorted(found, key=lambda each: -each[1])[:shown]


def markdown(rows: Sequence[Row], wording: str = "work") -> str:
    """A table: work, reference, goal, ratio with its spread, CPU seconds of both sides, peak memory."""
    lines = [
        f"| {wording} | against | goal | ratio | least to most | met | CPU-s | CPU-s of the reference | peak MB | deals | rounds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        goal = "" if each.goal is None else f"≤ {_number(each.goal)}"
        if each.ratio is None:
            lines.append(f"| {each.work} | {each.against} | {goal} | not measured | | | | | | | |")
            continue
        met = {True: "yes", False: "**no**", None: ""}[each.is_met]
        lines.append(
            f"| {each.work} | {each.against} | {goal} | {_number(each.ratio.median)} |"
            f" {_number(each.ratio.least)} to {_number(each.ratio.most)} | {met} | {each.cpu:.2f} | {each.against_cpu:.2f} |"
            f" {each.peak_mb:.0f} | {each.deals:,} | {each.rounds} |"
        )
    return "\n".join(lines)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
