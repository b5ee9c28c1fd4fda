"""The true parameters of the simulator's process: what a company's figures would be if it had sold for ever.

The simulator states its process as draws (`simulator/deals.py`), not as conversion rates and medians. These follow from it, and are read off the
lives of one very large company of a seed that no tested company has: no warehouse and no SQL takes part, and what counts began so long before the end
that hardly a life is cut off. The end is night 8, on which the company removes a stage: nothing but the process shows before it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import deals, pipelines
from simulator.chance import Flags, Ints
from simulator.events import CREATED, NEVER, RESTORED, STAGE, STATUS, Events
from simulator.seasons import BEGINNING, DAY, HISTORY_DAYS, Arrivals
from simulator.sellers import Sellers

#: the seed of the large company; the tested ones have seeds below it
SEED = 1_000_003
#: the days of the large company in which a deal is created, or a stage is entered, that counts
WINDOW = (200, 480)
WIN_DAYS = 90
_BLOCK = 100_000
_NOWHERE = -1

CONVERSION, DWELL, WIN = "stage conversion", "median days in stage", f"win probability by day {WIN_DAYS}"
KINDS = (CONVERSION, DWELL, WIN)


@dataclass(frozen=True)
class Parameter:
    """`stage` is the stage's id in the CRM, empty for the win probability of a pipeline."""

    kind: str
    pipeline: str
    stage: str = ""


@dataclass(frozen=True)
class Truth:
    """A share, or days; `standard_error` of its own estimate from `count` deals or visits."""

    value: float
    standard_error: float
    count: int


@dataclass(frozen=True)
class Walks:
    """Deals in rows, the visits of a deal in columns: code of the stage (-1 behind the last) and the instant of its entry in ms. `gone` is when the
    deal was deleted or merged away, NEVER for most; `is_undisturbed` where nothing of the kind, nor a restoration, ever happened to it."""

    stage: Ints
    entered: Ints
    gone: Ints
    is_undisturbed: Flags

    @property
    def left(self) -> Ints:
        """When each visit ended, NEVER where it did not."""
        following = np.concatenate([self.entered[:, 1:], np.full((len(self.entered), 1), NEVER)], axis=1)
        return np.asarray(np.minimum(following, self.gone[:, None]))


def walks(events: Events) -> Walks:
    """The ways of the deals, by the instants at which things happened."""
    moves = events.keep(events.which == STAGE)
    length = np.diff(moves.starts)
    shape = (moves.count, int(length.max()))
    stage, entered = np.full(shape, _NOWHERE, dtype=np.int64), np.full(shape, NEVER, dtype=np.int64)
    row = moves.number - moves.first
    column = np.arange(len(row)) - moves.starts[row]
    stage[row, column], entered[row, column] = moves.value, moves.happened
    fates = events.keep((events.which == STATUS) & (events.value != CREATED))
    place = fates.number - fates.first
    gone = np.full(moves.count, NEVER, dtype=np.int64)
    ends = fates.value != RESTORED
    gone[place[ends]] = fates.happened[ends]
    back = np.unique(place[fates.value == RESTORED])
    gone[back] = NEVER  # who was restored went on where it had stopped
    is_undisturbed = np.ones(moves.count, dtype=bool)
    is_undisturbed[place] = False
    return Walks(stage, entered, gone, is_undisturbed)


def true_parameters(size: int) -> dict[Parameter, Truth]:
    """All of them, from a company of `size` deals in two years."""
    arrivals, sellers = Arrivals(SEED, size), Sellers(SEED, size)
    found: dict[Parameter, list[NDArray[np.float64]]] = defaultdict(list)
    for begin in range(0, size, _BLOCK):
        numbers = np.arange(begin, min(begin + _BLOCK, size), dtype=np.int64)
        events = deals.live(SEED, numbers, arrivals, sellers)
        # whoever stands in the stage that is removed then is moved beyond it at once, and would look converted
        way = walks(events.keep(events.happened < pipelines.REMOVED_AT))
        for parameter, values in _observed(way):
            found[parameter].append(values)
    return {
        parameter: _median(np.concatenate(values)) if parameter.kind == DWELL else _share(np.concatenate(values))
        for parameter, values in found.items()
    }


def _observed(way: Walks) -> list[tuple[Parameter, NDArray[np.float64]]]:
    """For a share 0 or 1 of each deal, for a median the days of each visit (infinite where it never ends)."""
    found = []
    first, last = (BEGINNING + day * DAY for day in WINDOW)
    counts = (way.entered >= first) & (way.entered < last)
    days = np.where(way.left < NEVER, (way.left - way.entered) / DAY, np.inf)
    moved_on = _moved_on(way)
    for code, stage in enumerate(pipelines.STAGES):
        if stage.kind != "open":
            continue
        here = way.stage == code
        once = here & (np.cumsum(here, axis=1) == 1) & counts
        found.append((Parameter(CONVERSION, stage.pipeline, stage.id), moved_on[once].astype(float)))
        found.append((Parameter(DWELL, stage.pipeline, stage.id), days[here & counts & (days > 0)]))
    created = way.entered[:, 0]
    stands = np.sum(way.entered <= (created + WIN_DAYS * DAY)[:, None], axis=1) - 1
    won = pipelines.IS_WON[way.stage[np.arange(len(stands)), stands]].astype(float)
    for pipeline in pipelines.PIPELINES:
        begun = np.isin(way.stage[:, 0], [pipelines.CODE[each.id] for each in pipeline.stages])
        # deletions and merges strike without regard to how a deal goes: those they spare are like the others would have been
        found.append((Parameter(WIN, pipeline.id), won[begun & counts[:, 0] & way.is_undisturbed]))
    return found


def _moved_on(way: Walks) -> Flags:
    """For each visit: whether the deal came later to a place beyond it in the same pipeline, or was won anywhere, before it was gone."""
    happened = (way.stage != _NOWHERE) & (way.entered < way.gone[:, None])
    moved_on = np.zeros(way.stage.shape, dtype=bool)
    for later in range(1, way.stage.shape[1]):
        there = way.stage[:, later][:, None]
        here = way.stage[:, :later]
        is_beyond = (_PIPELINE[there] == _PIPELINE[here]) & (_RANK[there] > _RANK[here])
        moved_on[:, :later] |= happened[:, later][:, None] & (is_beyond | pipelines.IS_WON[there])
    return moved_on


_PIPELINE = np.array([pipelines.PIPELINE_CODE[stage.pipeline] for stage in pipelines.STAGES], dtype=np.int64)
#: the place on the pipeline's scale: open stages in their order, won behind them, lost before them
_RANK = np.array(
    [
        99 if stage.kind == "won" else 0 if stage.kind == "lost" else code + 1
        for code, stage in enumerate(pipelines.STAGES)
    ],
    dtype=np.int64,
)


def _share(values: NDArray[np.float64]) -> Truth:
    share = float(values.mean())
    return Truth(share, math.sqrt(share * (1 - share) / len(values)), len(values))


def _median(values: NDArray[np.float64]) -> Truth:
    """Its standard error: half the distance between the order statistics one standard deviation below and above the middle one."""
    ordered, middle = np.sort(values), len(values) / 2
    reach = math.sqrt(len(values)) / 2
    low, high = ordered[int(middle - reach)], ordered[int(middle + reach)]
    return Truth(float(ordered[int(middle)]), float(high - low) / 2, len(values))


assert HISTORY_DAYS - WINDOW[1] > 2 * WIN_DAYS, "the lives that count are followed for long"
