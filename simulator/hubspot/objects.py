"""CRM objects as HubSpot shows them: properties, histories, inline associations; and how they are listed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from simulator.associations import PAIRS, associated
from simulator.chance import Ints
from simulator.company import Ledger, State
from simulator.events import HIDDEN, LIVE, MERGED_IN
from simulator.hubspot.answers import invalid
from simulator.hubspot.other_properties import ALWAYS, DEFAULTS, OTHERS, catalogue
from simulator.hubspot.page import Page, instant_text
from simulator.hubspot.properties import Property
from simulator.identities import ENTITY, identify

INLINE = 100
"""HubSpot shows so many associations of a type on a page."""
_BY_HAND = 0.8


def render(page: Page, asked: list[str], histories: list[str], archived: bool) -> list[dict[str, Any]]:
    """The JSON objects of a page. Unknown properties are left out, as HubSpot does."""
    known = catalogue(page.kind)
    fallback = DEFAULTS.get(page.kind, OTHERS) if not asked and not histories else ALWAYS.get(page.kind, OTHERS)
    names = sorted({*fallback, *asked, *histories} & known.keys())
    columns = [known[name].render(page) for name in names]
    shown: list[dict[str, Any]] = []
    told = {name: _history(page, known[name]) for name in histories if name in known}
    for place, identity in enumerate(page.ids):
        found: dict[str, Any] = {
            "id": identity,
            "properties": {name: column[place] for name, column in zip(names, columns, strict=True)},
            "createdAt": page.created[place],
            "updatedAt": page.modified[place],
            "archived": archived,
        }
        if archived:
            found["archivedAt"] = page.recorded[place]
        if histories:
            found["propertiesWithHistory"] = {name: entries[place] for name, entries in told.items()}
        shown.append(found)
    return shown


def _history(page: Page, each: Property) -> list[list[dict[str, Any]]]:
    """Per entity the entries of one property, newest first."""
    if each.field is None or each.show is None:
        values = each.render(page)
        return [
            [] if value is None else [{"value": value, "timestamp": at, "sourceType": "CRM_UI"}]
            for value, at in zip(values, page.created, strict=True)
        ]
    pages = []
    for number, changes in zip(page.numbers.tolist(), page.changes, strict=True):
        entries: list[dict[str, Any]] = []
        merged: list[str] = []
        for change in changes:
            if change.which != each.field:
                continue
            value = each.show(page, change.value)
            if each.field == MERGED_IN:
                merged.append(value or "")
                value = ";".join(merged)
            # HubSpot writes an emptied property as an empty string in the history.
            entries.append(
                {"value": value or "", "timestamp": instant_text(change.happened), **_source(number, change.happened)}
            )
        entries.reverse()
        pages.append(entries)
    return pages


def _source(number: int, at: int) -> dict[str, Any]:
    mixed = (number * 2_654_435_761 + at // 1_000 * 40_503) % 1_000 / 1_000
    if mixed < _BY_HAND:
        user = 8_100_000 + number % 14 * 7
        return {"sourceType": "CRM_UI", "sourceId": f"userId:{user}", "updatedByUserId": user}
    kind = "AUTOMATION_PLATFORM" if mixed < 0.92 else "INTEGRATION" if mixed < 0.98 else "IMPORT"
    return {"sourceType": kind, "sourceId": f"{kind.lower()}-{number % 5}"}


def scan(state: State, kind: str, standing: int, start: int) -> Iterator[int]:
    """Places of the versions of entities with that standing, from entity number `start` on."""
    ledger = state.company.ledgers[kind]
    candidates = range(start, ledger.events.count) if standing == LIVE else _ever_hidden(ledger, start)
    for number in candidates:
        place = ledger.version_at(number, state.at)
        if place is not None and int(ledger.versions.standing[place]) == standing:
            yield place


def _ever_hidden(ledger: Ledger, start: int) -> list[int]:
    found = ledger.versions
    numbers = np.unique(found.number[found.standing == HIDDEN])
    chosen: list[int] = numbers[numbers >= start].tolist()
    return chosen


def places_of(state: State, kind: str, numbers: list[int], standing: int) -> Ints:
    """Places of the versions in force of those entities that have that standing."""
    ledger = state.company.ledgers[kind]
    found = [ledger.version_at(number, state.at) for number in numbers]
    return np.array(
        [place for place in found if place is not None and int(ledger.versions.standing[place]) == standing],
        dtype=np.int64,
    )


def add_associations(
    state: State, page: Page, shown: list[dict[str, Any]], to: str, link: str, most: int = INLINE
) -> None:
    """Put inline associations into rendered objects: at most so many of each type, then a pointer to more."""
    if (page.kind, to) not in PAIRS:
        raise invalid(f"Unable to find association between {page.kind} and {to}.")
    for found, others in zip(shown, associated(state, page.kind, page.numbers.tolist(), to), strict=True):
        if not others:
            continue
        kind = f"{ENTITY[page.kind]}_to_{ENTITY[to]}"
        inline: dict[str, Any] = {"results": [{"id": identify(to, other), "type": kind} for other in others[:most]]}
        if len(others) > most:
            after = identify(to, others[most])
            inline["paging"] = {
                "next": {"after": after, "link": f"{link}/{found['id']}/associations/{to}?after={after}"}
            }
        found.setdefault("associations", {})[to] = inline
