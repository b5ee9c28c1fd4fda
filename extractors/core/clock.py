"""Time as the client sees it: this machine's, or the simulated time of the source it talks to."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from extractors.core.cursor import parse_instant
from extractors.core.errors import ConfigurationError, IntegrityError

log = logging.getLogger(__name__)

SIMULATED_TIME = "X-Simulated-Time"
#: how far a source's clock may run ahead of this machine's before it is no longer believed
SKEW = timedelta(minutes=5)


class Clock(Protocol):
    """`monotonic` and `sleep` in seconds; `see` is told the headers of every answer; `now` is the source's clock."""

    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def see(self, headers: Mapping[str, str]) -> None: ...
    def now(self) -> datetime: ...


class RealClock:
    """This machine's time for waiting; for `now` the source's, from the `Date` of its last answer."""

    def __init__(self) -> None:
        self._date: datetime | None = None
        self._seen_at = 0.0
        self._has_warned = False

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def see(self, headers: Mapping[str, str]) -> None:
        try:
            date = parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, TypeError):
            return
        self._date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        self._seen_at = time.monotonic()

    def now(self) -> datetime:
        """The source's clock, or this machine's where the source's runs ahead of it by more than five minutes.

        The earlier of the two is the safe one: a window that ends too early is read again, one that ends in the future would be
        skipped for ever.
        """
        here = datetime.now(UTC)
        if self._date is None:
            return here
        there = self._date + timedelta(seconds=time.monotonic() - self._seen_at)
        if there - here > SKEW:
            if not self._has_warned:
                log.warning("the source's clock is %s ahead of this machine's; this machine's is used", there - here)
                self._has_warned = True
            return here
        return there


class SimulatedClock:
    """The time a simulated source says with every answer; sleeping asks it to move on, and costs no real waiting."""

    def __init__(self, ask_to_sleep: Callable[[float], None]) -> None:
        self._ask_to_sleep = ask_to_sleep
        self._first: datetime | None = None
        self._now: datetime | None = None

    def monotonic(self) -> float:
        """Seconds since the first answer."""
        return (self._now - self._first).total_seconds() if self._now and self._first else 0.0

    def sleep(self, seconds: float) -> None:
        before = self._now
        # Whole milliseconds, rounded up: the header shows no more, and a shorter sleep would seem to have done nothing.
        self._ask_to_sleep(math.ceil(seconds * 1000) / 1000)
        if seconds > 0 and self._now is not None and self._now == before:
            raise IntegrityError(
                "The source was asked to let its simulated time pass and did not.", "Restart the simulator."
            )

    def see(self, headers: Mapping[str, str]) -> None:
        try:
            self._now = parse_instant(headers[SIMULATED_TIME])
            self._first = self._first or self._now
        except (KeyError, ValueError):
            raise ConfigurationError(
                "The source keeps no simulated time although WATERTIGHT_SIMULATED_TIME is set.",
                "Unset it, or point the source's address at the simulator.",
            ) from None

    def now(self) -> datetime:
        if self._now is None:
            raise ConfigurationError("The source has not answered yet, so its time is unknown.")
        return self._now
