"""Windows over a source's change stamps: inclusive at both ends, reaching back behind the cursor, ending before now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Window:
    """`start` is None on a first load (everything). `end` becomes the manifest's `data_through`.

    `cursor_to` is where the next window starts from; it is never behind `cursor_from`.
    """

    start: datetime | None
    end: datetime
    cursor_from: datetime | None
    cursor_to: datetime


def window_after(cursor: datetime | None, now: datetime, lookback: timedelta, settle: timedelta) -> Window:
    """The window to read when the last one ended at `cursor` (None: never) and the source's clock says `now`.

    Only the source's own now moves the cursor, never a stamp found in a record, so a record dated in the future cannot. A cursor
    ahead of now − settle (the source's clock was put back) stays where it is; the window then reaches back behind the smaller
    of the two, so that what is stamped in the repeated hours is read.
    """
    end = now - settle
    if cursor is None:
        return Window(start=None, end=end, cursor_from=None, cursor_to=end)
    return Window(start=min(cursor, end) - lookback, end=end, cursor_from=cursor, cursor_to=max(cursor, end))


def instant_text(instant: datetime) -> str:
    """ISO-8601 UTC with milliseconds, ending in Z."""
    # Not strftime: it writes the year 24 with two digits.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_instant(text: str) -> datetime:
    """An ISO-8601 instant with offset or Z, as UTC. Raises ValueError; a text without an offset is refused, not guessed."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside of the calendar") from None


def epoch_milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
