"""Companies against the truth, in batches: how many of them have an interval that holds it, and the page that says so.

A batch is one warehouse with many companies. Finished batches are kept as JSON and are not built again, so that an interrupted proof goes on.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator import pipelines
from tests.coverage import companies
from tests.coverage.intervals import MART, TEXTBOOK, Interval, intervals
from tests.coverage.truth import CONVERSION, DWELL, KINDS, SEED, WIN, WINDOW, Parameter, Truth, true_parameters

#: the share of companies whose 95 % interval holds the truth
LOWEST, HIGHEST = 0.90, 0.99


@dataclass
class Coverage:
    """What became of one estimator of one parameter: whether it held the truth, company by company, and how far off it was."""

    held: list[bool] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the companies, those whose interval holds the truth."""
        return sum(self.held) / len(self.held)

    @property
    def bias(self) -> float:
        """The mean error of the estimates, relative to the truth."""
        return sum(self.errors) / len(self.errors)

    @property
    def count(self) -> float:
        """Deals or visits that an estimate rests on, on average."""
        return sum(self.counts) / len(self.counts)


Table = Mapping[tuple[Parameter, str], Coverage]


def kept_truth(out: Path, size: int) -> dict[Parameter, Truth]:
    """The true parameters; drawn once and kept in the folder `out`."""
    file = out / f"truth-{SEED}-{size}.json"
    if not file.exists():
        found = [[asdict(parameter), asdict(truth)] for parameter, truth in true_parameters(size).items()]
        _write(file, found)
    return {Parameter(**parameter): Truth(**truth) for parameter, truth in json.loads(file.read_text("utf-8"))}


def kept_batch(out: Path, seeds: Sequence[int], size: int) -> list[Interval]:
    """The intervals of the companies of these seeds; built once and kept in the folder `out`."""
    file = out / f"companies-{seeds[0]}-{seeds[-1]}-{size}.json"
    if not file.exists():
        with TemporaryDirectory(prefix="coverage-") as home:
            found = intervals(companies.build(seeds, Path(home), size))
        _write(file, [asdict(each) for each in found])
    rows = json.loads(file.read_text("utf-8"))
    return [Interval(**(row | {"parameter": Parameter(**row["parameter"])})) for row in rows]


def _write(file: Path, content: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content), encoding="utf-8")
    unfinished.rename(file)


def cover(found: Iterable[Interval], truth: Mapping[Parameter, Truth]) -> Table:
    """By parameter and estimator, in the order of the pipelines' stages."""
    table: dict[tuple[Parameter, str], Coverage] = {
        (parameter, estimator): Coverage()
        for parameter in sorted(truth, key=lambda each: KINDS.index(each.kind))
        for estimator in (MART[parameter.kind], *TEXTBOOK[parameter.kind])
    }
    for interval in found:
        # a move to another pipeline that is entered late may leave a deal, for days, in a stage that its pipeline does not list
        if interval.parameter not in truth:
            continue
        true = truth[interval.parameter].value
        coverage = table[interval.parameter, interval.estimator]
        coverage.held.append(interval.holds(true))
        coverage.counts.append(interval.count)
        if interval.estimate is not None:
            coverage.errors.append(interval.estimate / true - 1)
    return table


def pooled(table: Table) -> dict[tuple[str, str], float]:
    """By kind of parameter and estimator: the share of all intervals that hold the truth."""
    held: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for (parameter, estimator), coverage in table.items():
        held[parameter.kind, estimator] += coverage.held
    return {key: sum(each) / len(each) for key, each in held.items()}


def failures(table: Table, companies_tried: int) -> list[str]:
    """What is not as it should be, a sentence each: an interval of a mart that is too narrow or too wide, a textbook's that is not seen to miss."""
    found = []
    for (parameter, estimator), coverage in table.items():
        if len(coverage.held) < companies_tried:
            found.append(
                f"{name(parameter)}, {estimator}: {companies_tried - len(coverage.held)} companies have no interval."
            )
        if estimator == MART[parameter.kind] and not LOWEST <= coverage.share <= HIGHEST:
            found.append(
                f"{name(parameter)}: {coverage.share:.1%} of the 95 % intervals hold the truth; mean error {coverage.bias:+.1%}."
            )
    for (kind, estimator), share in pooled(table).items():
        if estimator == TEXTBOOK[kind][0] and share >= LOWEST:
            found.append(f"{kind}: the biased '{estimator}' holds the truth as well ({share:.1%}).")
    return found


