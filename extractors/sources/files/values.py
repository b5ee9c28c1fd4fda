"""One cell of a file → canonical text. Exact, or refused: nothing is rounded, guessed or shifted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from extractors.sources.files.contract import FIELD_KINDS, OF_THE_FIELD, Kind

Parse = Callable[[str], str]

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_INTEGER = re.compile(r"(-?)0*([0-9]+?)(\.0*)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.([0-9]{1,9}))?\s?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BOOLEANS = {"true": "true", "false": "false", "1": "true", "0": "false"}
#: the widest offsets that any place on earth keeps
_OFFSETS = (timedelta(hours=-12), timedelta(hours=14))
_MOST_DIGITS = 38


class UnfitError(ValueError):
    """The value is not of its column's kind; the text says what is wrong with it, without the value's column."""


def parse_of(kind: Kind) -> Parse | None:
    """The parser of a kind: non-empty text → canonical text, UnfitError otherwise. None for text, which stays as it is."""
    if isinstance(kind, tuple):
        return _one_of(kind)
    return _PARSERS[kind]


def parse_of_field(field: str) -> Parse | None:
    """The parser of a deal change's values, by its field."""
    return parse_of(FIELD_KINDS[field])


def _one_of(words: tuple[str, ...]) -> Parse:
    known = dict.fromkeys(words)

    def parse(text: str) -> str:
        if text not in known:
            raise UnfitError(f"{shown(text)} is none of {', '.join(words)}")
        return text

    return parse


def _instant(text: str) -> str:
    if len(text) == 20 and text[19] == "Z" and text[10] == "T":
        # The canonical form itself, which most rows have: checked by the standard library, kept as it is.
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            if _INSTANT.fullmatch(text):
                return text
    match = _INSTANT.fullmatch(text)
    if match is None:
        if _DATE.fullmatch(text):
            raise UnfitError(f"{shown(text)} is a date without a time; write {text}T00:00:00Z if midnight UTC is meant")
        raise UnfitError(f"{shown(text)} is no ISO-8601 instant such as 2026-01-31T08:15:00Z")
    day, minutes, seconds, fraction, offset = match.groups()
    if seconds is None and fraction is not None:
        raise UnfitError(f"{shown(text)} has a fraction without seconds")
    fraction = fraction or ""
    if fraction[6:].strip("0"):
        raise UnfitError(f"{shown(text)} is finer than a microsecond")
    try:
        instant = datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}").replace(
            microsecond=int(fraction[:6].ljust(6, "0"))
        )
    except ValueError:
        raise UnfitError(f"{shown(text)} is a day or time that does not exist") from None
    if offset not in (None, "Z"):
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:].lstrip(":") or 0))
        if (
            int(offset[3:].lstrip(":") or 0) > 59
            or not _OFFSETS[0] <= (ahead := ahead * (-1 if offset[0] == "-" else 1)) <= _OFFSETS[1]
        ):
            raise UnfitError(f"{shown(text)} has an offset that no place on earth keeps")
        try:
            instant -= ahead
        except OverflowError:
            raise UnfitError(f"{shown(text)} lies outside the years 1 to 9999") from None
    return instant.isoformat() + "Z"


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise UnfitError(f"{shown(text)} is no date such as 2026-01-31")
    try:
        date.fromisoformat(text)
    except ValueError:
        raise UnfitError(f"{shown(text)} is a day that does not exist") from None
    return text


def _decimal(text: str) -> Decimal:
    if not _DECIMAL.fullmatch(text):
        if text.strip("+-").lower() in ("nan", "inf", "infinity"):
            raise UnfitError(f"{shown(text)} is not a number; leave the cell empty where nothing is known")
        if "," in text:
            raise UnfitError(f"{shown(text)} has a comma; write thousands without a mark and . as the decimal point")
        raise UnfitError(f"{shown(text)} is no decimal number such as 1234.50")
    # Built by hand from the digits, so that no context rounds it.
    return Decimal(text)


def _number(text: str) -> str:
    number = _decimal(text)
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    if not any(digits):
        return "0"
    significant = "".join(map(str, digits)).lstrip("0")
    trimmed = significant.rstrip("0")
    exponent += len(significant) - len(trimmed)
    if max(len(trimmed), len(trimmed) + exponent, -exponent) > _MOST_DIGITS:
        raise UnfitError(f"{shown(text)} has more than {_MOST_DIGITS} digits")
    if exponent >= 0:
        plain = trimmed + "0" * exponent
    else:
        padded = trimmed.rjust(-exponent + 1, "0")
        plain = f"{padded[:exponent]}.{padded[exponent:]}"
    return f"-{plain}" if sign else plain


def _amount(text: str) -> str:
    plain = _number(text)
    whole, _, cents = plain.partition(".")
    if len(cents) > 2:
        raise UnfitError(f"{shown(text)} has more than two decimals, and amounts are kept exact to the hundredth")
    if len(whole.lstrip("-")) > 16:
        raise UnfitError(f"{shown(text)} is too large: an amount has at most 16 digits before the point")
    return f"{whole}.{cents.ljust(2, '0')}"


def _positive(text: str) -> str:
    plain = _number(text)
    if plain == "0" or plain.startswith("-"):
        raise UnfitError(f"{shown(text)} is not above zero")
    return plain


def _share(text: str) -> str:
    plain = _number(text)
    if plain not in ("0", "1") and not plain.startswith("0."):
        raise UnfitError(f"{shown(text)} is not between 0 and 1")
    return plain


def _integer(text: str) -> str:
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise UnfitError(f"{shown(text)} is no whole number")
    sign, digits = match[1], match[2]
    if len(digits) > 19 or not -(2**63) <= int(sign + digits) < 2**63:
        raise UnfitError(f"{shown(text)} is too large for a whole number of 64 bits")
    return str(int(sign + digits))


def _count(text: str) -> str:
    plain = _integer(text)
    if plain.startswith("-"):
        raise UnfitError(f"{shown(text)} is below zero")
    return plain


def _boolean(text: str) -> str:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise UnfitError(f"{shown(text)} is neither true nor false") from None


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise UnfitError(f"{shown(text)} is no currency code of three capital letters such as EUR")
    return text


def shown(text: str) -> str:
    """A value as it may stand in a message: quoted, control characters escaped, cut to 60 characters."""
    return (
        ascii(text)
        if len(text) <= 60 and not text.isprintable()
        else repr(text if len(text) <= 60 else text[:57] + "…")
    )


_PARSERS: dict[str, Parse | None] = {
    "text": None,
    OF_THE_FIELD: None,
    "instant": _instant,
    "date": _date,
    "amount": _amount,
    "number": _number,
    "positive": _positive,
    "share": _share,
    "integer": _integer,
    "count": _count,
    "boolean": _boolean,
    "currency": _currency,
}
