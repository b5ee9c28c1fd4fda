"""Histories of deals as arrays: which tracked field took which value when. About eight events a deal, over two years.

One event is one entry of a deal's history in its CRM. Values are codes; `company.py` says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import pipelines

Ints = NDArray[np.int64]

STAGE, PIPELINE, AMOUNT, CURRENCY, CLOSE, OWNER, MERGED = range(7)
SECOND = 1_000_000
DAY = 86_400 * SECOND
#: the night that loads everything, and the one after it that loads what changed; microseconds since 1970
FIRST_NIGHT = int(np.datetime64("2026-06-01T02:00:00", "us").astype(np.int64))
SECOND_NIGHT = FIRST_NIGHT + DAY
YEARS = 2
OWNERS = 120
CURRENCIES = ("EUR", "USD", "GBP")

_BLOCK = 100_000
_MOVES = 14
_LAST_OPEN = pipelines.OPEN_COUNT - 1


@dataclass(frozen=True)
class Events:
    """Parallel arrays, one place per event. `place` orders what happened to a deal at one instant."""

    deal: Ints
    field: Ints
    at: Ints
    place: Ints
    code: Ints


class _Book:
    def __init__(self) -> None:
        self._parts: list[tuple[Ints, ...]] = []

    def write(self, deal: Ints, field: int, at: Ints, code: Ints, place: int) -> None:
        self._parts.append((deal, np.full_like(deal, field), at, np.full_like(deal, place), code))

    def close(self) -> Events:
        return Events(*(np.concatenate(column) for column in zip(*self._parts, strict=True)))


def draw(seed: int, first: int, deals: int, last_day: int) -> Iterator[Events]:
    """Events of the deals `first` … `first + deals - 1`, created in this order in the two years that end at the instant `last_day`.

    In blocks of deals. The same numbers give the same lives, whatever else is drawn beside them.
    """
    for start in range(0, deals, _BLOCK):
        place = np.arange(start, min(start + _BLOCK, deals))
        dice = np.random.default_rng([seed, abs(first), start])
        age = 1 - (place + dice.random(len(place))) / deals
        yield _draw_block(dice, first + place, last_day - (age * YEARS * 365 * DAY).astype(np.int64), last_day)


def _draw_block(dice: np.random.Generator, deal: Ints, at: Ints, last_day: int) -> Events:
    book = _Book()
    count = len(deal)
    pipeline = dice.choice(3, count, p=[0.6, 0.25, 0.15])
    rank = (dice.random(count) < 0.07).astype(np.int64)
    stage = pipelines.OPEN[pipeline, rank]
    _begin(dice, book, deal, at, pipeline, stage)
    swallows = (deal % 2000 == 1000) & (at < last_day - 30 * DAY)
    book.write(deal[swallows], MERGED, at[swallows] + 20 * DAY, deal[swallows] - 1, 20)
    for place in range(1, _MOVES):
        closed = pipelines.IS_WON[stage] | pipelines.IS_LOST[stage]
        wait = np.where(
            closed, 15 + 150 * dice.random(count), dice.exponential(2.2 * pipelines.MEAN_DAYS[stage] + 0.01)
        )
        at = at + (wait * DAY).astype(np.int64)
        moves = (at < last_day) & (dice.random(count) < np.where(closed, 0.05, 0.97))
        deal, at, pipeline, rank, stage = (each[moves] for each in (deal, at, pipeline, rank, stage))
        count = len(deal)
        if not count:
            break
        before = pipeline
        pipeline, rank, stage = _next_places(dice, pipeline, rank, stage)
        # A CRM now and then repeats a value that stands already, and the ledger drops it.
        written = (pipeline != before) | (dice.random(count) < 0.01)
        book.write(deal[written], PIPELINE, at[written], pipeline[written], place)
        _move(dice, book, deal, at, stage, place)
    return book.close()


def _begin(dice: np.random.Generator, book: _Book, deal: Ints, at: Ints, pipeline: Ints, stage: Ints) -> None:
    count = len(deal)
    book.write(deal, PIPELINE, at, pipeline, 0)
    book.write(deal, STAGE, at, stage, 0)
    for field, share, code in (
        (AMOUNT, 0.8, np.exp(6 + 5 * dice.random(count)).astype(np.int64) * 100),
        (CURRENCY, 0.3, dice.choice(3, count, p=[0.7, 0.2, 0.1])),
        (CLOSE, 0.3, at // DAY + dice.integers(20, 150, count)),
        (OWNER, 0.85, dice.integers(0, OWNERS, count)),
    ):
        known = dice.random(count) < share
        book.write(deal[known], field, at[known], code[known], 0)


def _next_places(dice: np.random.Generator, pipeline: Ints, rank: Ints, stage: Ints) -> tuple[Ints, Ints, Ints]:
    """One move each: on, over a stage, back (a re-entry), to another pipeline, lost, won, or open again."""
    luck = dice.random(len(stage))
    closed = pipelines.IS_WON[stage] | pipelines.IS_LOST[stage]
    moved = ~closed & (luck > 0.985)
    pipeline = np.where(moved, (pipeline + 1) % 3, pipeline)
    last = _LAST_OPEN[pipeline]
    step = np.select([luck < 0.60, luck < 0.67, luck < 0.77], [1, 2, -1], 0)
    # Open again, or in another pipeline: a place at its beginning, so an earlier stage is entered anew.
    wanted = np.where(closed | moved, luck > 0.5, rank + step)
    is_lost = ~closed & (luck >= 0.77) & ~moved
    is_won = ~closed & ~moved & (wanted > last)
    rank = np.clip(wanted, 0, last)
    stage = pipelines.OPEN[pipeline, rank]
    stage = np.where(is_won, pipelines.WON[pipeline], stage)
    stage = np.where(is_lost, np.where(luck < 0.9, pipelines.LOST[pipeline], pipelines.LOST_TOO[pipeline]), stage)
    return pipeline, rank, stage


def _move(dice: np.random.Generator, book: _Book, deal: Ints, at: Ints, stage: Ints, place: int) -> None:
    count = len(deal)
    book.write(deal, STAGE, at, stage, place)
    for field, share, code in (
        (AMOUNT, 0.12, np.exp(6 + 5 * dice.random(count)).astype(np.int64) * 100),
        (CLOSE, 0.05, at // DAY + dice.integers(5, 90, count)),
        (OWNER, 0.03, dice.integers(0, OWNERS, count)),
    ):
        changed = dice.random(count) < share
        book.write(deal[changed], field, at[changed] + SECOND * 5, code[changed], place)
    closing = (pipelines.IS_WON[stage] | pipelines.IS_LOST[stage]) & (dice.random(count) < 0.3)
    book.write(deal[closing], CLOSE, at[closing], at[closing] // DAY, place)


def draw_night(seed: int, deals: int, changed: int, late: float = 0.05) -> Events:
    """What the second night brings: `changed` deals, a tenth of them new (numbers from `deals` on), the others among the
    youngest fifth. A share `late` of the events happened weeks before: somebody wrote them down late."""
    dice = np.random.default_rng([seed, 4711])
    book = _Book()
    new = np.arange(deals, deals + changed // 10)
    at = FIRST_NIGHT + dice.integers(0, DAY, len(new))
    pipeline = dice.choice(3, len(new), p=[0.6, 0.25, 0.15])
    _begin(dice, book, new, at, pipeline, pipelines.OPEN[pipeline, 0])
    old = np.sort(dice.choice(np.arange(deals - deals // 5, deals), changed - len(new), replace=False))
    at = FIRST_NIGHT + dice.integers(0, DAY, len(old)) - (dice.random(len(old)) < late) * 40 * DAY
    pipeline = dice.choice(3, len(old), p=[0.6, 0.25, 0.15])
    stage = pipelines.OPEN[pipeline, dice.integers(0, 3, len(old))]
    stage = np.where(dice.random(len(old)) < 0.2, pipelines.WON[pipeline], stage)
    book.write(old, PIPELINE, at, pipeline, 20)
    _move(dice, book, old, at, stage, 20)
    merged = old[: len(old) // 200]
    book.write(merged, MERGED, FIRST_NIGHT + np.arange(len(merged)), merged - deals // 4, 20)
    return book.close()
