"""Two CRMs side by side: every difference needs a statement of docs/crms.md that explains it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from simulator.line_items import deal_of
from simulator.pipelines import STAGES
from tests.thousand.lives import Life, Lives, in_force, known_at, standing

PAGE = Path(__file__).resolve().parents[2] / "docs" / "crms.md"
TITLES = {"HubSpot": "hubspot", "Salesforce": "salesforce", "Pipedrive": "pipedrive"}
AS_IT_WAS = "as it was"
_KIND = {stage.name: stage.kind for stage in STAGES}


class Place(NamedTuple):
    """Where two CRMs differ: table, the entity's number, column (None: one of them has no such row), the two values."""

    table: str
    key: Any
    column: str | None
    ours: Any
    theirs: Any


@dataclass
class Truth:
    """What the truth log says about the company, as far as statements are about it."""

    lives: Lives
    first_asked: datetime
    #: everything recorded until then is in every CRM's tables
    settled: datetime
    late: set[int] = field(default_factory=set)
    merged: set[int] = field(default_factory=set)
    survivors: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    returned: set[int] = field(default_factory=set)
    #: both sides of every merge
    merged_contacts: set[int] = field(default_factory=set)
    merged_companies: set[int] = field(default_factory=set)
    gone_contacts: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for deal, life in self.lives.of["deal"].items():
            known = known_at(life, self.settled)
            if not known:
                continue
            if any(
                event.recorded - event.happened > timedelta(seconds=1) for event in known if event.kind == "changed"
            ):
                self.late.add(deal)
            last = standing(known)
            if last.kind == "merged":
                self.merged.add(deal)
            if any(event.field == "merged_in" for event in known):
                self.survivors.add(deal)
            if last.kind not in ("created", "restored"):
                self.gone.add(deal)
            if any(event.kind == "restored" for event in known):
                self.returned.add(deal)

        for company, life in self.lives.of["company"].items():
            if any(event.kind == "merged" or event.field == "merged_in" for event in known_at(life, self.settled)):
                self.merged_companies.add(company)
        for contact, life in self.lives.of["contact"].items():
            if any(event.kind == "merged" or event.field == "merged_in" for event in known_at(life, self.settled)):
                self.merged_contacts.add(contact)
            known = known_at(life, self.settled)
            if known and standing(known).kind not in ("created", "restored"):
                self.gone_contacts.add(contact)

    def is_in_motion(self, kind: str, number: int | None) -> bool:
        """Whether something was recorded of an entity so late that not every CRM had been asked after it."""
        life: Life = self.lives.of[kind].get(number or 0, [])
        return any(
            event.recorded > self.settled for event in life if event.recorded <= self.settled + timedelta(days=2)
        )

    def was_gone(self, deal: int) -> bool:
        """Whether the deal had left before the first load."""
        return any(
            event.kind in ("archived", "deleted", "merged") and event.recorded <= self.first_asked
            for event in self.lives.of["deal"][deal]
        )


Excuse = Callable[[Place, Truth], bool]


def _columns(table: str, *names: str) -> Excuse:
    return lambda place, truth: place.table == table and place.column in names


def _rows(table: str) -> Excuse:
    return lambda place, truth: place.table == table and place.column is None


def _deal_in(name: str) -> Excuse:
    """A transition, or anything else, of one of these deals."""

    def excuse(place: Place, truth: Truth) -> bool:
        return place.table in ("transitions", "deals") and place.key in getattr(truth, name)

    return excuse


def _deal_of(place: Place) -> int:
    deal: int = place.key[0] if place.table == "contacts of deals" else place.key
    return deal


def _was_gone(place: Place, truth: Truth) -> bool:
    return place.table in ("transitions", "deals") and truth.was_gone(place.key)


def _merged(place: Place, truth: Truth) -> bool:
    if place.table == "activities":
        return place.column == "of_deal" and {place.ours, place.theirs} & (truth.merged | truth.survivors) != set()
    if place.table == "contacts of deals":
        return place.key[0] in truth.merged | truth.survivors
    if place.column in ("into_deal", "from_lead"):
        return bool({place.ours, place.theirs, place.key} & (truth.merged | truth.survivors))
    return place.table in ("transitions", "deals") and place.key in truth.merged


def _of_gone_deal(place: Place, truth: Truth) -> bool:
    if place.table == "activities":
        return place.column == "of_deal" and bool({place.ours, place.theirs} & truth.gone)
    return place.table == "contacts of deals" and place.key[0] in truth.gone


