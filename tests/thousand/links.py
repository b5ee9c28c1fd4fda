"""Which contacts and which company each deal has, in raw and in core, beside the truth.

A deal's own are fixed by its number (`simulator.links`); a merge carries them to the survivor, and whoever is gone takes the link along. HubSpot and
Pipedrive say them in the deal's record, as they stand when it is read: a change at the other end moves no date of the deal. Salesforce keeps each
contact's role as a record of its own, which is an entity of `salesforce`; the account stands in the opportunity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import duckdb

from simulator.identities import identify as hubspot_id
from simulator.identities import number_of
from tests.e2e.truth_ledger import INDEX_LAG
from tests.thousand import pipedrive, salesforce
from tests.thousand.lives import STANDING, Life, Lives, known_at, standing
from tests.thousand.raw import Asked, Compared, Raw

PLURAL = {"deal": "deals", "contact": "contacts", "company": "companies"}
Numbers = frozenset[int]


class Known:
    """Who belonged to whom at a moment, as the log had it."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives

    def stands(self, entity: str, number: int, at: datetime) -> bool:
        """Whether it is there and neither archived, deleted nor merged away."""
        known = self._known(entity, number, at)
        return bool(known) and standing(known).kind in ("created", "restored")

    def survivor(self, entity: str, number: int, at: datetime) -> int:
        """Itself, or who stands for it."""
        known = self._known(entity, number, at)
        end = standing(known) if known else None
        if end is None or end.kind != "merged":
            return number
        into = number_of(PLURAL[entity], end.new or "")
        assert into is not None, f"{entity} {number} was merged into {end.new}, which is none"
        return self.survivor(entity, into, at)

    def contacts(self, deal: int, at: datetime) -> Numbers:
        """Those of the deal and of the deals merged into it who stand at that moment; none of a deal that does not."""
        if not self.stands("deal", deal, at):
            return frozenset()
        own = (contact for each in self._family(deal, at) for contact in self._lives.contacts_of(each))
        present = (self.survivor("contact", contact, at) for contact in own)
        return frozenset(contact for contact in present if self.stands("contact", contact, at))

    def company(self, deal: int, at: datetime) -> int:
        """The deal's own company, or who survived it: a merge of deals brings none along."""
        return self.survivor("company", self._lives.company_of(deal), at)

    def companies(self, deal: int, at: datetime) -> list[int]:
        """The same, as a list: empty where the deal or the company does not stand at that moment."""
        company = self.company(deal, at)
        is_there = self.stands("deal", deal, at) and self.stands("company", company, at)
        return [company] if is_there else []

    def _family(self, deal: int, at: datetime) -> Iterator[int]:
        yield deal
        for event in self._known("deal", deal, at):
            if event.field == "merged_in":
                yield from self._family(number_of("deals", event.new or "") or 0, at)

    def _known(self, entity: str, number: int, at: datetime) -> Life:
        return known_at(self._lives.of[entity].get(number, []), at)


class Said(NamedTuple):
    """What one deal's record says, as ids in the order of their numbers."""

    contacts: tuple[str, ...]
    companies: tuple[str, ...]


def _ordered(ids: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted((str(each) for each in ids if each is not None), key=lambda each: (len(each), each)))


def _hubspot_says(payload: dict[str, Any]) -> Said:
    return Said(_ordered(payload["associations"]["contacts"]), _ordered(payload["associations"]["companies"]))


def _salesforce_says(payload: dict[str, Any]) -> Said:
    return Said((), _ordered([payload["AccountId"]]))


def _pipedrive_says(payload: dict[str, Any]) -> Said:
    return Said(_ordered([payload.get("person_id")]), _ordered([payload.get("org_id")]))


def _hubspot_shows(known: Known, deal: int, at: datetime) -> Said:
    """Only what stands on both sides."""
    people, companies = known.contacts(deal, at), known.companies(deal, at)
    return Said(
        _ordered(hubspot_id("contacts", contact) for contact in people),
        _ordered(hubspot_id("companies", company) for company in companies),
    )


