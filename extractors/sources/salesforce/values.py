"""Values in one spelling, whichever way they came: REST says `3300.0` and `+0000`, Bulk says `"3300.0"`, `Z` and nothing for null.

An unchanged row must be the same version whether it came in a page or in a job, so numbers lose idle zeros and exponents, instants end
in `Z` with milliseconds, ids have 18 characters, and an empty text is null (Salesforce knows no difference).
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from extractors.core.cursor import instant_text, parse_instant
from extractors.core.errors import IntegrityError

#: one row: field → value as JSON
Row = dict[str, bytes]
NUMBERS = frozenset({"currency", "double", "percent", "int", "long"})
_NUMERIC_DATA = frozenset({"Currency", "Double", "Percent", "Integer", "Long"})
_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(str)
_CHECK = string.ascii_uppercase + "012345"


def row_of_page(kinds: Mapping[str, str], record: Mapping[str, msgspec.Raw], what: str) -> Row:
    """A row of a REST answer: `kinds` says which fields were asked for and their types. Raises IntegrityError."""
    if not kinds.keys() <= record.keys():
        raise IntegrityError(
            f"Salesforce left {min(kinds.keys() - record.keys())} out of its {what}.", "Start again later."
        )
    row: Row = {}
    for name, kind in kinds.items():
        token = bytes(record[name]).strip()
        if token == b"null":
            row[name] = token
        elif token[:1] == b'"':
            row[name] = spelled(kind, _text.decode(token), what)
        elif kind == "anyType" and token[:1] not in b"tf":
            row[name] = _encode(number(token.decode(), what))
        else:
            row[name] = spelled(kind, token.decode(), what)
    return _history_spelled(row, what)


def row_of_csv(kinds: Mapping[str, str], cells: Mapping[str, str], what: str) -> Row:
    """A row of a Bulk result."""
    return _history_spelled({name: spelled(kind, cells[name], what) for name, kind in kinds.items()}, what)


def spelled(kind: str, text: str, what: str) -> bytes:
    """A value of a field type as JSON, in the one spelling."""
    if text == "":
        return b"null"
    if kind == "boolean" and text in ("true", "false"):
        return text.encode()
    if kind in NUMBERS:
        return number(text, what).encode()
    if kind == "datetime":
        try:
            return _encode(instant_text(parse_instant(text)))
        except ValueError:
            raise IntegrityError(
                f"Salesforce gave an instant that is none in its {what}.", "Start again later."
            ) from None
    if kind in ("id", "reference") and len(text) == 15:
        return _encode(long_id(text))
    return _encode(text)


def number(text: str, what: str) -> str:
    """A number without exponent and idle zeros."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 60:
        raise IntegrityError(f"Salesforce gave a number that is none in its {what}.", "Correct it in Salesforce.")
    return f"{value.normalize():f}" if value else "0"


def long_id(short: str) -> str:
    """15 characters are case-sensitive; the 3 that follow say which letters are capitals."""
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        _CHECK[sum(1 << place for place, each in enumerate(group) if each in string.ascii_uppercase)]
        for group in groups
    )


def text_of(row: Row, name: str) -> str | None:
    """A text field of a row."""
    token = row.get(name, b"null")
    return None if token == b"null" else _text.decode(token)


def payload_of(row: Row) -> bytes:
    """The row as one JSON object, its fields in the order of their names."""
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), row[name]) for name in sorted(row)) + b"}"


def _history_spelled(row: Row, what: str) -> Row:
    """Old and new values of a history have the type of their field, told beside them."""
    if "OldValue" in row and text_of(row, "DataType") in _NUMERIC_DATA:
        for name in ("OldValue", "NewValue"):
            value = text_of(row, name)
            if value is not None:
                row[name] = _encode(number(value, what))
    return row
