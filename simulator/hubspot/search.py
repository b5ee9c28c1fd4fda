"""HubSpot's search: filters over what the index shows, which is not yet what the lists show."""

from datetime import datetime
from typing import Any

import numpy as np

from simulator.chance import Flags, Ints
from simulator.company import Company
from simulator.events import CURRENCY, LIVE, OWNER, PIPELINE, STAGE, Versions
from simulator.hubspot.answers import invalid
from simulator.hubspot.other_properties import catalogue
from simulator.hubspot.page import Page
from simulator.identities import base_and_step

CAP = 10_000
PAGE = 200
_OPERATORS = ("EQ", "NEQ", "GT", "GTE", "LT", "LTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY")
_MODIFIED = ("hs_lastmodifieddate", "lastmodifieddate")
_CREATED = ("createdate", "hs_createdate")
_CODED = {
    "dealstage": STAGE,
    "pipeline": PIPELINE,
    "deal_currency_code": CURRENCY,
    "hs_pipeline_stage": STAGE,
    "hubspot_owner_id": OWNER,
}
_FAR = 2**62


def run(company: Company, kind: str, now: int, body: dict[str, Any]) -> tuple[Page, int, int | None]:
    """One page of a search: the page, the total, and the next offset."""
    for name in ("after", "filterGroups", "limit", "properties", "sorts"):
        if name not in body:
            raise invalid(f"Invalid input JSON: some required fields were not set: [{name}]")
    limit, after = _whole(body["limit"], "limit"), _whole(body["after"] or 0, "after")
    if not 1 <= limit <= PAGE:
        raise invalid(f"Property limit was out of range: {limit}. It must be between 1 and {PAGE}.")
    if after + limit > CAP:
        raise invalid(f"The maximum number of search results is {CAP}: after {after} with limit {limit} goes beyond.")
    groups = [group.get("filters", []) for group in body["filterGroups"]]
    if len(groups) > 5 or sum(map(len, groups)) > 25 or any(len(group) > 10 for group in groups):
        raise invalid("Too many filters: at most 5 filterGroups, 10 filters in each and 25 in all.")
    found = _matching(company, kind, now, groups)
    found = _sorted(company, kind, found, body["sorts"])
    chosen = found[after : after + limit]
    upcoming = after + len(chosen)
    return Page(company, kind, chosen), len(found), upcoming if upcoming < len(found) else None


def _matching(company: Company, kind: str, now: int, groups: list[list[dict[str, Any]]]) -> Ints:
    """Places of the versions that the index shows now and that any of the groups matches."""
    ledger = company.ledgers[kind]
    found = ledger.versions
    bounds = [_modified_bounds(group) for group in groups] or [(-_FAR, _FAR)]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    first = np.searchsorted(ledger.modified_sorted, low, side="left")
    last = np.searchsorted(ledger.modified_sorted, high, side="right")
    places = ledger.by_recorded[first:last]
    places = places[(found.visible[places] <= now) & (found.until[places] > now) & (found.standing[places] == LIVE)]
    # What is archived or gone vanishes from the index at once: only appearing takes time.
    places = places[found.standing[_newest(found, places, now)] == LIVE]
    if not groups:
        return np.asarray(places, dtype=np.int64)
    keep = np.zeros(len(places), dtype=bool)
    for group in groups:
        chosen = np.flatnonzero(~keep)
        for each in sorted(group, key=_cost):
            chosen = chosen[_passes(company, kind, places[chosen], each)]
        keep[chosen] = True
    return np.asarray(places[keep], dtype=np.int64)


def _newest(found: Versions, places: Ints, now: int) -> Ints:
    """The places of the versions in force now of the entities whose older versions the index may still show."""
    newest = places
    while True:
        following = np.minimum(newest + 1, len(found.number) - 1)
        later = (
            (found.number[following] == found.number[newest])
            & (found.recorded[following] <= now)
            & (following > newest)
        )
        if not later.any():
            return newest
        newest = np.where(later, following, newest)


def _cost(each: dict[str, Any]) -> int:
    name = each.get("propertyName")
    return 0 if name in _MODIFIED or name == "hs_object_id" or name in _CODED else 1


def _modified_bounds(group: list[dict[str, Any]]) -> tuple[int, int]:
    low, high = -_FAR, _FAR
    for each in group:
        if each.get("propertyName") not in _MODIFIED:
            continue
        operator = each.get("operator")
        if operator in ("GT", "GTE", "EQ", "BETWEEN"):
            low = max(low, _instant(each.get("value")))
        if operator in ("LT", "LTE", "EQ"):
            high = min(high, _instant(each.get("value")))
        if operator == "BETWEEN":
            high = min(high, _instant(each.get("highValue")))
    return low, high


