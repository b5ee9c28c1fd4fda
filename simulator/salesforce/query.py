"""Queries run: rows found, conditions applied, order, groups; values left unspelled."""

from collections.abc import Callable
from typing import Any

from simulator.hubspot.deal_properties import RATES
from simulator.rates import HOME_CURRENCY
from simulator.salesforce import activities, history, objects, settings, trade
from simulator.salesforce.answers import Refused, malformed, no_column, no_object
from simulator.salesforce.identities import number_of, with_check
from simulator.salesforce.org import Org
from simulator.salesforce.rows import Bounds, Field, Rows, SObject
from simulator.salesforce.soql import Instant, Item, Query

_FAR = 2**62
_FIXED = {
    each.name: each
    for each in (
        objects.ACCOUNT, objects.CONTACT, objects.LEAD, activities.TASK, activities.EVENT, activities.ROLE, history.OPPORTUNITY_HISTORY,
        history.OPPORTUNITY_FIELD_HISTORY, history.LEAD_HISTORY, *settings.OBJECTS, *trade.OBJECTS,
    )
}  # fmt: skip


def object_named(org: Org, name: str) -> SObject | None:
    """The object, None where there is none or this user may not see it."""
    if name in org.hidden_objects:
        return None
    return objects.opportunity(org.further_fields) if name == "Opportunity" else _FIXED.get(name)


def object_names(org: Org) -> list[str]:
    return sorted(name for name in ("Opportunity", *_FIXED) if name not in org.hidden_objects)


def field_named(found: SObject, name: str) -> Field | None:
    """A field of the object, or of a parent by its path."""
    return found.fields.get(name) or found.related.get(name)


class Result:
    """What a query gives: names and types of the columns, and a list of values for each row."""

    def __init__(self, entity: str, columns: list[tuple[str, str]], rows: list[list[Any]]) -> None:
        self.entity = entity
        self.columns = columns
        self.rows = rows


class _Reader:
    """Fields of some rows, each rendered once."""

    def __init__(self, org: Org, found: SObject, rows: Rows) -> None:
        self.found = found
        self.rows = rows
        self.org = org
        self._held: dict[str, list[Any]] = {}

    def values(self, name: str) -> list[Any]:
        field = field_named(self.found, name)
        if field is None or (self.found.name, name) in self.org.hidden_fields:
            raise no_column(name, self.found.name)
        if name not in self._held:
            self._held[name] = field.render(self.rows)
        return self._held[name]

    def take(self, chosen: list[int]) -> "_Reader":
        return _Reader(self.org, self.found, self.rows.take(chosen))


def run(org: Org, query: Query, now: int, deleted_too: bool) -> Result:
    """Run a query at an instant. Raises Refused (INVALID_TYPE, INVALID_FIELD, MALFORMED_QUERY)."""
    found = object_named(org, query.entity)
    if found is None:
        raise no_object(query.entity)
    reader = _Reader(org, found, found.find(org, now, _bounds(found, query.where)))
    keep = list(range(len(reader.rows)))
    if not deleted_too:
        for name in ("IsDeleted", "IsArchived"):
            if name in found.fields:
                keep = [place for place in keep if not reader.values(name)[place]]
    if query.where is not None:
        passes = _condition(reader, query.where)
        keep = [place for place in keep if passes(place)]
    for name, descending, nulls_first in reversed(query.order if not query.is_aggregate else []):
        column = reader.values(name)
        first = (not descending) if nulls_first is None else nulls_first
        full = sorted(
            (place for place in keep if column[place] is not None), key=lambda place: column[place], reverse=descending
        )
        empty = [place for place in keep if column[place] is None]
        keep = empty + full if first else full + empty
    if query.is_count:
        return Result(found.name, [], [[]] * len(keep))
    if query.is_aggregate:
        return _grouped(reader, query, keep)
    chosen = reader.take(keep[: query.limit])
    names = [str(item.field) for item in query.items]
    columns = [chosen.values(name) for name in names]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Result(found.name, [(name, found.fields[name].type) for name in names], rows)