def _salesforce_shows(known: Known, deal: int, at: datetime) -> Said:
    """The account stays where it is, in the bin too."""
    return Said((), (salesforce.identify("Account", known.company(deal, at)),))


def _pipedrive_shows(known: Known, deal: int, at: datetime) -> Said:
    """One person, the first; further participants are left out on purpose (docs/pipedrive.md)."""
    people, companies = sorted(known.contacts(deal, at))[:1], known.companies(deal, at)
    return Said(
        _ordered(pipedrive.identify("contacts", contact) for contact in people),
        _ordered(pipedrive.identify("companies", company) for company in companies),
    )


class Crm(NamedTuple):
    """Where a CRM's deals stand, what their records say, what it shows, and the tables of the other ends. `merges`: the entities whose survivors it names,
    which core knows so long after the merge. `has_roles`: contacts are linked by records of their own.
    """

    deals: str
    identity: Callable[[int], str]
    says: Callable[[dict[str, Any]], Said]
    shows: Callable[[Known, int, datetime], Said]
    contacts: str
    companies: str
    ids: Mapping[str, Callable[[int], str]]
    merges: Sequence[str]
    lag: timedelta
    has_roles: bool = False


CRMS: Mapping[str, Crm] = {
    "hubspot": Crm(
        "deals", lambda number: hubspot_id("deals", number), _hubspot_says, _hubspot_shows, "contacts", "companies",
        {entity: lambda number, kind=kind: hubspot_id(kind, number) for entity, kind in PLURAL.items()}, ("deal", "contact", "company"), INDEX_LAG,
    ),
    "salesforce": Crm(
        "opportunities", lambda number: salesforce.identify("Opportunity", number), _salesforce_says, _salesforce_shows, "contacts", "accounts",
        {
            "contact": lambda number: salesforce.identify("Contact", number),
            "company": lambda number: salesforce.identify("Account", number),
        },
        ("contact", "company"), salesforce.LONGEST_COMMIT, has_roles=True,
    ),
    "pipedrive": Crm(
        "deals", lambda number: str(pipedrive.identify("deals", number)), _pipedrive_says, _pipedrive_shows, "persons", "organizations",
        {}, (), timedelta(seconds=1),
    ),
}  # fmt: skip
#: what `compare` counts, by CRM; the roles of Salesforce are counted with the other entities
COUNTED = {
    crm: (*(() if each.has_roles else ("contacts of deals",)), "companies of deals") for crm, each in CRMS.items()
}


def _moments(lives: Lives, night: Asked) -> list[datetime]:
    """When what is linked may have changed while a night was asking, its beginning first."""
    ends = (
        event.recorded
        for entity in PLURAL
        for life in lives.of[entity].values()
        for event in life
        if event.kind in STANDING
    )
    return [night.through, *sorted({at for at in ends if night.through < at <= night.until})]  # fmt: skip


def compare(raw: Raw, lives: Lives, found: Compared, agreed: set[tuple[str, str, int]]) -> Iterator[str]:
    """Every deal's record: its links must be those that the CRM showed in the night that brought the record. `agreed`: the records, by load, that are known
    to be right from an earlier night, to be carried on."""
    known = Known(lives)
    moments: dict[Asked, list[datetime]] = {}
    for crm, each in CRMS.items():
        records = raw.records(f"{crm}__{each.deals}")
        for number in lives.of["deal"]:
            identity = each.identity(number)
            record = records.get(identity)
            if record is None:
                continue
            said = each.says(record.payload)
            if not each.has_roles:
                found.entities[f"{crm} contacts of deals"] += len(said.contacts)
            found.entities[f"{crm} companies of deals"] += len(said.companies)
            place = (crm, identity, record.load)
            if place in agreed:
                continue
            night = raw.read_in(record)
            if night not in moments:
                moments[night] = _moments(lives, night)
            shown = [each.shows(known, number, at) for at in moments[night]]
            # Contacts and company are asked for one after the other.
            wrong = [
                f"{name}: {list(getattr(said, name))}, expected {list(getattr(shown[-1], name))}"
                for name in Said._fields
                if getattr(said, name) not in [getattr(state, name) for state in shown]
            ]
            if wrong:
                yield f"{crm} links of deal {identity}: raw says {'; '.join(wrong)}"
            else:
                agreed.add(place)


