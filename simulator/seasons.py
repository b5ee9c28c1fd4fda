"""The company's calendar: nights, working hours, busy months. All instants are int64 milliseconds since 1970, UTC.

Night N is the extraction that starts at 02:00 UTC; night 1 is 2026-06-02, after two years of history.
"""

from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from simulator.chance import Floats, Ints, uniform

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

HISTORY_DAYS = 730
FIRST_NIGHT = int(datetime(2026, 6, 2, 2, tzinfo=UTC).timestamp()) * SECOND
FIRST_MIDNIGHT = FIRST_NIGHT - 2 * HOUR
BEGINNING = FIRST_MIDNIGHT - HISTORY_DAYS * DAY
LAST_NIGHT = 4_000
CLEAN_UP = FIRST_NIGHT + 3 * DAY - 9 * HOUR
"""One of the afternoons on which the CRM is cleaned up, the one before night 4."""

# Monday first. Weekends are nearly silent, but not quite: forms and automations do not sleep.
_WEEKDAY = np.array([1.05, 1.1, 1.05, 1.0, 0.8, 0.14, 0.09])
# January first: a slow summer, a hectic end of every quarter.
_MONTH = np.array([0.85, 0.95, 1.2, 0.95, 1.0, 1.15, 0.75, 0.65, 1.2, 1.05, 1.1, 1.0])
# Midnight first. The bump at 01:00 and 02:00 is the other side of the world and the automations: it keeps the extraction
# instant busy, so that windows and index lag are exercised every night.
_HOUR = np.array(
    [0.7, 1.5, 1.8, 0.6, 0.4, 0.6, 1.5, 5, 8, 10, 10, 9, 6, 8, 10, 9, 7, 4, 2, 1.2, 1, 0.8, 0.6, 0.6],
)
_HOURS = np.concatenate([[0.0], np.cumsum(_HOUR / _HOUR.sum())])


def instant(night: int) -> int:
    """The extraction instant of a night."""
    return FIRST_NIGHT + (night - 1) * DAY


def iso(at: int) -> str:
    """ISO-8601 with milliseconds, ending in Z."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % SECOND:03d}Z"


def within_day(share: Floats) -> Ints:
    """Milliseconds after midnight, by the share [0, 1) of the day's business already done."""
    hours = np.interp(share, _HOURS, np.arange(25.0))
    return np.asarray(np.minimum((hours * HOUR).astype(np.int64), DAY - 1))


def workday(seed: int, stream: str, numbers: Ints, at: Ints) -> Ints:
    """Move instants to the same day's (or, from most weekends, next Monday's) hours of work."""
    day = at // DAY
    weekday = (day + 3) % 7
    stays = uniform(seed, stream + ".weekend", numbers) < 0.12
    shift = np.where((weekday >= 5) & ~stays, 7 - weekday, 0)
    return np.asarray((day + shift) * DAY + within_day(uniform(seed, stream + ".hour", numbers)), dtype=np.int64)


def batch(seed: int, stream: str, numbers: Ints, at: Ints) -> Ints:
    """Move instants to the same day's nightly job, which runs from 01:53 to 02:07: the night begins in the middle of it."""
    return np.asarray(
        at // DAY * DAY + 113 * MINUTE + (uniform(seed, stream + ".batch", numbers) * 14 * MINUTE).astype(np.int64)
    )


def clean_up_after(seed: int, stream: str, numbers: Ints, at: Ints) -> Ints:
    """Move instants to the next clean-up of the CRM: every 30 days somebody merges duplicates and deletes what nobody needs, in one afternoon."""
    rounds = -((CLEAN_UP - at) // (30 * DAY))
    afternoon = (uniform(seed, stream + ".clean_up", numbers) * 4 * HOUR).astype(np.int64)
    return np.asarray(CLEAN_UP + rounds * 30 * DAY + afternoon, dtype=np.int64)


class Arrivals:
    """When the deals come in: deal i's instant is a pure, rising function of i.

    `size` deals have come by the first night, all of them in the last `history_days` before it; after it they keep coming at the same
    seasonal pace, and a growth of 20 % a year.
    """

    def __init__(self, seed: int, size: int, history_days: int = HISTORY_DAYS) -> None:
        self.seed = seed
        self.size = size
        first = FIRST_MIDNIGHT // DAY - history_days
        days = np.arange(first, first + history_days + LAST_NIGHT + 200)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        weight = _WEEKDAY[(days + 3) % 7] * _MONTH[months] * (1 + 0.2 * (days - first) / 365)
        self._first = first
        self._cumulative = np.concatenate([[0.0], np.cumsum(weight)])
        done_by_two = float(np.interp(2, np.arange(25), _HOURS))
        self._by_first_night = float(self._cumulative[history_days] + weight[history_days] * done_by_two)

    @cached_property
    def capacity(self) -> int:
        """How many deals the whole calendar holds."""
        return int(self.size * (self._cumulative[-1] / self._by_first_night)) - 2

    def at(self, numbers: Ints) -> Ints:
        """The instants at which the deals with these numbers are created."""
        share = (numbers + uniform(self.seed, "arrival", numbers)) / self.size
        place = share * self._by_first_night
        day = np.clip(np.searchsorted(self._cumulative, place, side="right") - 1, 0, len(self._cumulative) - 2)
        start = self._cumulative[day]
        within = (place - start) / (self._cumulative[day + 1] - start)
        return np.asarray((self._first + day) * DAY + within_day(np.clip(within, 0, 0.999999)), dtype=np.int64)

    def count(self, until: int) -> int:
        """How many deals are created before an instant."""
        low, high = 0, self.capacity
        while low < high:
            middle = (low + high) // 2
            if int(self.at(np.array([middle], dtype=np.int64))[0]) < until:
                low = middle + 1
            else:
                high = middle
        return low
