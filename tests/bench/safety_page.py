"""docs/proofs/safety.md, from what `python -m tests.bench.safety` measured."""

from __future__ import annotations

import statistics
from typing import Any

from tests.bench.measure import ROOT, Figure

PAGE = ROOT / "docs" / "proofs" / "safety.md"
#: all safety together, as a share of the night that has it
GOAL = 0.10

_INTRODUCTION = """# What safety costs of a night

Written by `make safety`. A night is run with everything that guards it and, switched off in the benchmark only, without: two nights of a pair work on copies
of one home, in turns which comes first, each in a process of its own. What counts is processor time (user + system) of the process and its children; the
share is that of the night with safety, taken pair by pair. The goal is less than 10 %.

The night is the second one of a company as HubSpot gives it: half a per cent of the deals changed. It begins with the answers (no request is made, which
would make the night dearer and safety no dearer) and goes on through landing files, load, the whole dbt project with its data tests, verification and publication.

Safety is what only matters when a disk, a process or a file fails. Data tests are not among it, nor DuckDB's own log and fsyncs, nor the copy of what is
published, which readers need anyway.
"""


def page(measured: dict[int, list[dict[str, Any]]]) -> tuple[str, bool]:
    """The page, and whether the goal is kept at every size. `measured`: deals → nights in the order in which they ran, two of a pair side by side."""
    lines = [
        _INTRODUCTION,
        "## All of it",
        "| deals | pairs | share, median | least to most | met | with, CPU-s | without, CPU-s | seconds by the clock | dbt's nodes | rows landed | warehouse, MB | published, MB |",
        "|" + "---|" * 12,
    ]
    is_kept = True
    for deals, nights in measured.items():
        share, safe, unsafe = (
            _shares(nights),
            [each for each in nights if each["is_safe"]],
            [each for each in nights if not each["is_safe"]],
        )
        is_kept = is_kept and share.median < GOAL
        cpu, bare = (statistics.median(each["cpu"] for each in some) for some in (safe, unsafe))
        wall, bare_wall = (statistics.median(each["wall"] for each in some) for some in (safe, unsafe))
        first = safe[0]
        lines.append(
            f"| {deals:,} | {len(safe)} | **{100 * share.median:.1f} %** | {100 * share.least:.1f} to {100 * share.most:.1f} % "
            f"| {'yes' if share.median < GOAL else '**no**'} | {cpu:.2f} | {bare:.2f} | {wall:.1f}, {bare_wall:.1f} | {first['nodes']} "
            f"| {first['rows']:,} | {first['warehouse_mb']:.0f} | {first['published_mb']:.0f} |"
        )
    lines += [
        "",
        "## By part",
        "Processor time within the nights that have it, medians: measured around each part, and so less noisy than the difference of two nights.",
        "",
        "| part | " + " | ".join(f"{deals:,} deals, CPU-s | share" for deals in measured) + " |",
        "|" + "---|" * (1 + 2 * len(measured)),
    ]
    names = sorted(
        {name for nights in measured.values() for each in nights for name in each["parts"]},
        key=lambda name: -_part([*measured.values()][-1], name)[0],
    )
    for name in names:
        cells = [
            f"{seconds:.3f} | {100 * share:.2f} %"
            for seconds, share in (_part(nights, name) for nights in measured.values())
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sums = [
        (sum(_part(nights, name)[0] for name in names), sum(_part(nights, name)[1] for name in names))
        for nights in measured.values()
    ]
    lines.append("| together | " + " | ".join(f"{seconds:.3f} | {100 * share:.2f} %" for seconds, share in sums) + " |")
    return "\n".join(lines) + "\n", is_kept


def _shares(nights: list[dict[str, Any]]) -> Figure:
    pairs = zip(nights[::2], nights[1::2], strict=True)
    ordered = [(one, other) if one["is_safe"] else (other, one) for one, other in pairs]
    return Figure.of([(safe["cpu"] - unsafe["cpu"]) / safe["cpu"] for safe, unsafe in ordered])


def _part(nights: list[dict[str, Any]], name: str) -> tuple[float, float]:
    """Median CPU seconds of a part and its median share of the night."""
    safe = [each for each in nights if each["is_safe"]]
    return (
        statistics.median(each["parts"].get(name, 0.0) for each in safe),
        statistics.median(each["parts"].get(name, 0.0) / each["cpu"] for each in safe),
    )
