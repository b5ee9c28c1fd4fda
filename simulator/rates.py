"""The conversion rates that an administrator sets in the CRM by hand, now and then: not the market's, which `files` holds."""

from typing import NamedTuple

from simulator.seasons import BEGINNING, DAY, HOUR, instant

HOME_CURRENCY = "EUR"


class Rate(NamedTuple):
    """From `since` (ms) on one unit of `currency` is worth `rate` of the home currency."""

    currency: str
    since: int
    rate: float


HISTORY = (
    Rate("USD", BEGINNING - 100 * DAY, 0.92),
    Rate("GBP", BEGINNING - 100 * DAY, 1.16),
    Rate("USD", BEGINNING + 250 * DAY + 9 * HOUR, 0.94),
    Rate("GBP", BEGINNING + 400 * DAY + 10 * HOUR, 1.175),
    Rate("USD", instant(3) - 11 * HOUR, 0.905),
    Rate("GBP", instant(6) - 16 * HOUR, 1.1625),
)
"""In order of time, per currency."""


def in_force(at: int) -> dict[str, Rate]:
    """The newest rate of each currency at an instant."""
    return {rate.currency: rate for rate in HISTORY if rate.since <= at}
