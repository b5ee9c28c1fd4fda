"""SOQL, as far as an honest client needs it: select lists, aggregates, conditions, grouping, order, limit.

Conditions are tuples: ("and"|"or", left, right), ("not", inner), or (operator, field, value). Values are text, int, float, bool, None, a date
as text in `DateText`, or an instant in ms in `Instant`.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.salesforce.answers import malformed

MOST_CHARACTERS = 100_000
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.)*')
    |(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d)
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_.]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_AGGREGATES = ("COUNT", "SUM", "MIN", "MAX", "AVG", "COUNT_DISTINCT")


class Instant(int):
    """Milliseconds since 1970."""


class DateText(str):
    """YYYY-MM-DD."""

    __slots__ = ()


@dataclass(frozen=True)
class Item:
    """One entry of the select list: a field, or an aggregate over one (`COUNT()` has none)."""

    field: str | None
    aggregate: str | None = None
    alias: str | None = None


@dataclass
class Query:
    """A parsed query."""

    items: list[Item]
    entity: str
    where: Any = None
    group: list[str] = field(default_factory=list)
    order: list[tuple[str, bool, bool | None]] = field(default_factory=list)
    limit: int | None = None

    @property
    def is_count(self) -> bool:
        """`SELECT COUNT() FROM …`: answered by `totalSize` alone."""
        return self.items == [Item(None, "COUNT")]

    @property
    def is_aggregate(self) -> bool:
        return bool(self.group) or any(item.aggregate for item in self.items)


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None or found.end() == place:
                raise malformed(f"unexpected token: '{text[place : place + 20]}'")
            self.tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            place = found.end()
        self.place = 0

    def peek(self) -> str:
        """The next token, words in capitals; empty at the end."""
        if self.place >= len(self.tokens):
            return ""
        kind, text = self.tokens[self.place]
        return text.upper() if kind == "name" else text

    def take(self, wanted: str | None = None) -> str:
        if self.place >= len(self.tokens) or (wanted is not None and self.peek() != wanted):
            raise malformed(
                f"unexpected token: '{self.peek() or '<EOF>'}'" + (f", expected {wanted}" if wanted else "")
            )
        self.place += 1
        return self.tokens[self.place - 1][1]

    def name(self) -> str:
        if self.place >= len(self.tokens) or self.tokens[self.place][0] != "name":
            raise malformed(f"unexpected token: '{self.peek() or '<EOF>'}'")
        return self.take()

    def accept(self, *words: str) -> bool:
        start = self.place
        for word in words:
            if self.peek() != word:
                self.place = start
                return False
            self.place += 1
        return True


def parse(text: str) -> Query:
    """Parse a query. Raises Refused (MALFORMED_QUERY)."""
    if len(text) > MOST_CHARACTERS:
        raise malformed("SOQL statements cannot be longer than 100,000 characters.")
    reader = _Reader(text)
    reader.take("SELECT")
    items = [_item(reader)]
    while reader.accept(","):
        items.append(_item(reader))
    reader.take("FROM")
    query = Query(items, reader.name())
    if reader.accept("WHERE"):
        query.where = _either(reader)
    if reader.accept("GROUP", "BY"):
        query.group = [reader.name()]
        while reader.accept(","):
            query.group.append(reader.name())
    if reader.accept("ORDER", "BY"):
        query.order = [_order(reader)]
        while reader.accept(","):
            query.order.append(_order(reader))
    if reader.accept("LIMIT"):
        query.limit = int(reader.take())
    if reader.peek():
        raise malformed(f"unexpected token: '{reader.peek()}'")
    return query


def _item(reader: _Reader) -> Item:
    name = reader.name()
    if not reader.accept("("):
        return Item(name)
    if name.upper() not in _AGGREGATES:
        raise malformed(f"unexpected token: '{name}('")
    inner = None if reader.peek() == ")" else reader.name()
    reader.take(")")
    alias = reader.take() if reader.peek() not in (",", "FROM") else None
    return Item(inner, name.upper(), alias)


def _order(reader: _Reader) -> tuple[str, bool, bool | None]:
    name, descending, nulls_first = reader.name(), False, None
    if reader.accept("DESC"):
        descending = True
    else:
        reader.accept("ASC")
    if reader.accept("NULLS", "FIRST"):
        nulls_first = True
    elif reader.accept("NULLS", "LAST"):
        nulls_first = False
    return name, descending, nulls_first


def _either(reader: _Reader) -> Any:
    left = _both(reader)
    while reader.accept("OR"):
        left = ("or", left, _both(reader))
    return left


def _both(reader: _Reader) -> Any:
    left = _one(reader)
    while reader.accept("AND"):
        left = ("and", left, _one(reader))
    return left


def _one(reader: _Reader) -> Any:
    if reader.accept("NOT"):
        return ("not", _one(reader))
    if reader.accept("("):
        inner = _either(reader)
        reader.take(")")
        return inner
    name = reader.name()
    if reader.accept("NOT", "IN"):
        return ("not", ("in", name, _list(reader)))
    if reader.accept("IN"):
        return ("in", name, _list(reader))
    sign = reader.take()
    if sign not in ("=", "!=", "<>", "<", "<=", ">", ">="):
        raise malformed(f"unexpected token: '{sign}'")
    return ("!=" if sign == "<>" else sign, name, _value(reader))


def _list(reader: _Reader) -> list[Any]:
    reader.take("(")
    values = [_value(reader)]
    while reader.accept(","):
        values.append(_value(reader))
    reader.take(")")
    return values


def _value(reader: _Reader) -> Any:
    kind = reader.tokens[reader.place][0] if reader.place < len(reader.tokens) else ""
    text = reader.take()
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if kind == "instant":
        return Instant(round(datetime.fromisoformat(text).timestamp() * 1_000))
    if kind == "date":
        return DateText(text)
    if kind == "number":
        return float(text) if "." in text else int(text)
    words = {"TRUE": True, "FALSE": False, "NULL": None}
    if kind != "name" or text.upper() not in words:
        raise malformed(f"unexpected token: '{text}'")
    return words[text.upper()]
