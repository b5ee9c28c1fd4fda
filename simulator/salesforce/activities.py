"""Tasks, events and the contacts' roles in opportunities."""

from typing import Any

import numpy as np

from simulator import activities, links
from simulator.events import LIVE, OUTCOME
from simulator.hubspot.other_properties import catalogue
from simulator.hubspot.page import Page
from simulator.salesforce.identities import identify
from simulator.salesforce.objects import user_id
from simulator.salesforce.org import Org, second
from simulator.salesforce.rows import Bounds, MadeRows, SObject, fields, made
from simulator.seasons import DAY, HOUR, iso

_TASKS = ("calls", "emails", "tasks")
_ARCHIVED_AFTER = 365 * DAY
_ROLES = {"DECISION_MAKER": "Decision Maker", "END_USER": "Business User", "BUDGET_HOLDER": "Economic Buyer"}
_MOST_CONTACTS = 256
_WITH_DEAL = "Opportunity.SystemModstamp"


def _shared(org: Org, kind: str, object_name: str, now: int, bounds: Bounds) -> tuple[Page, list[dict[str, Any]]]:
    """What tasks and events have in common, a row per entity of a kind."""
    places, numbers = len(_TASKS), None
    offset = _TASKS.index(kind) if kind in _TASKS else 0
    every = places if kind in _TASKS else 1
    if bounds.numbers is not None:
        numbers = [number // every for number in bounds.numbers if number % every == offset % every]
    page = Page(org.company, kind, org.shown(kind, now, bounds.span, numbers))
    slots = links.activity_deal(page.seed, kind, page.numbers)
    of_lead = links.activity_is_of_lead(page.seed, kind, page.numbers)
    happens = activities.takes_place_at(page.seed, kind, page.numbers, page.created_ms).tolist()
    owners = page.company.sellers.pick(kind + ".owner", page.numbers, page.created_ms).tolist()
    automatic = activities.is_automatic(page.seed, kind, page.numbers).tolist()
    standing = page.ledger.versions.standing[page.places].tolist()
    stamps = page.ledger.versions.recorded[page.places].tolist()
    rows = []
    for place, number in enumerate(page.numbers.tolist()):
        slot, created = int(slots[place]), int(page.created_ms[place])
        who = (
            identify("Lead", slot * 2 + 1)
            if of_lead[place]
            else identify("Contact", org.survivor("contacts", slot * 2, now))
        )
        rows.append({
            "Id": identify(object_name, number * every + offset),
            "IsDeleted": standing[place] != LIVE,
            "IsArchived": created + _ARCHIVED_AFTER < now,
            "WhoId": who,
            "WhatId": None if of_lead[place] else identify("Opportunity", slot),
            "OwnerId": user_id(owners[place]),
            "CreatedById": user_id(-1 if automatic[place] else owners[place]),
            "CreatedDate": second(created),
            "LastModifiedDate": second(stamps[place]),
            "SystemModstamp": second(stamps[place]),
            "_happens": happens[place],
        })  # fmt: skip
    return page, rows


def _task_rows(org: Org, now: int, bounds: Bounds) -> MadeRows:
    found: list[dict[str, Any]] = []
    for kind in _TASKS:
        page, rows = _shared(org, kind, "Task", now, bounds)
        outcomes = page.column(OUTCOME).tolist()
        subjects = catalogue(kind)[
            {"calls": "hs_call_title", "emails": "hs_email_subject", "tasks": "hs_task_subject"}[kind]
        ].render(page)
        ways = None if kind == "tasks" else catalogue(kind)[f"hs_{kind[:-1]}_direction"].render(page)
        for place, row in enumerate(rows):
            way = None if ways is None else ways[place]
            done = kind == "emails" or outcomes[place] in (activities.HELD, activities.MISSED)
            row |= {
                "Subject": ("Email: " if kind == "emails" else "") + str(subjects[place]),
                "TaskSubtype": {"calls": "Call", "emails": "Email", "tasks": "Task"}[kind],
                "Status": "Completed" if done else "Not Started",
                "IsClosed": done,
                "Priority": "Normal",
                "ActivityDate": iso(row["_happens"])[:10],
                "CompletedDateTime": second(row["_happens"]) if done else None,
                "CallType": None if kind != "calls" else "Inbound" if way == "INBOUND" else "Outbound",
                "CallDisposition": None if kind != "calls" else "Answered" if outcomes[place] == activities.HELD else "No answer",
                "Is_Incoming__c": way in ("INCOMING_EMAIL", "INBOUND"),
            }  # fmt: skip
        found += rows
    return MadeRows(found)


def _event_rows(org: Org, now: int, bounds: Bounds) -> MadeRows:
    page, rows = _shared(org, "meetings", "Event", now, bounds)
    kinds, titles = (catalogue("meetings")[name].render(page) for name in ("hs_activity_type", "hs_meeting_title"))
    for row, kind, title in zip(rows, kinds, titles, strict=True):
        row |= {
            "Subject": title, "Type": kind, "ActivityDate": iso(row["_happens"])[:10], "StartDateTime": second(row["_happens"]),
            "EndDateTime": second(row["_happens"] + HOUR),
        }  # fmt: skip
    return MadeRows(rows)


def _role_rows(org: Org, now: int, bounds: Bounds) -> MadeRows:
    """A role is stamped when it is made; it is deleted with either of its ends. One that comes back with its opportunity has the stamp of its making
    again: nobody stamps it anew. Who survives a merge gets the roles of the other one anew."""
    deals = org.shown("deals", now)
    found = org.company.ledgers["deals"].versions
    contacts = org.shown("contacts", now)
    people = org.company.ledgers["contacts"].versions
    held = {int(people.number[place]): int(place) for place in contacts}
    roles = catalogue("contacts")["hs_buying_role"].render(Page(org.company, "contacts", contacts))
    role_of = dict(zip(people.number[contacts].tolist(), roles, strict=True))
    rows, merges = [], org.company.ledgers["contacts"].merges
    numbers = found.number[deals].astype(np.int64)
    for place, number, those in zip(
        deals.tolist(), numbers.tolist(), links.contacts_of_deals(org.company.seed, numbers), strict=True
    ):
        made_at = int(found.recorded[found.starts[number]])
        first = org.survivor("contacts", those[0], now) if those else None
        own = [(nth, contact, 0) for nth, contact in enumerate(sorted(set(those)))]
        taken = [
            (nth + _MOST_CONTACTS // 2, merges[contact][1], merges[contact][0])
            for nth, contact, _ in own
            if contact in merges and merges[contact][0] <= now and merges[contact][1] not in those
        ]
        for nth, contact, since in own + taken:
            if contact not in held:
                continue
            person = held[contact]
            created = max(made_at, since, int(people.recorded[people.starts[contact]]))
            gone = [int(v.recorded[p]) for v, p in ((found, place), (people, person)) if v.standing[p] != LIVE]
            stamp = max([created, *gone])
            rows.append({
                "Id": identify("OpportunityContactRole", number * _MOST_CONTACTS + nth), "OpportunityId": identify("Opportunity", number),
                "ContactId": identify("Contact", contact), "Role": _ROLES.get(role_of[contact] or ""), "IsPrimary": contact == first,
                "IsDeleted": bool(gone), "CreatedDate": second(created), "LastModifiedDate": second(stamp), "SystemModstamp": second(stamp),
                _WITH_DEAL: second(int(found.recorded[place])),
            })  # fmt: skip
    return MadeRows(rows)


_ACTIVITY = (("Id", "id"), ("IsDeleted", "boolean"), ("IsArchived", "boolean"), ("WhoId", "reference"), ("WhatId", "reference"),
             ("OwnerId", "reference"), ("CreatedById", "reference"), ("CreatedDate", "datetime"), ("LastModifiedDate", "datetime"),
             ("SystemModstamp", "datetime"), ("Subject", "string"), ("ActivityDate", "date"))  # fmt: skip
TASK = SObject("Task", "00T", fields(*(made(*pair) for pair in (
    *_ACTIVITY, ("TaskSubtype", "picklist"), ("Status", "picklist"), ("IsClosed", "boolean"), ("Priority", "picklist"),
    ("CompletedDateTime", "datetime"), ("CallType", "picklist"), ("CallDisposition", "string"), ("Is_Incoming__c", "boolean"),
))), _task_rows)  # fmt: skip
EVENT = SObject("Event", "00U", fields(*(made(*pair) for pair in (
    *_ACTIVITY, ("Type", "picklist"), ("StartDateTime", "datetime"), ("EndDateTime", "datetime"),
))), _event_rows)  # fmt: skip
ROLE = SObject("OpportunityContactRole", "00K", fields(*(made(*pair) for pair in (
    ("Id", "id"), ("OpportunityId", "reference"), ("ContactId", "reference"), ("Role", "picklist"), ("IsPrimary", "boolean"),
    ("IsDeleted", "boolean"), ("CreatedDate", "datetime"), ("LastModifiedDate", "datetime"), ("SystemModstamp", "datetime"),
))), _role_rows, related=fields(made(_WITH_DEAL, "datetime")))  # fmt: skip
