"""What no CRM holds, as CSV files: campaigns and spend, process costs, payments, exchange rates, capacity.

The sellers and deals that capacity and payments name are the CRM's: the folder does not list them again. Quotas the company sets in its CRM, as
goals: said here once more they would count twice.

Every file is the complete state as known on the night: all days, weeks and months that had begun by then.
"""

import csv
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from simulator.campaigns import PAID, daily_cents, label
from simulator.chance import Ints, one, uniform
from simulator.company import Company
from simulator.deals import CURRENCIES
from simulator.events import AMOUNT, CURRENCY, NULL, STAGE
from simulator.identities import identify
from simulator.pipelines import IS_WON
from simulator.seasons import BEGINNING, DAY, SECOND, instant, iso
from simulator.sellers import Seller

_PROCESSES = ("attraction", "sales", "retention")


def write(company: Company, night: int, folder: Path) -> list[Path]:
    """Write all files for a night; each replaces the one before at once. Returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    first = datetime.fromtimestamp(BEGINNING // SECOND, UTC).date()
    today = datetime.fromtimestamp(instant(night) // SECOND, UTC).date()
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    months = _months(first, today)
    sellers = company.sellers.everyone
    # A folder has no clock of its own: this file says what time it is for the company.
    (folder / "as_of.txt").write_text(iso(instant(night)) + "\n")
    return [
        _table(folder, "campaigns", ("campaign_id", "campaign_name", "channel"), _campaigns(days)),
        _table(
            folder,
            "marketing_spend",
            ("date", "channel", "amount", "currency_code", "campaign_id"),
            _spend(company, days),
        ),
        _table(
            folder,
            "process_costs",
            ("period_start", "period_end", "process", "amount", "currency_code"),
            _costs(company, months),
        ),
        _table(
            folder,
            "payments",
            ("payment_id", "deal_id", "paid_at", "amount", "currency_code"),
            _payments(company, company.at(night).at),
        ),
        _table(folder, "exchange_rates", ("date", "from_currency", "to_currency", "rate"), _rates(company, days)),
        _table(
            folder,
            "capacity",
            ("owner_id", "week_start", "meetings", "active_deals"),
            _capacity(company, days, sellers),
        ),
    ]


def _table(folder: Path, name: str, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Path:
    path = folder / f"{name}.csv"
    unfinished = folder / f".{name}.csv.unfinished"
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    unfinished.rename(path)
    return path


def _months(first: date, today: date) -> list[tuple[date, date]]:
    """First and last day of every month that has begun."""
    found = []
    start = first.replace(day=1)
    while start <= today:
        following = (start + timedelta(days=32)).replace(day=1)
        found.append((start, following - timedelta(days=1)))
        start = following
    return found


def _shares(company: Company, stream: str, days: list[date]) -> list[float]:
    numbers = np.array([day.toordinal() for day in days], dtype=np.int64)
    drawn: list[float] = uniform(company.seed, stream, numbers).tolist()
    return drawn


def _quarter(channel: str, day: date) -> str:
    return f"{channel}-{day.year}-q{(day.month + 2) // 3}"


def _campaigns(days: list[date]) -> list[tuple[object, ...]]:
    found = dict.fromkeys(
        (_quarter(channel, day), channel, day.year, (day.month + 2) // 3) for day in days for channel in PAID
    )
    return [
        (identity, label(channel, date(year, quarter * 3, 1)), channel) for identity, channel, year, quarter in found
    ]


def _spend(company: Company, days: list[date]) -> Iterable[tuple[object, ...]]:
    """Cents per day and paid channel, in proportion to the company's size; nothing is spent on most weekends."""
    cents_of = {channel: daily_cents(company.seed, company.size, channel, days) for channel in PAID}
    for place, day in enumerate(days):
        for channel in PAID:
            cents = cents_of[channel][place]
            if cents:
                yield day, channel, f"{cents / 100:.2f}", "EUR", _quarter(channel, day)


def _costs(company: Company, months: list[tuple[date, date]]) -> Iterable[tuple[object, ...]]:
    for start, end in months:
        for place, process in enumerate(_PROCESSES):
            amount = (
                company.size
                * (9, 21, 6)[place]
                * (0.95 + 0.1 * one(company.seed, f"cost.{process}", start.toordinal()))
            )
            yield start, end, process, f"{amount:.2f}", "EUR"


def _payments(company: Company, now: int) -> Iterable[tuple[object, ...]]:
    """Most won deals are paid at once within two months, some in two halves, and a few never in full."""
    events = company.ledgers["deals"].events
    known, rank = events.recorded <= now, np.arange(len(events.number))
    begin = events.starts[events.number - events.first]

    def in_force(field: int) -> Ints:
        """The place of the event that set the field last, at every event; -1 if none did."""
        last = np.maximum.accumulate(np.where(known & (events.which == field), rank, -1))
        return np.asarray(np.where(last >= begin, last, -1), dtype=np.int64)

    amounts, currencies = in_force(AMOUNT), in_force(CURRENCY)
    wins = np.flatnonzero(known & (events.which == STAGE) & IS_WON[np.where(events.which == STAGE, events.value, 0)])
    wins = wins[np.unique(events.number[wins], return_index=True)[1]]
    numbers = events.number[wins].astype(np.int64)
    shares = uniform(company.seed, "payment", numbers).tolist()
    waits = (uniform(company.seed, "payment.wait", numbers) * 60 * DAY).astype(np.int64).tolist()
    for place, number, share, wait in zip(wins.tolist(), numbers.tolist(), shares, waits, strict=True):
        cents = int(events.value[amounts[place]]) if amounts[place] >= 0 else NULL
        if cents == NULL or cents <= 0 or currencies[place] < 0 or share > 0.95:
            continue
        currency = int(events.value[currencies[place]])
        halves = [cents] if share < 0.75 else [cents // 2, cents - cents // 2]
        for instalment, part in enumerate(halves[: 1 if share > 0.9 else 2], 1):
            paid = int(events.happened[place]) + wait + (instalment - 1) * 30 * DAY
            if paid <= now and part and currency != NULL:
                deal = identify("deals", number)
                yield f"{deal}-{instalment}", deal, iso(paid), f"{part / 100:.2f}", CURRENCIES[currency]


def _rates(company: Company, days: list[date]) -> Iterable[tuple[object, ...]]:
    """How many euros one unit costs, on working days only: weekends take the last rate."""
    for currency, middle in (("USD", 0.92), ("GBP", 1.16)):
        drift = 0.0
        for day, share in zip(days, _shares(company, f"rate.{currency}", days), strict=True):
            drift = 0.995 * drift + (share - 0.5) * 0.008
            if day.weekday() < 5:
                yield day, currency, "EUR", f"{middle * (1 + drift):.6f}"


def _capacity(company: Company, days: list[date], sellers: tuple[Seller, ...]) -> Iterable[tuple[object, ...]]:
    for day in days:
        if day.weekday() != 0:
            continue
        at = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
        for seller in sellers:
            if seller.joined <= at and (seller.left is None or seller.left > at):
                yield seller.id, day, 8 + seller.number % 5, 20 + seller.number % 4 * 5