def _grouped(reader: _Reader, query: Query, keep: list[int]) -> Result:
    keys = [reader.values(name) for name in query.group]
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place in keep:
        groups.setdefault(tuple(column[place] for column in keys), []).append(place)
    if not query.group:
        groups = {(): keep}
    columns: list[tuple[str, str]] = []
    unnamed = 0
    for item in query.items:
        if item.aggregate is None:
            if item.field not in query.group:
                raise malformed(f"Field must be grouped or aggregated: {item.field}")
            columns.append((item.field, reader.found.fields[item.field].type))
            continue
        name = item.alias or f"expr{unnamed}"
        unnamed += item.alias is None
        kind = "int" if item.aggregate.startswith("COUNT") else reader.found.fields[str(item.field)].type
        columns.append((name, kind))
    rows = [
        [key[query.group.index(item.field)] if item.aggregate is None and item.field else _aggregate(reader, item, places) for item in query.items]
        for key, places in sorted(groups.items(), key=lambda pair: tuple(map(str, pair[0])))
    ]  # fmt: skip
    return Result("AggregateResult", columns, rows[: query.limit])


def _aggregate(reader: _Reader, item: Item, places: list[int]) -> Any:
    if item.field is None:
        return len(places)
    column = reader.values(item.field)
    values = [column[place] for place in places if column[place] is not None]
    if item.aggregate == "COUNT":
        return len(values)
    if item.aggregate == "COUNT_DISTINCT":
        return len(set(values))
    if reader.found.fields[item.field].type == "currency" and "CurrencyIsoCode" in reader.found.fields:
        # In an org with several currencies an aggregate over money is in the org's own currency, whatever it is grouped by.
        codes = reader.values("CurrencyIsoCode")
        values = [column[p] * RATES[codes[p]] / RATES[HOME_CURRENCY] for p in places if column[p] is not None]
    if not values:
        return None
    if item.aggregate in ("MIN", "MAX"):
        return (min if item.aggregate == "MIN" else max)(values)
    total = round(sum(values), 6)
    return total if item.aggregate == "SUM" else total / len(values)


def _bounds(found: SObject, where: Any) -> Bounds:
    """What conditions that must all hold say about stamp and id."""
    low, high = -_FAR, _FAR
    numbers: list[int] | None = None
    parents: list[int] | None = None
    waiting = [where]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, tuple):
            continue
        if each[0] == "and":
            waiting += each[1:]
        elif each[0] in (">", ">=") and each[1] == found.stamp and isinstance(each[2], Instant):
            low = max(low, each[2])
        elif each[0] in ("<", "<=") and each[1] == found.stamp and isinstance(each[2], Instant):
            high = min(high, each[2])
        elif each[0] in ("=", "in") and each[1] in ("Id", found.parent):
            kind = found.name if each[1] == "Id" else found.parent.removesuffix("Id")
            values = each[2] if isinstance(each[2], list) else [each[2]]
            known = [number for value in values if (number := number_of(kind, str(value))) is not None]
            if each[1] == "Id":
                numbers = known
            else:
                parents = known
    span = (low, high) if low > -_FAR or high < _FAR else None
    # Ids of histories are not those of the entity behind them: they are compared row by row.
    return Bounds(span, numbers if found.stamp == "SystemModstamp" else None, parents)


def _condition(reader: _Reader, where: Any) -> Callable[[int], bool]:
    kind = where[0]
    if kind in ("and", "or"):
        left, right = _condition(reader, where[1]), _condition(reader, where[2])
        return (
            (lambda place: left(place) and right(place))
            if kind == "and"
            else (lambda place: left(place) or right(place))
        )
    if kind == "not":
        inner = _condition(reader, where[1])
        return lambda place: not inner(place)
    name, value = where[1], where[2]
    column = reader.values(name)
    field = field_named(reader.found, name)
    assert field is not None  # its values were found  # noqa: S101 - tells mypy what is known; nothing relies on it at run time
    if field.type in ("textarea", "address", "anyType"):
        raise Refused(400, "INVALID_FIELD", f"field '{name}' can not be filtered in a query call")
    if field.type == "datetime" and not isinstance(value, Instant | list) and value is not None:
        raise Refused(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{name}' must be of type dateTime and should not be enclosed in quotes",
        )
    if field.type in ("id", "reference"):
        value = [_long(each) for each in value] if kind == "in" else _long(value)
    if kind == "in":
        wanted = {each for each in value if not isinstance(each, list)}
        return lambda place: column[place] in wanted
    if kind in ("=", "!="):
        return lambda place: (column[place] == value) == (kind == "=")
    compare: dict[str, Callable[[Any], bool]] = {
        "<": lambda held: held < value, "<=": lambda held: held <= value, ">": lambda held: held > value, ">=": lambda held: held >= value,
    }  # fmt: skip
    holds = compare[kind]
    return lambda place: column[place] is not None and holds(column[place])


def _long(value: Any) -> Any:
    return with_check(value) if isinstance(value, str) and len(value) == 15 else value
