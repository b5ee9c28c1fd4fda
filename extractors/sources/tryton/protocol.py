"""Tryton's JSON-RPC: what it wraps in objects, unwrapped.

`{"__class__": "Decimal", "decimal": "1.50"}` becomes the text `1.50`, a datetime (always UTC: the server sets its own zone so) an
ISO-8601 instant ending in Z with six decimals, a date `YYYY-MM-DD`. Anything else that is wrapped is refused, so that a field of
a new kind is noticed and not stored in a shape that nobody reads.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from extractors.core.errors import IntegrityError

_MEND = "Nothing was kept; this version of Tryton says something that is not understood yet."


def plain(value: Any) -> Any:
    """A decoded answer without wrappers. Raises IntegrityError for one that is unknown or malformed."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind is None:
        return {name: plain(one) for name, one in value.items()}
    try:
        if kind == "Decimal":
            return str(value["decimal"])
        if kind == "datetime":
            return instant_text(_datetime(value))
        if kind == "date":
            return date(value["year"], value["month"], value["day"]).isoformat()
    except (KeyError, TypeError, ValueError):
        raise IntegrityError(f"Tryton sent a {kind} that cannot be read.", _MEND) from None
    raise IntegrityError(f"Tryton sent a value of kind {str(kind)[:40]!r}.", _MEND)


def instant_of(value: Any) -> datetime:
    """A wrapped datetime as an aware instant. Raises IntegrityError."""
    try:
        if value["__class__"] == "datetime":
            return _datetime(value)
    except (KeyError, TypeError, ValueError):
        pass
    raise IntegrityError("Tryton sent something else where an instant is due.", _MEND)


def wrapped(instant: datetime) -> dict[str, Any]:
    """An aware instant as Tryton wants it."""
    utc = instant.astimezone(UTC)
    return {
        "__class__": "datetime",
        "year": utc.year, "month": utc.month, "day": utc.day,
        "hour": utc.hour, "minute": utc.minute, "second": utc.second, "microsecond": utc.microsecond,
    }  # fmt: skip


def instant_text(instant: datetime) -> str:
    """Microseconds always written, so that texts sort like instants."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _datetime(value: dict[str, Any]) -> datetime:
    return datetime(
        value["year"], value["month"], value["day"],
        value["hour"], value["minute"], value["second"], value["microsecond"], tzinfo=UTC,
    )  # fmt: skip
