"""Pipedrive's persons, organizations, activities and leads."""

from typing import Any

import numpy as np

from simulator import activities, links
from simulator.associations import associated
from simulator.chance import Flags, Ints, bits, uniform
from simulator.company import Company, State
from simulator.events import LIVE, OUTCOME, OWNER, STAGE
from simulator.names import COUNTRIES, ascii_of, company_name, person_name
from simulator.pipedrive.answers import day, zoned
from simulator.pipedrive.deals import CHANNEL_OPTION
from simulator.pipedrive.identities import ACTIVITY_KINDS, ADMIN_ID, identify, lead_id
from simulator.pipedrive.listing import Rows
from simulator.pipelines import CONVERTED, DISQUALIFIED
from simulator.seasons import MINUTE, iso

ACTIVITY_TYPES = {"calls": "call", "emails": "email", "meetings": "meeting", "tasks": "task"}


def rows_of(state: State, kind: str) -> Rows:
    """The entities of a kind that exist at an instant; deleted ones leave nothing."""
    found = state.company.ledgers[kind].versions
    places = state.places(kind)
    places = places[found.standing[places] == LIVE]
    numbers: Ints = found.number[places].astype(np.int64)
    base, step = identify(kind, 0), identify(kind, 1) - identify(kind, 0)
    return Rows(base + step * numbers, found.recorded[places], found.recorded[found.starts[numbers]], places)


def activity_rows(state: State) -> Rows:
    """All activities, whatever their type, in one numbering."""
    parts = [rows_of(state, kind) for kind in ACTIVITY_KINDS]
    # A place means something within its kind only: the id says which kind that is.
    return Rows(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "updated", "added", "places"))
    )


def _numbers(state: State, kind: str, rows: Rows) -> Ints:
    return state.company.ledgers[kind].versions.number[rows.places].astype(np.int64)


def _owner(company: Company, stream: str, numbers: Ints, at: Ints) -> list[int]:
    return [identify("users", number) for number in company.sellers.pick(stream, numbers, at).tolist()]