def _lost_stage(place: Place, truth: Truth) -> bool:
    if place.table != "transitions":
        return False
    return _collapsed(place.ours) == _collapsed(place.theirs)


def _collapsed(moves: Any) -> list[Any]:
    """The moves without which kind of loss it was, and without what an amount of nothing is."""
    found: list[Any] = []
    for kind, at, pipeline, stage, amount, currency in moves or []:
        place = _KIND.get(stage or "", stage)
        place = place if place in ("won", "lost") else stage
        if found and found[-1][2:4] == (pipeline, place):
            continue
        found.append((kind, at, pipeline, place, amount or 0, currency))
    return found


def _same_second(place: Place, truth: Truth) -> bool:
    if place.table != "transitions":
        return False
    instants = [move[1] for move in place.ours or []]
    return len(set(instants)) < len(instants)


def _no_amount(place: Place, truth: Truth) -> bool:
    if place.table == "deals":
        return place.column == "deal_amount" and place.ours is None and place.theirs == 0
    return place.table == "transitions" and _collapsed(place.ours) == _collapsed(place.theirs)


def _no_close(place: Place, truth: Truth) -> bool:
    return place.table == "deals" and place.column == "expected_close_date" and place.ours is None


def _converted(place: Place, truth: Truth) -> bool:
    if place.table != "leads" or place.column is not None:
        return False
    life = known_at(truth.lives.of["lead"][place.key], truth.first_asked)
    return in_force(life).get("stage") == "converted" or not life or standing(life).kind != "created"


def _of_lead(place: Place, truth: Truth) -> bool:
    return place.table == "activities" and place.column == "of_contact" and place.theirs is None


def _note(place: Place, truth: Truth) -> bool:
    return place.table == "activities" and place.column is None and place.key[0] == "note"


def _outcome(*kinds: str) -> Excuse:
    return lambda place, truth: place.table == "activities" and place.column == "outcome" and place.key[0] in kinds


def _happens(*kinds: str) -> Excuse:
    return lambda place, truth: place.table == "activities" and place.column == "happened_at" and place.key[0] in kinds


#: row of the page and CRM → what it explains; a row says either nothing or exactly this
EXCUSES: Mapping[tuple[str, str], Excuse] = {
    ("a change that is entered late", "salesforce"): _deal_in("late"),
    ("a change that is entered late", "pipedrive"): _deal_in("late"),
    ("a deal merged into another", "salesforce"): _merged,
    ("a deal merged into another", "pipedrive"): _merged,
    ("a contact merged into another", "pipedrive"): lambda place, truth: (
        _columns("activities", "of_contact")(place, truth) and {place.ours, place.theirs} <= truth.merged_contacts
    ),
    ("a company merged into another", "pipedrive"): lambda place, truth: (
        place.column == "at_company" and {place.ours, place.theirs} <= truth.merged_companies
    ),
    ("campaigns", "pipedrive"): _rows("campaigns"),
    ("the line items of a deal that is gone", "salesforce"): lambda place, truth: (
        _rows("line items")(place, truth) and place.theirs is None and deal_of(place.key) in truth.gone
    ),
    ("a deal that came and was merged away between two nights", "hubspot"): lambda place, truth: (
        place.table in ("transitions", "deals", "contacts of deals") and place.ours is None and _deal_of(place) in truth.merged
    ),
    **{("a deal that was gone before the first load", crm): _was_gone for crm in TITLES.values()},
    **{("a deletion and its return before the first load", crm): _deal_in("returned") for crm in TITLES.values()},
    ("which kind of lost stage", "pipedrive"): _lost_stage,
    ("a stage and an outcome in the same second", "pipedrive"): _same_second,
    ("a deal without an amount", "pipedrive"): _no_amount,
    ("a deal without an expected close", "salesforce"): _no_close,
    ("the lead a deal came from", "pipedrive"): _columns("deals", "from_lead"),
    ("fields of one's own: product line, direction, discount, promised and achieved value", "pipedrive"): _columns(
        "deals", "product_line", "lead_direction", "discount_amount", "promised_value_amount", "achieved_value_amount"
    ),
    ("recurring revenue", "pipedrive"): _columns("deals", "recurring_amount"),
    ("an industry, a target account, a legal basis", "pipedrive"): lambda place, truth: (
        _columns("companies", "industry", "is_target")(place, truth) or _columns("contacts", "legal_basis")(place, truth)
    ),
    ("a lead's status", "pipedrive"): lambda place, truth: (
        _columns("leads", "lead_status")(place, truth) and place.theirs == "new"
    ),
    ("why a lead was put aside, its direction", "pipedrive"): _columns("leads", "disqualified_reason", "lead_direction"),
    ("a lead that was converted before the first load", "pipedrive"): _converted,
    ("the company of a lead", "salesforce"): lambda place, truth: (
        _columns("leads", "at_company")(place, truth) and place.theirs is None
    ),
    ("notes", "salesforce"): _note,
    ("notes", "pipedrive"): _note,
    ("what a call or a meeting came to", "salesforce"): _outcome("meeting"),
    ("what a call or a meeting came to", "pipedrive"): _outcome("meeting", "call"),
    ("a presentation", "pipedrive"): lambda place, truth: (
        _columns("activities", "activity_type")(place, truth) and place.theirs == "meeting"
    ),
    ("direction of calls and e-mails, what a machine wrote", "pipedrive"): _columns("activities", "direction", "is_automated"),
    ("when an activity takes place", "salesforce"): _happens("task"),
    ("when an activity takes place", "pipedrive"): lambda place, truth: (
        _columns("activities", "happened_at")(place, truth)
        and place.ours is not None
        and place.ours.replace(second=0) == place.theirs
    ),
    ("the contact behind an activity of a lead", "salesforce"): _of_lead,
    ("the contacts of a deal or an activity", "hubspot"): lambda place, truth: (
        ((_rows("contacts of deals")(place, truth) or _columns("activities", "of_contact")(place, truth)) and place.ours is None)
        or (_rows("contacts of deals")(place, truth) and place.key[1] in truth.gone_contacts)
    ),
    ("the contacts of a deal or an activity", "pipedrive"): lambda place, truth: (
        _rows("contacts of deals")(place, truth) and place.theirs is None
    ),
    ("a contact's role in a deal", "hubspot"): _columns("contacts of deals", "contact_role"),
    ("an activity or a contact of a deal that is gone", "salesforce"): _of_gone_deal,
    ("an activity or a contact of a deal that is gone", "pipedrive"): _of_gone_deal,
}  # fmt: skip


