"""JSON values, as bytes, that a field of a CRM may hold although it should not; and what a text honestly says as an amount, an instant or a day."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import hypothesis.strategies as st

MONEY = (
    "0.1", "0.30000000000000004", "1e18", "999999999999999999", "9999999999999999.99", "99999999999999999.99", "0.005", "1.2345", "-0", "-0.00", "1e3",
    "1E400", "1e-400", "1.234,56", "1,234.56", "1 234", "1_000", "€5", "5 EUR", "NaN", "Infinity", "-inf", "0x10", "१२", "٣", " 12 ", "+5", ".5", "5.", "--5",
)  # fmt: skip
TIMES = (
    "2024-02-29", "2023-02-29", "2024-02-30", "1900-02-29", "2024-12-31T23:59:60Z", "2024-12-31T24:00:00Z", "2024-03-31T02:30:00", "2024-10-27T02:30:00",
    "2024-01-01T00:00:00+14:00", "2024-01-01T00:00:00-12:00", "2024-01-01T00:00:00+0000", "2024-01-01T12:00:00.123456789Z", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "0000-00-00", "0000-00-00 00:00:00", "20230-01-15", "24-01-05", "0044-03-15 (BC)", "infinity", "-infinity", "epoch", "now",
    "1700000000000", "-62135596800000", "05/01/2024", "5.1.2024", "2024-1-5", "2024-W01-1", "20240105", "١٢-٠١-٢٠٢٤", "2024-01-05T10:00:00 Europe/Berlin", "2024-01-05\u0000",
)  # fmt: skip
TEXTS = (
    "",
    " ",
    "\u0000",
    "a\u0000b",
    "\u202eevil",
    "🜁",
    "é",
    "e\u0301",
    "'; drop table raw.deals; --",
    "{{ env_var('HOME') }}",
    "null",
    "None",
    "x" * 100_000,
)

#: written as they stand, since no encoder writes them; the last of a key's two values is another key's business
RAW = (
    b"null", b"true", b"false", b"0", b"-1", b"1e400", b"-1e400", b"1" + b"0" * 400, b"0." + b"3" * 400, b"9007199254740993", b"[]", b"{}", b'[1,"a",null]',
    b'{"value":5}', b'"\\ud800"', b'"\\udfff\\ud800x"', b'"\\u0000"', b"[" * 200 + b"]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200,
)  # fmt: skip
#: no JSON at all: the page is refused whole
BROKEN = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"01",
    b"'a'",
    b"undefined",
    b'"\x00"',
    b'"\xff"',
    b"[" * 100_000 + b"]" * 100_000,
)


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


TOKENS: st.SearchStrategy[bytes] = st.one_of(
    st.sampled_from(RAW),
    st.sampled_from([*MONEY, *TIMES, *TEXTS]).map(_encoded),
    st.decimals(allow_nan=False, allow_infinity=False).map(str).map(_encoded),
    st.datetimes(timezones=st.none() | st.just(UTC)).map(datetime.isoformat).map(_encoded),
    st.text(max_size=30).map(_encoded),
    st.integers().map(_encoded),
    st.floats(allow_nan=False, allow_infinity=False).map(_encoded),
)


def stated(token: bytes) -> str | None:
    """The text that a JSON value is, as the warehouse sees it; None for null and for what is no single value."""
    value = json.loads(token, parse_float=str, parse_int=str, parse_constant=str)
    if value is None or isinstance(value, list | dict):
        return None
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def amount(text: str) -> Decimal | None:
    """What the text says in cents; None when it is no number."""
    try:
        found = Decimal(text.strip())
        return found.quantize(Decimal("0.01"), ROUND_HALF_UP) if found.is_finite() else None
    except (InvalidOperation, ValueError):
        return None


def instant(text: str) -> datetime | None:
    """The UTC instant the text says, in microseconds cut off; None when it is none. Without an offset it is UTC."""
    if "T24:00:00" in text:  # ISO-8601's other way of writing the next midnight
        midnight = instant(text.replace("T24", "T00"))
        return midnight and midnight + timedelta(days=1)
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return (found if found.tzinfo is None else found.astimezone(UTC)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def millisecond(text: str) -> datetime | None:
    """The same in milliseconds: Salesforce knows no shorter time, and what lands is written in its way."""
    found = instant(text)
    return found and found.replace(microsecond=found.microsecond // 1000 * 1000)


def day(text: str) -> date | None:
    """The day the text begins with; None when it begins with none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