def persons(state: State, rows: Rows) -> list[dict[str, Any]]:
    """Persons as v2 shows them."""
    company = state.company
    numbers = _numbers(state, "contacts", rows)
    slots = links.company_of_slot(numbers // 2).tolist()
    organizations = associated(state, "contacts", numbers.tolist(), "companies")
    reachable = (uniform(company.seed, "contact.email", numbers) > 0.03).tolist()
    draws = (bits(company.seed, "person.name", numbers) >> np.uint64(1)).tolist()
    versions = (rows.places - company.ledgers["contacts"].versions.starts[numbers]).tolist()
    owners = _owner(company, "contact.owner", numbers, rows.added)
    shown = []
    for place, number in enumerate(numbers.tolist()):
        first, family = person_name(draws[place])
        address = f"{ascii_of(first)}.{ascii_of(family)}.{number}@company{slots[place]}.example"
        row: dict[str, Any] = {
            "id": identify("contacts", number),
            "name": f"{first} {family}",
            "first_name": first,
            "last_name": family,
            "owner_id": owners[place],
            "add_time": zoned(int(rows.added[place])),
            "update_time": zoned(int(rows.updated[place])),
            "emails": [{"value": address, "primary": True, "label": "work"}] if reachable[place] else [],
            "phones": [{"value": f"+49 30 {number:07d}{versions[place]:03d}", "primary": True, "label": "work"}],
            "is_deleted": False,
            "visible_to": 3,
            "label_ids": [],
            "custom_fields": {},
        }
        if organizations[place]:
            row["org_id"] = identify("companies", organizations[place][0])
        shown.append(row)
    return shown


def organizations(state: State, rows: Rows) -> list[dict[str, Any]]:
    """Organizations as v2 shows them."""
    company = state.company
    numbers = _numbers(state, "companies", rows)
    draws = (bits(company.seed, "company.name", numbers) >> np.uint64(1)).tolist()
    shares = uniform(company.seed, "company.employees", numbers).tolist()
    countries = (uniform(company.seed, "company.country", numbers) * len(COUNTRIES)).astype(np.int64).tolist()
    owners = _owner(company, "company.owner", numbers, rows.added)
    return [
        {
            "id": identify("companies", number),
            "name": company_name(draws[place]),
            "owner_id": owners[place],
            "add_time": zoned(int(rows.added[place])),
            "update_time": zoned(int(rows.updated[place])),
            "is_deleted": False,
            "visible_to": 3,
            "address": {"value": COUNTRIES[countries[place]], "country": COUNTRIES[countries[place]]},
            "label_ids": [],
            "website": f"https://company{number}.example",
            "linkedin": None,
            "industry": None,
            "annual_revenue": None,
            "employee_count": None if shares[place] < 0.1 else int(5 * np.exp(6 * shares[place] ** 2)),
            "custom_fields": {},
        }
        for place, number in enumerate(numbers.tolist())
    ]


def activities_page(state: State, rows: Rows) -> list[dict[str, Any]]:
    """Activities as v2 shows them, in the page's order."""
    kinds = (rows.ids - identify(ACTIVITY_KINDS[0], 0)) % len(ACTIVITY_KINDS)
    shown: dict[int, dict[str, Any]] = {}
    for index, kind in enumerate(ACTIVITY_KINDS):
        for row in _of_kind(state, kind, rows.keep(kinds == index)):
            shown[row["id"]] = row
    return [shown[identity] for identity in rows.ids.tolist()]


def _of_kind(state: State, kind: str, rows: Rows) -> list[dict[str, Any]]:
    if not len(rows.ids):
        return []
    company = state.company
    numbers = _numbers(state, kind, rows)
    listed = numbers.tolist()
    ends = {to: associated(state, kind, listed, to) for to in ("deals", "leads", "contacts", "companies")}
    takes_place = activities.takes_place_at(company.seed, kind, numbers, rows.added).tolist()
    outcomes = company.ledgers[kind].versions.columns[OUTCOME][rows.places].tolist()
    owners = _owner(company, kind + ".owner", numbers, rows.added)
    automatic = activities.is_automatic(company.seed, kind, numbers).tolist()
    shown = []
    for place, number in enumerate(listed):
        at = takes_place[place]
        done = kind in ("calls", "emails") or outcomes[place] == activities.HELD
        row: dict[str, Any] = {
            "id": identify(kind, number),
            "subject": f"{ACTIVITY_TYPES[kind].capitalize()} {number}",
            "type": ACTIVITY_TYPES[kind],
            "owner_id": owners[place],
            "creator_user_id": ADMIN_ID if automatic[place] else owners[place],
            "is_deleted": False,
            "add_time": zoned(int(rows.added[place])),
            "update_time": zoned(int(rows.updated[place])),
            "due_date": day(at),
            "due_time": zoned(at // MINUTE * MINUTE)[11:19],
            "duration": "00:30:00",
            "busy": kind == "meetings",
            "done": done,
            "participants": [],
            "priority": 0,
            "note": "",
        }
        if done:
            row["marked_as_done_time"] = zoned(int(rows.updated[place]))
        for key, to in (("deal_id", "deals"), ("person_id", "contacts"), ("org_id", "companies")):
            if ends[to][place]:
                row[key] = identify(to, ends[to][place][0])
        if ends["leads"][place]:
            row["lead_id"] = lead_id(ends["leads"][place][0])
        shown.append(row)
    return shown


def leads(state: State, archived: bool, since: int | None) -> list[dict[str, Any]]:
    """Leads as v1 shows them, oldest first. One that was turned into a deal is no lead any more; one put aside is archived."""
    company = state.company
    found = company.ledgers["leads"].versions
    places = state.places("leads")
    stage = found.columns[STAGE][places]
    put_aside: Flags = np.asarray(stage == DISQUALIFIED)
    chosen = (found.standing[places] == LIVE) & (stage != CONVERTED) & (put_aside == archived)
    if since is not None:
        chosen &= found.recorded[places] >= since
    places = places[chosen]
    numbers: Ints = found.number[places].astype(np.int64)
    added: Ints = found.recorded[found.starts[numbers]]
    order = np.lexsort((numbers, added))
    places, numbers, added = places[order], numbers[order], added[order]
    channels = links.channel_of_lead(company.seed, numbers).tolist()
    draws = (bits(company.seed, "person.name", numbers) >> np.uint64(1)).tolist()
    owners = found.columns[OWNER][places].tolist()
    contacts = associated(state, "leads", numbers.tolist(), "contacts")
    companies = associated(state, "leads", numbers.tolist(), "companies")
    return [
        {
            "id": lead_id(number),
            "title": " ".join(person_name(draws[place])) + " lead",
            "owner_id": ADMIN_ID if owners[place] < 0 else identify("users", owners[place]),
            "creator_id": ADMIN_ID,
            "label_ids": [],
            "person_id": identify("contacts", contacts[place][0]) if contacts[place] else None,
            "organization_id": identify("companies", companies[place][0]) if companies[place] else None,
            "source_name": "Manually created",
            "origin": "ManuallyCreated",
            "origin_id": None,
            "channel": CHANNEL_OPTION + channels[place],
            "channel_id": None,
            "source_deal_id": None,
            "is_archived": archived,
            "was_seen": True,
            "value": None,
            "expected_close_date": None,
            "next_activity_id": None,
            "add_time": iso(int(added[place])),
            "update_time": iso(int(found.recorded[places[place]])),
            "visible_to": "3",
            "cc_email": "leads@watertight-example.pipedrivemail.example",
        }
        for place, number in enumerate(numbers.tolist())
    ]
