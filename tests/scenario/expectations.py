"""What was worked out by hand, as data, and the SQL that finds the same figure in a mart or in `mart_metrics__values`."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.keys import deal_key, stable_key

FOLDER = Path(__file__).parent
#: how a `where` names a thing of the company, and the mart's column that holds its key
KEYS = {
    "pipeline": ("pipelines", "pipeline_key"),
    "stage": ("stages", "stage_key"),
    "last_open_stage": ("stages", "last_open_stage_key"),
    "owner": ("owners", "owner_key"),
    "deal": ("deals", "deal_key"),
}
MEASURES = ("value", "numerator", "denominator")
Where = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """A metric by the name of `mart_metrics__values`. `columns`: measure to column of the mart; `only`: its rows of the mart."""

    name: str
    section: int
    mart: str
    question: str
    unit: str
    grains: tuple[str, ...]
    dimensions: tuple[str, ...]
    columns: dict[str, str]
    only: dict[str, Any] = field(default_factory=dict)
    is_summed: bool = False
    deals: str | None = None


@dataclass(frozen=True)
class Expected:
    """One row of a mart: `figures` by column, or the `deals` that must stand in the rows found. `why` is the reasoning."""

    metric: Metric
    mart: str
    where: Where
    figures: dict[str, Any]
    deals: list[str] | None
    values_at: Where
    why: str

    @property
    def is_summed(self) -> bool:
        return self.metric.is_summed and self.mart == self.metric.mart


@cache
def metrics() -> dict[str, Metric]:
    """All metrics by name. Raises ValueError where a name comes twice."""
    listed = yaml.safe_load((FOLDER / "metrics.yml").read_text())["metrics"]
    found = {each["name"]: Metric(**each) for each in listed}
    if len(found) != len(listed):
        raise ValueError("a metric is listed twice in metrics.yml")
    return found


def settings() -> dict[str, str]:
    """The settings that the company declares."""
    declared: dict[str, str] = yaml.safe_load((FOLDER / "declared.yml").read_text())["settings"]
    return declared


@cache
def expected() -> tuple[Expected, ...]:
    """Every expected row. Raises ValueError for a word that nobody reads, or a mart that is not the metric's."""
    found = []
    for path in sorted((FOLDER / "expected").glob("*.yml")):
        for group in yaml.safe_load(path.read_text()):
            metric = metrics()[group["metric"]]
            if group["mart"] not in (metric.mart, metric.deals):
                raise ValueError(f"{path.name}: {group['mart']} is not a mart of {metric.name}")
            found += [_row(metric, group["mart"], row) for row in group["rows"]]
    return tuple(found)


def _row(metric: Metric, mart: str, row: dict[str, Any]) -> Expected:
    unknown = row.keys() - {"where", "also", "deals", "values_at", "why", *MEASURES}
    if unknown or not row["why"]:
        raise ValueError(f"{metric.name}: {row['where']}: {unknown or 'without its reasoning'}")
    figures = {metric.columns[name]: row[name] for name in MEASURES if name in row} | row.get("also", {})
    return Expected(
        metric, mart, row["where"], figures, row.get("deals"), row.get("values_at", row["where"]), row["why"]
    )


@cache
def _ids(file: str) -> dict[str, str]:
    """The source ids of a file's rows by the last part of the key: a stage is named without its pipeline."""
    with (FOLDER / "company" / f"{file}.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    if file == "stages":
        return {row["stage_id"]: f"{row['pipeline_id']}|{row['stage_id']}" for row in rows}
    return {row[f"{file[:-1]}_id"]: row[f"{file[:-1]}_id"] for row in rows}


def key(kind: str, name: str) -> str:
    """The warehouse's key of a pipeline, stage, owner or deal of the company."""
    return (deal_key if kind == "deal" else stable_key)("files", "files", _ids(KEYS[kind][0])[name])


def conditions(where: Where, *, in_values: bool = False) -> dict[str, Any]:
    """Column to value: `period`, `split` and the company's own names spelled out as the marts do.

    In `mart_metrics__values` (whose key column is not published, `dimension_key` here) a stage is a split like any other.
    """
    found: dict[str, Any] = {}
    for name, value in where.items():
        if name == "period":
            found["period_grain"], start = value.split()
            found["period_start"] = date.fromisoformat(start)
        elif name == "split":
            dimension, _, member = value.partition(" ")
            found["dimension"] = dimension
            found["dimension_key"] = key(dimension, member) if dimension in KEYS else member or "all"
        elif name == "stage" and in_values:
            found |= {"dimension": "stage", "dimension_key": key("stage", value)}
        elif name in KEYS:
            found[KEYS[name][1]] = key(name, value)
        else:
            found[name] = value
    return found


def number(written: Any) -> Any:
    """A fraction such as 8/11 as a number; anything else as it is written."""
    if isinstance(written, str) and written.replace("/", "").replace("-", "").isdigit() and "/" in written:
        return float(Fraction(written))
    return written


def published(entry: Expected) -> dict[str, dict[str, Any]]:
    """What `mart_metrics__values` must say: metric to measures, for the entry's own metric and every other one whose column it states."""
    at = conditions(entry.values_at, in_values=True)
    if not {"period_grain", "dimension_key"} <= at.keys() or entry.mart != entry.metric.mart:
        return {}
    narrowed = at.keys() - {"period_grain", "period_start", "dimension", "dimension_key"}
    if narrowed:
        return {}
    return {
        metric.name: {name: entry.figures[column] for name, column in metric.columns.items() if column in entry.figures}
        for metric in metrics().values()
        if metric.mart == entry.mart
        and metric.only == entry.metric.only
        and at["period_grain"] in metric.grains
        and metric.columns.get("value") in entry.figures
    }