def statements() -> dict[tuple[str, str], str]:
    """What docs/crms.md says that a CRM keeps of something, where that is less than it was."""
    header, _, *lines = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if re.match(r"^\|", line)
    ]
    return {
        (cells[0], TITLES[title]): said
        for cells in lines
        for title, said in zip(header[1:], cells[1:], strict=True)
        if said != AS_IT_WAS
    }


def differences(ours: Mapping[str, Mapping[Any, Any]], theirs: Mapping[str, Mapping[Any, Any]]) -> Iterator[Place]:
    """Everything in which two CRMs' tables differ; `transitions` are compared deal by deal."""
    for table in ours:
        for key in sorted(ours[table].keys() | theirs[table].keys(), key=str):
            here, there = ours[table].get(key), theirs[table].get(key)
            if here == there:
                continue
            if here is None or there is None or table == "transitions":
                yield Place(table, key, None, here, there)
                continue
            for column in here:
                if here[column] != there[column]:
                    yield Place(table, key, column, here[column], there[column])


def unexplained(
    places: Iterator[Place], crms: tuple[str, str], truth: Truth
) -> tuple[list[Place], Counter[tuple[str, str]]]:
    """The differences that no statement about either CRM explains; and how many each statement explained."""
    left, used = [], Counter[tuple[str, str]]()
    for place in places:
        reasons = [key for key, excuse in EXCUSES.items() if key[1] in crms and excuse(place, truth)]
        used.update(reasons)
        if not reasons and not _is_in_motion(place, truth):
            left.append(place)
    return left, used


_KINDS = {
    "companies": "company", "contacts": "contact", "leads": "lead", "deals": "deal", "transitions": "deal", "line items": "line_item",
    "products": "product", "campaigns": "campaign", "quotas": "goal",
}  # fmt: skip


def _is_in_motion(place: Place, truth: Truth) -> bool:
    if place.table == "activities":
        return truth.is_in_motion(place.key[0], place.key[1])
    if place.table == "contacts of deals":
        return truth.is_in_motion("deal", place.key[0]) or truth.is_in_motion("contact", place.key[1])
    return truth.is_in_motion(_KINDS[place.table], place.key)
