"""Simulated time: it moves when a request is served or a client says that it sleeps, never by itself."""

from datetime import UTC, datetime
from email.utils import format_datetime

from simulator.seasons import SECOND, instant, iso


class Clock:
    """Starts at a night's extraction instant and stops short of the next one. Milliseconds since 1970, UTC."""

    def __init__(self, night: int) -> None:
        self.set(night)

    def set(self, night: int) -> None:
        """Go to the beginning of a night."""
        self.night = night
        self.now = instant(night)

    def advance(self, milliseconds: int) -> None:
        """Let time pass, at most to the last millisecond before the next night: the truth log goes no further."""
        self.now = min(self.now + max(milliseconds, 0), instant(self.night + 1) - 1)

    def iso(self) -> str:
        """Now, as ISO-8601 with milliseconds."""
        return iso(self.now)

    def http_date(self) -> str:
        """Now, as an HTTP date (whole seconds)."""
        return format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
