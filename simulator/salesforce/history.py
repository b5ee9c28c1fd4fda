"""Histories as Salesforce keeps them: a row per save, in the order in which the saves were made; nothing is dated back."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from simulator import deals, pipelines
from simulator.company import Company
from simulator.events import AMOUNT, CLOSE, CURRENCY, LIVE, NULL, OWNER, PIPELINE, STAGE
from simulator.salesforce.identities import identify
from simulator.salesforce.objects import LEAD_STATUS, QUEUE, close_date, euros, record_type_id, stage_name, user_id
from simulator.salesforce.org import Org, second
from simulator.salesforce.rows import Bounds, MadeRows, SObject, fields, made
from simulator.salesforce.settings import user_names

_FOLLOWED = {"deals": (STAGE, PIPELINE, AMOUNT, CURRENCY, CLOSE, OWNER), "leads": (STAGE, OWNER)}
_MOST_SAVES, _MOST_FIELDS = 256, 16


@dataclass(frozen=True)
class Save:
    """One transaction on one row: when (ms), what it changed (field → before, after) and the state it left."""

    at: int
    changed: dict[int, tuple[int, int]]
    state: dict[int, int]


@lru_cache(maxsize=400_000)
def _saves(company: Company, kind: str, number: int) -> tuple[Save, ...]:
    events = company.ledgers[kind].events
    low, high = int(events.starts[number]), int(events.starts[number + 1])
    which, value, recorded = (column[low:high].tolist() for column in (events.which, events.value, events.recorded))
    state = dict.fromkeys(_FOLLOWED[kind], NULL)
    newest = dict.fromkeys(_FOLLOWED[kind], -1)
    groups: list[tuple[int, dict[int, tuple[int, int]], dict[int, int]]] = []
    for rank in sorted(range(high - low), key=lambda rank: (recorded[rank], rank)):
        field = which[rank]
        # Entered late, about an earlier time: what is in force is already something newer.
        if field not in newest or rank < newest[field]:
            continue
        newest[field] = rank
        if value[rank] == state[field]:
            continue
        if not groups or groups[-1][0] != recorded[rank] or field in groups[-1][1]:
            groups.append((recorded[rank], {}, {}))
        groups[-1][1][field] = (state[field], value[rank])
        state[field] = value[rank]
        groups[-1][2].update(state)
    return tuple(Save(at, changed, after) for at, changed, after in groups)


def _seen(org: Org, kind: str, now: int, bounds: Bounds) -> Iterator[tuple[int, bool, int, Save]]:
    """(number, whether its row is deleted, place of the save, save) of every save that can be queried now."""
    numbers = bounds.parents
    if numbers is None and bounds.span is not None:
        held = org.commits(kind)
        low, high = np.searchsorted(held.stamps, [bounds.span[0], bounds.span[1] + 1_000])
        numbers = np.unique(held.ledger.versions.number[held.by_stamp[low:high]]).tolist()
    places = org.shown(kind, now, None, numbers)
    found = org.company.ledgers[kind].versions
    for number, standing in zip(found.number[places].tolist(), found.standing[places].tolist(), strict=True):
        for place, save in enumerate(_saves(org.company, kind, number)):
            if save.at <= now and org.visible_from(kind, number, save.at) <= now:
                yield number, standing != LIVE, place, save


def _created(company: Company, kind: str, number: int) -> int:
    found = company.ledgers[kind].versions
    return int(found.recorded[found.starts[number]])


def _opportunity_history(org: Org, now: int, bounds: Bounds) -> MadeRows:
    rows = []
    for number, is_deleted, place, save in _seen(org, "deals", now, bounds):
        created = _created(org.company, "deals", number)
        dates = [close_date(at, created) for at in save.changed.get(CLOSE, (NULL, NULL))]
        if place and not (STAGE in save.changed or AMOUNT in save.changed or dates[0] != dates[1]):
            continue
        stage, amount = pipelines.STAGES[save.state[STAGE]], euros(save.state[AMOUNT])
        rows.append({
            "Id": identify("OpportunityHistory", number * _MOST_SAVES + place),
            "OpportunityId": identify("Opportunity", number),
            "IsDeleted": is_deleted,
            "CreatedDate": second(save.at),
            "SystemModstamp": second(save.at),
            "StageName": stage.name,
            "Amount": amount,
            "Probability": stage.probability * 100,
            "ExpectedRevenue": None if amount is None else round(amount * stage.probability, 2),
            "CloseDate": close_date(save.state[CLOSE], created),
            "ForecastCategory": {"won": "Closed", "lost": "Omitted"}.get(stage.kind, "Pipeline"),
            "CurrencyIsoCode": deals.CURRENCIES[save.state[CURRENCY]],
        })  # fmt: skip
    return MadeRows(rows)


def _owners(org: Org, before: int, after: int, nobody: str) -> list[tuple[str, str, str]]:
    """An owner's change makes two rows: the names, and the ids."""
    ids = [user_id(seller) if seller >= 0 else nobody for seller in (before, after)]
    names = user_names(org.company)
    return [("Text", names[ids[0]], names[ids[1]]), ("EntityId", ids[0], ids[1])]