def name(parameter: Parameter) -> str:
    """The parameter in the words of the simulated company."""
    pipeline = pipelines.PIPELINES[pipelines.PIPELINE_CODE[parameter.pipeline]]
    stages = [stage.name for stage in pipeline.stages if stage.id == parameter.stage]
    return ", ".join([parameter.kind, pipeline.name, *stages])


def report(table: Table, truth: Mapping[Parameter, Truth], tried: int, command: str) -> str:
    """The whole page."""
    parts = [_INTRODUCTION.format(
        command=command, size=f"{companies.DEALS:,}", days=companies.DAYS, first=WINDOW[0], last=WINDOW[1], seed=f"{SEED:,}",
    ), _summary(table)]  # fmt: skip
    parts += [
        f"## {kind[0].upper()}{kind[1:]}\n\n{_EXPLAINED[kind]}\n\n{_rows(kind, table, truth, tried)}" for kind in KINDS
    ]
    found = failures(table, tried)
    parts.append("## Verdict\n\n" + ("".join(f"- {each}\n" for each in found) or _SOUND))
    return "\n".join(parts)


def _summary(table: Table) -> str:
    shares = pooled(table)
    lines = ["| parameters | estimator | intervals that hold the truth |", "|---|---|---|"]
    for kind in KINDS:
        for estimator in (MART[kind], *TEXTBOOK[kind]):
            whose = "mart" if estimator == MART[kind] else "textbook"
            lines.append(f"| {kind} | {whose}: {estimator} | {shares[kind, estimator]:.1%} |")
    return "\n".join(lines) + "\n"


def _rows(kind: str, table: Table, truth: Mapping[Parameter, Truth], tried: int) -> str:
    heads = ["parameter", "true value ± standard error", "n", f"of {tried} companies", "share", "mean error"]
    heads += [f"textbook: {each}" for each in TEXTBOOK[kind]]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for parameter, true in truth.items():
        if parameter.kind != kind:
            continue
        mart = table[parameter, MART[kind]]
        cells = [
            name(parameter).partition(", ")[2], f"{true.value:.4f} ± {true.standard_error:.4f}", f"{mart.count:.0f}",
            str(sum(mart.held)), f"{mart.share:.1%}", f"{mart.bias:+.1%}",
        ]  # fmt: skip
        for estimator in TEXTBOOK[kind]:
            biased = table[parameter, estimator]
            cells.append(f"{biased.share:.1%} (error {biased.bias:+.1%})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_INTRODUCTION = """# Do the 95 % intervals hold the truth?

`make coverage` (`{command}`) simulates companies, each of {size} deals that came in the {days} days before the as-of, so young that many deals are
still open, and builds them with the product's own steps, many in one warehouse, each with pipelines of its own. An interval of 95 % should hold the
true value in 95 of 100 companies; the goal is 90 to 99 % for every parameter.

The true values follow from the simulator's own process. They are read off one very large company (seed {seed}; the others have
seeds from 1), without warehouse and SQL: of what began in the days {first} to {last} of its two years, and was followed for eight months at least. Their standard errors are
small beside the width of a company's interval. Beside each interval stands what a textbook puts in its place, with an
interval of its own for the same 95 %.
"""
_EXPLAINED = {
    CONVERSION: "Of the deals that enter a stage for the first time: the share that comes beyond it in that pipeline or is won. The mart's interval is "
    "the Wilson interval of the newest quarter that `mart_sales__stage_conversion_by_cohort` calls matured. The textbook divides by all that ever "
    "entered: those that are still there count as if they would never move on.",
    DWELL: "Days from the entry of a stage to its end, visits of no length left out. The mart's is the Kaplan-Meier median of `mart_sales__time_in_stage`. "
    "The textbook takes the visits that have ended: the long ones are still open and missing.",
    WIN: "Of the deals created: the share that stands as won 90 days later, if nobody deletes or merges them. The mart's is the Aalen-Johansen estimate of "
    "`mart_sales__win_probability`. Three textbooks: the share won so far, for which whoever was not watched long enough has not won; won / closed, "
    "in which losses come sooner than wins and whose errors may cancel; and 1 - Kaplan-Meier with losses as if nobody had watched any further.",
}
_SOUND = "Every parameter lies within 90 and 99 %, and the first textbook version of each kind misses.\n"