def compare_core(connection: duckdb.DuckDBPyConnection, raw: Raw, lives: Lives, found: Compared) -> Iterator[str]:
    """The contacts and the company of every deal in core: those of the record that was compared this night, of whom was merged away the survivor."""
    known = Known(lives)
    for crm, each in CRMS.items():
        night = raw.asked(f"{crm}__{each.contacts}")[-1]
        # A merge that was recorded while the night was asking may be known already, or not.
        survivors = [_survivors(known, lives, each, at) for at in (night.through - each.lag, night.until)]
        stated = _stated(raw, crm, each)
        contacts = [
            {
                (survivor_of.get(("deal", deal), deal), _held(raw, f"{crm}__{each.contacts}", survivor_of.get(("contact", contact), contact)))
                for deal, contact in stated
            }
            for survivor_of in survivors
        ]  # fmt: skip
        rows = connection.execute(_CONTACTS, [crm]).fetchall()
        yield from (
            f"{crm} contact {pair[1]} of deal {pair[0]}: linked twice in core"
            for pair, count in Counter(rows).items()
            if count > 1 and pair[1] is not None
        )
        held = {(deal, contact) for deal, contact, _ in rows}
        found.entities[f"{crm} contacts of deals"] += len(held)
        too_much, missing = held - set.union(*contacts), set.intersection(*contacts) - held
        yield from (
            f"{crm} contact {contact} of deal {deal}: in core, expected not"
            for deal, contact in sorted(too_much, key=str)
        )
        yield from (
            f"{crm} contact {contact} of deal {deal}: not in core" for deal, contact in sorted(missing, key=str)
        )
        companies = dict(connection.execute(_COMPANIES, [crm]).fetchall())
        for deal, record in raw.records(f"{crm}__{each.deals}").items():
            said = next(iter(each.says(record.payload).companies), None)
            right = [
                _held(raw, f"{crm}__{each.companies}", survivor_of.get(("company", said or ""), said))
                for survivor_of in survivors
            ]
            found.entities[f"{crm} companies of deals"] += 1
            if companies.get(deal) not in right:
                yield f"{crm} company of deal {deal}: core has {companies.get(deal)}, expected {right[-1]}"


def _stated(raw: Raw, crm: str, each: Crm) -> set[tuple[str, str]]:
    """Deal and contact of every link that stands in raw."""
    if each.has_roles:
        return {
            (record.payload["OpportunityId"], record.payload["ContactId"])
            for record in raw.records("salesforce__opportunity_contact_roles").values()
            if not record.is_deleted
        }
    return {
        (identity, contact)
        for identity, record in raw.records(f"{crm}__{each.deals}").items()
        for contact in each.says(record.payload).contacts
    }


def _survivors(known: Known, lives: Lives, each: Crm, at: datetime) -> dict[tuple[str, str], str]:
    """By entity and id of whom was merged away by then: the survivor's id."""
    found = {}
    for entity in each.merges:
        for number in lives.of[entity]:
            survivor = known.survivor(entity, number, at)
            if survivor != number:
                found[entity, each.ids[entity](number)] = each.ids[entity](survivor)
    return found


def _held(raw: Raw, table: str, identity: str | None) -> str | None:
    """An id whose record was never read has no row of its own in core."""
    return identity if identity in raw.records(table) else None


_CONTACTS = """
    select deal.source_deal_id, contact.source_contact_id, link.contact_role
    from fct_deal_contacts as link
    left join dim_deals as deal using (deal_key)
    left join dim_contacts as contact using (contact_key)
    where link.source_system = ? and not link.is_deleted"""
_COMPANIES = """
    select deal.source_deal_id, company.source_company_id
    from dim_deals as deal left join dim_companies as company using (company_key)
    where deal.source_system = ?"""
