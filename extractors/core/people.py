"""What in a record is about a person: paths that each source declares, read from and cut out of payloads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from extractors.core.spec import People

EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
#: a number as people write it: with a plus, a leading nought or something between its digits. Bare digits are ids more often than telephones
PHONE = re.compile(r"(?<![\w.+])(?:\+[\d(]|0|\(?\d{1,6}[)\s./-])[\d\s()./-]{4,}\d")
WORD = re.compile(r"[^\W\d_]+")
#: fewer digits are a year, an extension, an amount
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 17
#: what stands between the words of a name
BETWEEN_WORDS = 3

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def address_of(text: str) -> str:
    """An e-mail address as it is compared: without regard to capitals; what stands behind a plus counts."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def phone_of(text: str) -> str | None:
    """The digits of a telephone number, None for what is too short or too long to be one."""
    digits = "".join(character for character in text if character.isdecimal()).removeprefix("00")
    return digits if _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE else None


def words_of(text: str) -> tuple[str, ...]:
    """The words of a name as they are compared."""
    return tuple(WORD.findall(unicodedata.normalize("NFC", text).casefold()))


def names_of(parts: list[str]) -> Iterator[tuple[str, ...]]:
    """The ways to write a full name whose parts are given as they are spoken: in that order, and the family's name first.

    One word alone names nobody, unless it is in a script that writes names without a space.
    """
    spoken = [words for words in map(words_of, parts) if words]
    orders = (
        [spoken, [*spoken[1:], *spoken[:1]]]
        if len(spoken) > 1
        else [spoken, [spoken[0][-1:], spoken[0][:-1]]]
        if spoken
        else []
    )
    for order in orders:
        words = tuple(word for part in order for word in part)
        if len(words) > 1 or (words and len(words[0]) > 2 and words[0].upper() == words[0].lower()):
            yield words


def decode(payload: bytes) -> Any:
    """A payload as Python values; numbers keep every digit."""
    return _decode(payload)


class Told:
    """What one record of a table of persons tells: whose it is, and the addresses, names and telephone numbers in it."""

    def __init__(self, people: People, source_id: str, payload: Any) -> None:
        self.is_staff = people.is_staff
        self.persons = [(people.table, source_id)]
        for path, table in people.persons:
            self.persons += [(table, text) for text in texts_at(payload, path)]
        #: (as it is compared, as it is written) of names and telephone numbers
        self.written: list[tuple[str | tuple[str, ...], str]] = []
        self.addresses = {
            address_of(found)
            for path in people.addresses
            for text in texts_at(payload, path)
            for found in EMAIL.findall(text)
        }
        self.phones = set()
        for text in (text for path in people.phones for text in texts_at(payload, path)):
            if (digits := phone_of(text)) is not None and "@" not in text:
                self.phones.add(digits)
                self.written.append((digits, text))
        parts = [" ".join(texts_at(payload, path)) for path in people.names]
        self.names = set(names_of(parts))
        self.written += [(words, " ".join(parts)) for words in self.names]


def texts_at(value: Any, path: str) -> list[str]:
    """What stands at a dotted path, of lists each item, as text."""
    values = [value]
    for step in path.split("."):
        found = []
        for each in values:
            inside = each.get(step) if isinstance(each, dict) else None
            found += inside if isinstance(inside, list) else [inside]
        values = found
    return [str(each) for each in values if each is not None and not isinstance(each, dict | list | bool)]


def without_person(people: People, payload: Any, mark: Callable[[str], str]) -> bytes:
    """The payload with null in place of everything that the table does not declare as kept; the fields' names stay.

    An address, a name or a telephone number that was there becomes `mark` of it: that there was one is no personal datum, and counts
    of whoever could be reached stay as they were.
    """
    return _encode(_kept(payload, frozenset(people.kept), {*people.addresses, *people.names, *people.phones}, mark, ""))


def _kept(value: Any, kept: frozenset[str], marked: set[str], mark: Callable[[str], str], path: str) -> Any:
    if path in kept:
        return value
    if isinstance(value, dict):
        return {
            name: _kept(each, kept, marked, mark, f"{path}.{name}" if path else name) for name, each in value.items()
        }
    if isinstance(value, list):
        return [_kept(each, kept, marked, mark, path) for each in value if isinstance(each, dict | list)]
    return mark(value) if path in marked and isinstance(value, str) and value.strip() else None
