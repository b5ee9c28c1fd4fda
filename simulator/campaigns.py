"""The life of marketing campaigns: one per paid channel and quarter, with a budget and with bills that come once a month.

The CRM holds a campaign's totals and the entries they are made of; the day on which money was spent is in no CRM (see `files`). A
month's bill is the sum of its days.
"""

from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np

from simulator.chance import Ints, one, uniform
from simulator.events import BUDGET, CREATED, DELETED, NAME, SPEND, STATUS, Emission, Events
from simulator.links import CHANNELS
from simulator.seasons import BEGINNING, DAY, HISTORY_DAYS, HOUR, LAST_NIGHT, SECOND, clean_up_after

PAID = ("paid_search", "social", "event", "email", "referral")
FIELDS = (NAME, BUDGET, SPEND)
_FIRST = datetime.fromtimestamp(BEGINNING // SECOND, UTC).date()
_START = _FIRST.replace(month=(_FIRST.month - 1) // 3 * 3 + 1, day=1)
_EPOCH = date(1970, 1, 1).toordinal()
QUARTERS = (HISTORY_DAYS + LAST_NIGHT) // 91 + 2
COUNT = QUARTERS * len(PAID)
_TIDIED = PAID.index("referral")
"""The channel whose campaigns are deleted once they are over."""


def quarter_start(index: int) -> date:
    """The first day of a quarter, counted from the one in which the company's history begins."""
    months = _START.year * 12 + _START.month - 1 + index * 3
    return date(months // 12, months % 12 + 1, 1)


def running_at(instant: int) -> int:
    """The quarter in which an instant lies, counted from the one in which the company's history begins."""
    day = datetime.fromtimestamp(instant // SECOND, UTC).date()
    return (day.year - _START.year) * 4 + (day.month - _START.month) // 3


def label(channel: str, day: date) -> str:
    """What a campaign is called."""
    return f"{channel.replace('_', ' ').capitalize()} {day.year} Q{(day.month + 2) // 3}"


def name_of(number: int) -> str:
    """The name of a campaign."""
    return label(PAID[number % len(PAID)], quarter_start(number // len(PAID)))


def daily_cents(seed: int, size: int, channel: str, days: list[date]) -> list[int]:
    """What a channel costs on each day, in proportion to the company's size; nothing on most weekends."""
    shares = uniform(seed, f"spend.{channel}", np.array([day.toordinal() for day in days], dtype=np.int64)).tolist()
    weight = 1.0 / (2 + CHANNELS.index(channel))
    return [
        0 if day.weekday() >= 5 and share < 0.8 else round(size * weight * (0.6 + 0.8 * share) * 3)
        for day, share in zip(days, shares, strict=True)
    ]


def at_midnight(day: date) -> int:
    """The instant at which a day begins."""
    return (day.toordinal() - _EPOCH) * DAY


@lru_cache(maxsize=512)
def bills(seed: int, size: int, number: int) -> tuple[tuple[int, int], ...]:
    """When each bill of a campaign comes and how many cents it is about; a credit note is negative."""
    channel = PAID[number % len(PAID)]
    found: list[tuple[int, int]] = []
    for month in range(3):
        months = _START.year * 12 + _START.month - 1 + number // len(PAID) * 3 + month
        start, end = date(months // 12, months % 12 + 1, 1), date((months + 1) // 12, (months + 1) % 12 + 1, 1)
        days = [date.fromordinal(day) for day in range(max(start, _FIRST).toordinal(), end.toordinal())]
        cents = sum(daily_cents(seed, size, channel, days))
        draw = one(seed, "campaign.bill", number * 4 + month)
        # On the second to fourth day of the next month.
        found.append((at_midnight(end) + DAY + int(draw * 3 * DAY) + 7 * HOUR, cents))
        if one(seed, "campaign.credit", number * 4 + month) < 0.1:
            found.append((found[-1][0] + 4 * DAY, -(cents // 20)))
    return tuple((at, cents) for at, cents in found if cents)


def live(seed: int, size: int, numbers: Ints) -> Events:
    """All events of consecutive campaigns, future ones included."""
    out = Emission()
    starts = np.array([at_midnight(quarter_start(int(number) // len(PAID))) for number in numbers], dtype=np.int64)
    created = starts - 20 * DAY + (uniform(seed, "campaign.day", numbers) * 8 * DAY).astype(np.int64)
    planned = np.array(
        [max(sum(cents for _, cents in bills(seed, size, int(number))), 1_000) for number in numbers], dtype=np.int64
    )
    budget = (planned * (0.85 + 0.35 * uniform(seed, "campaign.budget", numbers)) / 10_000).astype(np.int64) * 10_000
    out.add(numbers, STATUS, created, CREATED)
    out.add(numbers, NAME, created, 0)
    out.add(numbers, BUDGET, created + HOUR, budget)
    raised = uniform(seed, "campaign.raised", numbers) < 0.25
    later = starts + (uniform(seed, "campaign.raised.day", numbers) * 80 * DAY).astype(np.int64)
    out.add(numbers[raised], BUDGET, later[raised], (budget + np.maximum(budget // 5, 100))[raised])
    for number in numbers.tolist():
        so_far = 0
        for at, cents in bills(seed, size, number):
            so_far += cents
            one_number = np.array([number], dtype=np.int64)
            out.add(one_number, SPEND, np.array([at], dtype=np.int64), so_far)
    tidied = numbers[numbers % len(PAID) == _TIDIED]
    gone = clean_up_after(seed, "campaign", tidied, starts[numbers % len(PAID) == _TIDIED] + (91 + 40) * DAY)
    out.add(tidied, STATUS, gone, DELETED)
    return out.close(int(numbers[0]), len(numbers))
