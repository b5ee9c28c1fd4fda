"""The table of the proof, as it stands in the documentation, and why some faults leave no evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.planted.faults import FILES, FILES_BARE, HUBSPOT, HUBSPOT_UNDATED, KINDS, SOURCES
from tests.planted.proof import Judged, by_test

GOAL = 0.98
_NO_OLD_VALUES = (HUBSPOT.name, HUBSPOT_UNDATED.name, FILES_BARE.name)
_FOLDERS = (FILES.name, FILES_BARE.name)
_EVERY = tuple(source.name for source in SOURCES)

#: (kinds, sources, why some or all of these faults leave no evidence)
REASONS: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        ("move doubled, at once",),
        _EVERY,
        "Harmless: the same stage again is no move, the facts are the same. Where old values are given, the second row's own is wrong, and that is said.",
    ),
    (
        ("middle move lost", "middle move lost, stage entered again", "middle move arrives late"),
        (HUBSPOT_UNDATED.name, FILES_BARE.name),
        "Neither an old value nor a date of entry speaks of a move in between; only one that changed the pipeline too shows by its stage.",
    ),
    (
        (
            "middle move lost, stage entered again",
            "middle move arrives late",
            "move doubled, later",
            "move shifted past another",
            "move shifted between its neighbours",
            "tie swapped",
        ),
        (HUBSPOT.name,),
        (
            "HubSpot dates the latest stay in each stage only: what was overlaid by a later stay in the stage and in the one before it is dated nowhere. "
            "Of two amounts at one instant it states no order but its own."
        ),
    ),
    (
        ("move doubled, later", "move shifted past another", "tie swapped"),
        (HUBSPOT_UNDATED.name, FILES_BARE.name),
        (
            "Without old values and dates an order is contradicted only by where it ends: evident when the last value changed, or, in HubSpot, when a stage "
            "falls to the wrong pipeline."
        ),
    ),
    (
        ("move shifted between its neighbours",),
        (HUBSPOT_UNDATED.name, FILES.name, FILES_BARE.name),
        "The order stays, and nothing but the history states the instant; a change of pipeline shows in HubSpot when its stage stays behind.",
    ),
    (
        ("history cut to 30 days",),
        (FILES.name,),
        "A file need not hold a row for the creation: the first old value stands for it, whatever came before.",
    ),
    (
        ("middle amount lost", "middle owner lost", "middle expected close lost"),
        _NO_OLD_VALUES,
        "Only the history tells of a value in between, and it gives no old values. HubSpot's dates are of stages.",
    ),
    (
        (
            "last amount lost, record outdated too",
            "wrong currency, record too",
            "newest version arrives late",
            "deletion lost",
        ),
        _FOLDERS,
        "The folder is its own and only statement: no list, no totals beside it. An outdated copy that agrees with itself is a state like any other.",
    ),
    (
        ("newest version arrives late",),
        (HUBSPOT.name, HUBSPOT_UNDATED.name),
        "A move there and back at one instant leaves every count and every date as it was.",
    ),
    (
        ("wrong owner, record too",),
        _EVERY,
        "No source is asked for totals by owner: they are counted by pipeline, stage and currency.",
    ),
    (
        ("wrong pipeline, in between",),
        (FILES_BARE.name,),
        "Without old values nothing contradicts it; a file may use one stage id in several pipelines, so that the stage proves nothing.",
    ),
)


def reason_of(kind: str, source: str) -> str | None:
    """Why faults of a kind leave no evidence in a source; None when they always should."""
    return next((why for kinds, sources, why in REASONS if kind in kinds and source in sources), None)


def shortfalls(judged: Iterable[Judged]) -> list[str]:
    """Sentences on kinds below the goal, and on missing evidence that nobody explains."""
    sentences = []
    for row in judged:
        if row.caught < GOAL * row.evident:
            sentences.append(
                f"{row.kind} in {row.source}: caught {row.caught} of {row.evident}, fewer than {GOAL:.0%}."
            )
        if row.evident + row.harmless < row.planted and reason_of(row.kind, row.source) is None:
            sentences.append(
                f"{row.kind} in {row.source}: {row.planted - row.evident} without evidence, and no reason is given."
            )
    return sentences


def table(judged: Sequence[Judged]) -> str:
    """Kind × source, then kind × test, then the reasons, in Markdown."""
    rows = {(row.kind, row.source): row for row in judged}
    lines = [
        "| kind of fault | " + " | ".join(_EVERY) + " |",
        "|---|" + "---|" * len(_EVERY),
        *(f"| {kind.name} | " + " | ".join(_cell(rows[kind.name, name]) for name in _EVERY) + " |" for kind in KINDS),
        "",
        "Which test named how many of the faults (one fault may be named by several):",
        "",
        "| test | kinds of fault |",
        "|---|---|",
    ]
    for test, kinds in sorted(by_test(judged).items()):
        lines.append(f"| `{test}` | " + "; ".join(f"{kind} {count}" for kind, count in kinds.items()) + " |")
    lines += [
        "",
        "Where a source gives no evidence, or not always, and why:",
        "",
        "| kind | source | why |",
        "|---|---|---|",
    ]
    lines += [f"| {', '.join(kinds)} | {', '.join(sources)} | {why} |" for kinds, sources, why in REASONS]
    return "\n".join(lines)


def _cell(row: Judged) -> str:
    if not row.evident:
        return "harmless" if row.harmless == row.planted else "no evidence"
    silent = row.planted - row.evident
    return f"{row.caught / row.evident:.1%} of {row.evident}" + (f" ({silent} without evidence)" if silent else "")
