"""The shapes of Pipedrive's answers, as far as they are looked into; everything else stays the bytes that were received."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.errors import IntegrityError
from extractors.core.spec import Record

T = TypeVar("T")

#: one object: its top-level keys and their values as received
Object = dict[str, msgspec.Raw]

_id = msgspec.json.Decoder(int | str)
_text = msgspec.json.Decoder(str | None)
_flag = msgspec.json.Decoder(bool | None)
_number = msgspec.json.Decoder(int)
encode = msgspec.json.Encoder().encode


class NextPage(msgspec.Struct):
    """How a list goes on: v2 gives `next_cursor`, v1 the place of the next page, in an object of its own or beside the rest."""

    next_cursor: str | None = None
    more_items_in_collection: bool = False
    next_start: int | None = None
    pagination: NextPage | None = None


class ListPage(msgspec.Struct):
    """A page of objects. v1 says null for an empty list."""

    success: bool
    data: list[Object] | None
    additional_data: NextPage | None = None

    @property
    def next_cursor(self) -> str | None:
        return self.additional_data.next_cursor if self.additional_data else None

    def next_start(self, start: int) -> int | None:
        """Where the next page of a v1 list starts; None after the last."""
        said = (self.additional_data.pagination or self.additional_data) if self.additional_data else None
        if said is None or not said.more_items_in_collection:
            return None
        return said.next_start if said.next_start is not None else start + len(self.data or [])


class Goals(msgspec.Struct):
    goals: list[Object] = []


class GoalsFound(msgspec.Struct):
    """GET /v1/goals/find."""

    data: Goals | None = None


class Me(msgspec.Struct):
    """The account behind a token."""

    company_id: int
    company_domain: str | None = None


class Myself(msgspec.Struct):
    """GET /v1/users/me."""

    data: Me


class CurrencyTotal(msgspec.Struct):
    count: int
    value: msgspec.Raw = msgspec.Raw(b"0")

    @property
    def amount(self) -> Decimal:
        """The number as it was written, never through a binary fraction."""
        try:
            found = Decimal(bytes(self.value).decode())
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            raise IntegrityError("Pipedrive gave a total that is no number.", "Start again later.")
        return found


class Totals(msgspec.Struct):
    total_count: int
    values_total: dict[str, CurrencyTotal] = {}


class Summary(msgspec.Struct):
    """GET /v1/deals/summary."""

    data: Totals


class Statistics(msgspec.Struct):
    """Statistics of one pipeline, looked into by nobody here."""

    data: msgspec.Raw


def _value(said: Object, key: str, decoder: msgspec.json.Decoder[T], kind: str) -> T:
    try:
        return decoder.decode(said[key])
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError):
        wrong = f"Pipedrive gave one of its {kind} without a {key} that can be read."
        raise IntegrityError(wrong, "Nothing of it was kept; start again later.") from None


def id_of(said: Object, kind: str, key: str = "id") -> str:
    """The object's id as text. Raises IntegrityError without one."""
    return str(_value(said, key, _id, kind))


def number_of(said: Object, kind: str, key: str = "id") -> int:
    """A whole number of the object. Raises IntegrityError without one."""
    return _value(said, key, _number, kind)


def stamp_of(said: Object, kind: str, *keys: str) -> str | None:
    """The first of these instants that the object has, as ISO-8601 UTC ending in Z; v1 writes its own without a zone.

    Raises IntegrityError for a text that is no instant.
    """
    for key in keys:
        text: str | None = _value(said, key, _text, kind) if key in said else None
        if text:
            stamp = text if text.endswith("Z") else text.replace(" ", "T") + "Z"
            try:
                parse_instant(stamp)
            except ValueError:
                wrong = f"Pipedrive gave one of its {kind} with a {key} that is no instant."
                raise IntegrityError(wrong, "Nothing of it was kept; start again later.") from None
            return stamp
    return None


def is_set(said: Object, key: str, kind: str) -> bool:
    """Whether a flag is there and true. Raises IntegrityError for what is no flag."""
    return key in said and bool(_value(said, key, _flag, kind))


def payload_of(said: Object) -> bytes:
    """The object's values as received, spliced in the order of their keys: not encoded anew."""
    return b"{%s}" % b",".join([b"%s:%s" % (encode(key), said[key]) for key in sorted(said)])


def record_of(said: Object, kind: str) -> Record:
    """The record of an object as received."""
    return Record(
        id_of(said, kind),
        stamp_of(said, kind, "update_time", "modified"),
        is_set(said, "is_deleted", kind),
        payload_of(said),
    )


def records_of(objects: Sequence[Object], kind: str) -> list[Record]:
    """The records of a page, whose ids must differ. Raises IntegrityError."""
    records = [record_of(said, kind) for said in objects]
    if len({record.source_id for record in records}) < len(records):
        raise IntegrityError(f"Pipedrive gave one of its {kind} twice on one page.", "Start again later.")
    return records
