"""What the marts' YAML says of the metrics: `config.meta.metrics` of the mart that answers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MARTS = Path(__file__).parents[2] / "dbt_project" / "models" / "marts"
_REQUIRED = {"title", "section", "names", "question", "formula", "edge_cases"}
_OPTIONAL = {"by", "grain", "example"}


@dataclass(frozen=True)
class Mart:
    """A mart that answers metrics: its grain sentence and where the deals behind a figure stand."""

    name: str
    grain: str
    drill_down: str


@dataclass(frozen=True)
class Entry:
    """Metrics that are explained together. `names` are those of `mart_metrics__values`, or of nothing but this page where a metric has no periods.

    The example is `example`, or a query of `mart_metrics__values` by one dimension (`by`) or for one length of period (`grain`).
    """

    title: str
    section: int
    names: tuple[str, ...]
    question: str
    formula: str
    edge_cases: tuple[str, ...]
    mart: Mart
    by: str | None = None
    grain: str = "quarter"
    example: str | None = None


def entries() -> list[Entry]:
    """All of them, by section, in the order of the marts' YAML. Raises ValueError for one that is incomplete or explained twice."""
    found = []
    for path in sorted(MARTS.glob("*/_*.yml")):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            meta = model["config"]["meta"]
            mart = Mart(model["name"], _line(model["description"]), _line(meta["drill_down"]))
            found += [_entry(mart, each) for each in meta.get("metrics", [])]
    names = [name for entry in found for name in entry.names]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"explained twice: {', '.join(sorted(twice))}")
    return sorted(found, key=lambda entry: entry.section)


def _entry(mart: Mart, described: Mapping[str, Any]) -> Entry:
    missing, unknown = _REQUIRED - described.keys(), described.keys() - _REQUIRED - _OPTIONAL
    if missing or unknown or not described["edge_cases"]:
        raise ValueError(f"{mart.name}, {described.get('title')}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    lists = {name: tuple(_line(each) for each in described[name]) for name in ("names", "edge_cases")}
    lines = {name: _line(text) for name, text in described.items() if name not in lists and name != "section"}
    return Entry(mart=mart, section=described["section"], **lists, **lines)


def _line(text: str) -> str:
    return " ".join(text.split())
