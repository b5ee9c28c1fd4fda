"""Many young companies in one warehouse, each with pipelines of its own: written as folders of files, built by the product's own steps."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from extractors.core.settings import Settings
from simulator import deals, pipelines
from simulator.events import CREATED, PIPELINE, RESTORED, STAGE, STATUS, Events
from simulator.seasons import Arrivals, instant, iso
from simulator.sellers import Sellers
from warehouse.build import build_as_of
from watertight import night as steps

#: deals of a company until the as-of, and the days in which they came: so young that many are still open
DEALS, DAYS = 1_000, 150
AS_OF = instant(1)
MARTS = ("mart_sales__stage_conversion_by_cohort", "mart_sales__time_in_stage", "mart_sales__win_probability")

_CODES = [pipeline.id for pipeline in pipelines.PIPELINES]


def pipeline_id(seed: int, pipeline: str) -> str:
    """A pipeline's id in the warehouse: the company's seed, then the simulator's id."""
    return f"{seed}.{pipeline}"


def build(seeds: Sequence[int], home: Path, size: int = DEALS) -> Path:
    """The file with the marts of the companies of these seeds, made in the folder `home`. Raises what the product's steps raise."""
    settings = Settings(home_dir=home / "home", files_dir=home / "files", simulated_time=True, _env_file=None)
    settings.home.mkdir(parents=True)
    _write(seeds, home / "files", size)
    planned = steps.plan(settings, ["files"], one_process=True)
    for task in planned["tasks"]:
        steps.extract(settings, task)
    steps.load(settings, planned["run_id"])
    build_as_of(settings, MARTS, None, steps.silent)
    steps.give_up(settings, planned["run_id"])
    return settings.marts_file


def _write(seeds: Sequence[int], folder: Path, size: int) -> None:
    folder.mkdir(parents=True)
    (folder / "as_of.txt").write_text(iso(AS_OF) + "\n")
    _table(folder, "pipelines", ("pipeline_id", "pipeline_name"), (
        (pipeline_id(seed, each.id), each.name) for seed in seeds for each in pipelines.PIPELINES
    ))  # fmt: skip
    _table(folder, "stages", ("pipeline_id", "stage_id", "stage_name", "stage_order", "stage_kind"), (
        (pipeline_id(seed, each.id), stage.id, stage.name, order, stage.kind)
        for seed in seeds for each in pipelines.PIPELINES for order, stage in enumerate(each.stages, 1)
    ))  # fmt: skip
    held = {seed: _known(seed, size) for seed in seeds}
    _table(folder, "deals", (
        "deal_id", "pipeline_id", "stage_id", "created_at", "is_deleted", "deleted_at", "merged_into_deal_id"
    ), (row for seed, events in held.items() for row in _deals(seed, events)))  # fmt: skip
    _table(folder, "deal_changes", ("deal_id", "field", "new_value", "changed_at", "sequence"), (
        row for seed, events in held.items() for row in _changes(seed, events)
    ))  # fmt: skip


def _table(folder: Path, name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _known(seed: int, size: int) -> Events:
    """What the company had recorded by the as-of."""
    arrivals = Arrivals(seed, size, DAYS)
    numbers = np.arange(arrivals.count(AS_OF + 1), dtype=np.int64)
    events = deals.live(seed, numbers, arrivals, Sellers(seed, size))
    return events.keep((events.recorded <= AS_OF) & np.isin(events.which, (STATUS, STAGE, PIPELINE)))


def _deal_id(seed: int, number: int) -> str:
    return f"{seed}.{number}"


def _deals(seed: int, events: Events) -> Iterator[tuple[object, ...]]:
    for place, number in enumerate(range(events.first, events.first + events.count)):
        mine = slice(int(events.starts[place]), int(events.starts[place + 1]))
        which, value, happened = (column[mine] for column in (events.which, events.value, events.happened))
        stage = pipelines.STAGES[int(value[which == STAGE][-1])]
        status, at = int(value[which == STATUS][-1]), int(happened[which == STATUS][-1])
        is_gone = status not in (CREATED, RESTORED)
        yield (
            _deal_id(seed, number), pipeline_id(seed, stage.pipeline), stage.id, iso(int(happened[0])),
            str(is_gone).lower(), iso(at) if is_gone else None, _deal_id(seed, status) if status >= 0 else None,
        )  # fmt: skip


def _changes(seed: int, events: Events) -> Iterator[tuple[object, ...]]:
    """Every change of pipeline and stage, that of the creation among them, in the order of the deal's own life."""
    moves = events.keep(events.which != STATUS)
    columns = (moves.number, moves.which, moves.value, moves.happened)
    for sequence, (number, which, value, at) in enumerate(zip(*(each.tolist() for each in columns), strict=True), 1):
        word = pipelines.STAGES[value].id if which == STAGE else pipeline_id(seed, _CODES[value])
        yield _deal_id(seed, number), "stage" if which == STAGE else "pipeline", word, iso(at), sequence