def _passes(company: Company, kind: str, places: Ints, each: dict[str, Any]) -> Flags:
    """Which of the versions one filter lets through."""
    name, operator = each.get("propertyName"), each.get("operator")
    if operator not in _OPERATORS:
        raise invalid(f"Invalid input JSON: {operator!r} is not a filter operator. Known: {', '.join(_OPERATORS)}.")
    known = catalogue(kind).get(str(name))
    if known is None:
        raise invalid(f"There was a problem with the request: property {name!r} does not exist on {kind}.")
    ledger = company.ledgers[kind]
    found = ledger.versions
    if name in _MODIFIED or name in _CREATED:
        column = found.modified[places] if name in _MODIFIED else found.recorded[found.starts[found.number[places]]]
        return _compare(column, operator, each, _instant)
    if name == "hs_object_id":
        base, step = base_and_step(kind)
        return _compare(
            found.number[places].astype(np.int64) * step + base, operator, each, lambda value: _whole(value, "value")
        )
    page = Page(company, kind, places)
    if name in _CODED and _CODED[str(name)] in found.columns and operator in ("EQ", "IN"):
        codes = np.unique(page.column(_CODED[str(name)])).tolist()
        wanted = set(_values(each)) if operator == "IN" else {str(each.get("value"))}
        show = known.show
        fitting = [code for code in codes if code >= 0 and show is not None and show(page, code) in wanted]
        return np.asarray(np.isin(page.column(_CODED[str(name)]), fitting))
    shown = known.render(page)
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return np.array([(value is not None) == (operator == "HAS_PROPERTY") for value in shown], dtype=bool)
    if known.type == "datetime":
        column = np.array([-_FAR if value is None else _instant(value) for value in shown], dtype=np.int64)
        return _compare(column, operator, each, _instant) & (column > -_FAR)
    if operator in ("EQ", "NEQ", "IN", "NOT_IN"):
        wanted = (
            {value.lower() for value in _values(each)}
            if operator in ("IN", "NOT_IN")
            else {str(each.get("value")).lower()}
        )
        return np.array([(value or "").lower() in wanted for value in shown], dtype=bool) ^ (
            operator in ("NEQ", "NOT_IN")
        )
    numbers = np.array([np.nan if value is None else _float(value) for value in shown])
    return _compare(numbers, operator, each, _float)


def _values(each: dict[str, Any]) -> list[str]:
    values = each.get("values")
    if not isinstance(values, list) or not values:
        raise invalid("IN and NOT_IN need `values`, a list.")
    return [str(value) for value in values]


def _compare(column: Any, operator: str, each: dict[str, Any], read: Any) -> Flags:
    if operator in ("IN", "NOT_IN"):
        inside = np.isin(column, [read(value) for value in _values(each)])
        return np.asarray(inside if operator == "IN" else ~inside)
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return np.full(len(column), operator == "HAS_PROPERTY")
    value = read(each.get("value"))
    if operator == "BETWEEN":
        return np.asarray((column >= value) & (column <= read(each.get("highValue"))))
    compared = {
        "EQ": column == value,
        "NEQ": column != value,
        "GT": column > value,
        "GTE": column >= value,
        "LT": column < value,
    }
    return np.asarray(compared.get(operator, column <= value))


def _sorted(company: Company, kind: str, places: Ints, sorts: list[Any]) -> Ints:
    """HubSpot takes one sort; without one, by record id."""
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed.")
    found = company.ledgers[kind].versions
    each = sorts[0] if sorts else {"propertyName": "hs_object_id"}
    name = each.get("propertyName") if isinstance(each, dict) else str(each).lstrip("-")
    descending = (
        str(each.get("direction", "ASCENDING")) == "DESCENDING" if isinstance(each, dict) else str(each).startswith("-")
    )
    number = found.number[places]
    if name == "hs_object_id":
        key: Any = number
    elif name in _MODIFIED:
        key = found.modified[places]
    elif name in _CREATED:
        key = found.recorded[found.starts[number]]
    elif name in catalogue(kind):
        shown = catalogue(kind)[name].render(Page(company, kind, places))
        numeric = catalogue(kind)[name].type == "number"
        key = np.unique([(_float(v) if v else 0.0) if numeric else (v or "") for v in shown], return_inverse=True)[1]
    else:
        raise invalid(f"There was a problem with the request: property {name!r} does not exist on {kind}.")
    order = np.lexsort((number, -key.astype(np.int64) if descending else key))
    return np.asarray(places[order], dtype=np.int64)


def _whole(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise invalid(f"Invalid input JSON: {name} must be a whole number, not {value!r}.") from None


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise invalid(f"{value!r} is not a number.") from None


def _instant(value: Any) -> int:
    """Epoch milliseconds or ISO-8601, as HubSpot accepts both."""
    try:
        return int(value)
    except (TypeError, ValueError):
        pass
    try:
        return round(datetime.fromisoformat(str(value)).timestamp() * 1_000)
    except ValueError:
        raise invalid(f"{value!r} is not a valid timestamp. Give epoch milliseconds.") from None