def _field_changes(org: Org, created: int, save: Save) -> Iterator[tuple[str, str, Any, Any]]:
    """(field, type of data, old, new) of the tracked fields that a save changed."""
    for which, (before, after) in save.changed.items():
        if which == STAGE:
            yield "StageName", "DynamicEnum", stage_name(before), stage_name(after)
        elif which == AMOUNT:
            yield "Amount", "Currency", euros(before), euros(after)
        elif which == CLOSE:
            dates = close_date(before, created), close_date(after, created)
            if dates[0] != dates[1]:
                yield "CloseDate", "DateOnly", *dates
        elif which == CURRENCY:
            yield "CurrencyIsoCode", "DynamicEnum", deals.CURRENCIES[before], deals.CURRENCIES[after]
        elif which == OWNER:
            for kind, old, new in _owners(org, before, after, user_id(-1)):
                yield "Owner", kind, old, new
        elif which == PIPELINE:
            yield "RecordType", "Text", pipelines.PIPELINES[before].name, pipelines.PIPELINES[after].name
            yield "RecordType", "EntityId", record_type_id(before), record_type_id(after)


def _field_history(org: Org, now: int, bounds: Bounds) -> MadeRows:
    rows = []
    for number, is_deleted, place, save in _seen(org, "deals", now, bounds):
        created = _created(org.company, "deals", number)
        changes = _field_changes(org, created, save) if place else iter([("created", "Text", None, None)])
        for nth, (name, kind, old, new) in enumerate(changes):
            if name == "created" or name in org.tracked:
                row = _history_row("OpportunityFieldHistory", "OpportunityId", "Opportunity", number, place, nth)
                rows.append(row | {"IsDeleted": is_deleted, "CreatedDate": second(save.at), "Field": name, "DataType": kind,
                                   "OldValue": old, "NewValue": new})  # fmt: skip
    return MadeRows(rows)


def _lead_history(org: Org, now: int, bounds: Bounds) -> MadeRows:
    rows = []
    for number, is_deleted, place, save in _seen(org, "leads", now, bounds):
        changes: list[tuple[str, str, Any, Any]] = [] if place else [("created", "Text", None, None)]
        if place and STAGE in save.changed:
            before, after = save.changed[STAGE]
            changes.append(("Status", "DynamicEnum", LEAD_STATUS[before], LEAD_STATUS[after]))
            if after == pipelines.CONVERTED:
                changes.append(("leadConverted", "Text", None, None))
        if place and OWNER in save.changed:
            changes += [("Owner", *each) for each in _owners(org, *save.changed[OWNER], QUEUE)]
        for nth, (name, kind, old, new) in enumerate(changes):
            row = _history_row("LeadHistory", "LeadId", "Lead", number, place, nth)
            rows.append(row | {"IsDeleted": is_deleted, "CreatedDate": second(save.at), "Field": name, "DataType": kind,
                               "OldValue": old, "NewValue": new})  # fmt: skip
    return MadeRows(rows)


def _history_row(kind: str, link: str, parent: str, number: int, place: int, nth: int) -> dict[str, Any]:
    # Opportunities' and leads' histories share a prefix: odd numbers are the leads'.
    row = ((number * _MOST_SAVES + place) * _MOST_FIELDS + nth) * 2 + (kind == "LeadHistory")
    return {"Id": identify(kind, row), link: identify(parent, number)}


_CHANGE = (("IsDeleted", "boolean"), ("CreatedDate", "datetime"), ("Field", "picklist"), ("DataType", "picklist"),
           ("OldValue", "anyType"), ("NewValue", "anyType"))  # fmt: skip

OPPORTUNITY_HISTORY = SObject("OpportunityHistory", "008", fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("OpportunityId", "reference"), ("IsDeleted", "boolean"), ("CreatedDate", "datetime"), ("SystemModstamp", "datetime"),
    ("StageName", "picklist"), ("Amount", "currency"), ("Probability", "percent"), ("ExpectedRevenue", "currency"), ("CloseDate", "date"),
    ("ForecastCategory", "picklist"), ("CurrencyIsoCode", "picklist"),
))), _opportunity_history, stamp="CreatedDate", parent="OpportunityId")  # fmt: skip
OPPORTUNITY_FIELD_HISTORY = SObject("OpportunityFieldHistory", "017", fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("OpportunityId", "reference"), *_CHANGE))), _field_history, stamp="CreatedDate", parent="OpportunityId")  # fmt: skip
LEAD_HISTORY = SObject("LeadHistory", "017", fields(*(made(name, kind) for name, kind in (
    ("Id", "id"), ("LeadId", "reference"), *_CHANGE))), _lead_history, stamp="CreatedDate", parent="LeadId")  # fmt: skip
