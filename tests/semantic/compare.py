"""The figures of both sides, quarter by quarter, and where they differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from tests.semantic.layer import TIME, Layer, split_by_metric

#: cents that rounding leaves in sums of amounts, and digits that a double loses in another order of addition
_ABSOLUTE, _RELATIVE = 0.005, 1e-9
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Compared:
    """How many metrics and figures were compared, and a sentence for each figure that differs."""

    metrics: tuple[str, ...]
    figures: int
    differences: tuple[str, ...]


def compare(layer: Layer) -> Compared:
    """Every metric that both sides know, of all quarters: by stage where the metric has stages, else of the whole company."""
    with duckdb.connect(str(layer.marts), read_only=True) as connection:
        held = _held(connection)
        known = {metric for metric, _, _ in held}
        answered = dict(_answered(layer, known))
    metrics = sorted({metric for metric, _, _ in answered} & known)
    places = sorted(place for place in held.keys() | answered.keys() if place[0] in metrics)
    differences = [
        f"{metric}, quarter from {quarter}, {part}: mf query {answered.get((metric, quarter, part))},"
        f" mart_metrics__values {held.get((metric, quarter, part))}"
        for metric, quarter, part in places
        if not is_same(answered.get((metric, quarter, part)), held.get((metric, quarter, part)))
    ]
    return Compared(tuple(metrics), len(places), tuple(differences))


def is_same(one: float | None, other: float | None) -> bool:
    """Equal but for rounding. Nothing counted is 0 on one side and no row on the other."""
    if one is None or other is None:
        return not one and not other
    return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE if abs(other) > 1 else _RELATIVE)


def _held(connection: duckdb.DuckDBPyConnection) -> dict[Place, float | None]:
    """(metric, quarter, stage key or `all`) to the value of the table."""
    rows = connection.execute("""
        select metric, cast(period_start as varchar), coalesce(stages.dimension_key, 'all'), "value"
        from mart_metrics__values as figures
        left join mart_metrics__dimension_values as stages
            on figures.dimension = 'stage' and stages.dimension = 'stage' and stages.dimension_value = figures.dimension_value
        where period_grain = 'quarter' and figures.dimension in ('all', 'stage')
    """).fetchall()
    return {(metric, quarter, part): value for metric, quarter, part, value in rows}


def _answered(layer: Layer, known: set[str]) -> Iterator[tuple[Place, float | None]]:
    """The same from the semantic layer: one query for the whole company, one for each dimension of stages."""
    by_split: dict[str | None, list[str]] = {}
    for metric, split in split_by_metric().items():
        if metric in known:
            by_split.setdefault(split, []).append(metric)
    for split, metrics in by_split.items():
        for row in layer.ask(metrics, split):
            for metric in metrics:
                part = row[split] if split else "all"
                yield (metric, row[TIME][:10], part), float(row[metric]) if row[metric] else None
