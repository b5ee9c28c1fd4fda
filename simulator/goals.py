"""The life of sellers' goals: one per seller and quarter, set two weeks before; some are revised, some withdrawn."""

import numpy as np

from simulator.campaigns import QUARTERS, at_midnight, quarter_start
from simulator.chance import Flags, Ints, uniform
from simulator.events import AMOUNT, ARCHIVED, CREATED, DELETED, GOAL, NEVER, OWNER, PERIOD, STATUS, Emission, Events
from simulator.seasons import BEGINNING, DAY, HOUR, clean_up_after, workday
from simulator.sellers import Sellers

FIELDS = (GOAL, OWNER, PERIOD, AMOUNT)
KINDS = ("revenue", "average_deal_size")
_STARTS = np.array([at_midnight(quarter_start(index)) for index in range(QUARTERS + 1)], dtype=np.int64)


def count(sellers: Sellers) -> int:
    """How many goals the whole calendar has room for."""
    return QUARTERS * sellers.count


def period_text(index: int) -> str:
    """First and last day of a quarter, `2026-04-01/2026-06-30`."""
    return f"{quarter_start(index)}/{quarter_start(index + 1).fromordinal(quarter_start(index + 1).toordinal() - 1)}"


def period_bounds(index: int) -> tuple[int, int]:
    """First and last millisecond of a quarter."""
    return int(_STARTS[index]), int(_STARTS[index + 1]) - 1


def live(seed: int, numbers: Ints, sellers: Sellers) -> Events:
    """All events of consecutive goals; who is not employed when a quarter begins has none."""
    first, size = int(numbers[0]), len(numbers)
    index, owner = numbers // sellers.count, numbers % sellers.count
    starts = _STARTS[index]
    employed: Flags = (sellers.joined[owner] <= starts) & (sellers.left[owner] >= starts)
    numbers, index, owner, starts = numbers[employed], index[employed], owner[employed], starts[employed]
    created = np.maximum(starts - 14 * DAY, BEGINNING) + owner * 1_000
    out = Emission()
    out.add(numbers, STATUS, created, CREATED)
    out.add(numbers, GOAL, created, (owner % 7 == 6).astype(np.int64))
    out.add(numbers, OWNER, created, owner)
    out.add(numbers, PERIOD, created, index)
    amount = (20_000 + owner % 5 * 5_000 + index * 1_000) * 100
    out.add(numbers, AMOUNT, created, amount)
    # Revised on any day of the quarter, and for some at the clean-up late in it.
    share = uniform(seed, "goal.revised", numbers)
    when = workday(
        seed,
        "goal.revised.day",
        numbers,
        starts + (uniform(seed, "goal.revised.wait", numbers) * 85 * DAY).astype(np.int64),
    )
    when = np.where(
        share < 0.12, clean_up_after(seed, "goal", numbers, starts + 50 * DAY), np.maximum(when, created + HOUR)
    )
    some = share < 0.35
    out.add(numbers[some], AMOUNT, when[some], (amount * 11 // 10)[some])
    fate = uniform(seed, "goal.fate", numbers)
    stop = np.where(fate < 0.08, clean_up_after(seed, "goal.fate", numbers, starts + 50 * DAY), NEVER)
    events = out.close(first, size)
    where = np.searchsorted(numbers, events.number)
    kept = events.keep(events.happened < stop[where])
    out = Emission()
    same = np.zeros(len(kept.number), dtype=np.int16)
    out.columns.append((kept.number.astype(np.int64), kept.which, kept.happened, kept.recorded, kept.value, same))
    hidden, gone = fate < 0.05, (fate >= 0.05) & (fate < 0.08)
    out.add(numbers[hidden], STATUS, stop[hidden], ARCHIVED)
    out.add(numbers[gone], STATUS, stop[gone], DELETED)
    return out.close(first, size)
