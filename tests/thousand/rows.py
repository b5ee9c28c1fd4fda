"""Raw → core: what core must say of every entity that is no deal, by the record that raw holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from simulator.pipelines import LEAD_STAGES
from tests.thousand.raw import Raw, Record

Says = Callable[[Raw, str, Record], tuple[Any, ...]]
_HUBSPOT_STATUS = {stage.id: stage.status for stage in LEAD_STAGES}
_PRESENTATIONS = ("Demo", "Presentation")
_SALESFORCE_STATUS = {stage.name: stage.status for stage in LEAD_STAGES}


class Rows(NamedTuple):
    """One core table: how its rows of one CRM are asked for (id first), the raw tables they come from, and what a record makes of its row.

    `prefix`: what core puts before the id, where a CRM counts its kinds apart.
    """

    name: str
    query: str
    tables: Sequence[str]
    says: Says
    prefix: str = ""

    def expected(self, raw: Raw) -> dict[str, tuple[Any, ...]]:
        """By id the row that every record makes."""
        return {
            self.prefix + identity: self.says(raw, identity, record)
            for table in self.tables
            for identity, record in raw.records(table).items()
        }


def _deleted(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return (record.is_deleted,)


def _there(_raw: Raw, _identity: str, _record: Record) -> tuple[Any, ...]:
    return ()


def _hubspot_lead(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return record.is_deleted, _HUBSPOT_STATUS[record.payload["properties"]["hs_pipeline_stage"]]


def _salesforce_lead(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    payload = record.payload
    return record.is_deleted, "converted" if payload["IsConverted"] else _SALESFORCE_STATUS[payload["Status"]]


def _pipedrive_lead(raw: Raw, identity: str, record: Record) -> tuple[Any, ...]:
    deals = raw.records("pipedrive__deals").values()
    if any(deal.payload.get("source_lead_id") == identity for deal in deals):
        return False, "converted"
    return record.is_deleted, "disqualified" if record.payload["is_archived"] else "new"


def _hubspot_activity(kind: str, name: str = "", words: Mapping[str, str] | None = None) -> Says:
    def says(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
        properties = record.payload["properties"]
        shown = "presentation" if properties.get("hs_activity_type") in _PRESENTATIONS else kind
        return shown, (words or {}).get(properties.get(name) or ""), record.is_deleted

    return says


def _salesforce_task(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    kind = record.payload["TaskSubtype"].lower()
    said = {"Answered": "answered", "No answer": "unanswered"}.get(record.payload["CallDisposition"] or "")
    return kind, said if kind == "call" else None, record.is_deleted


def _salesforce_event(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    return "presentation" if record.payload["Type"] in _PRESENTATIONS else "meeting", None, record.is_deleted


def _pipedrive_activity(_raw: Raw, _identity: str, record: Record) -> tuple[Any, ...]:
    kind = record.payload["type"]
    return kind, "held" if kind == "meeting" and record.payload["done"] else None, record.is_deleted


_COMPANIES = "select source_company_id, is_deleted from dim_companies where source_system = ?"
_CONTACTS = "select source_contact_id, is_deleted from dim_contacts where source_system = ?"
_LEADS = "select source_lead_id, is_deleted, lead_status from dim_leads where source_system = ?"
_DEALS = "select source_deal_id from dim_deals where source_system = ?"
_ACTIVITIES = (
    "select source_activity_id, activity_type, outcome, is_deleted from fct_activities where source_system = ?"
)
_OF_TYPE = f"{_ACTIVITIES} and activity_type = "
_MEETING = {"COMPLETED": "held", "NO_SHOW": "missed", "CANCELED": "missed"}
_CALL = {"COMPLETED": "answered", "NO_ANSWER": "unanswered"}

ROWS: Mapping[str, tuple[Rows, ...]] = {
    "hubspot": (
        Rows("companies", _COMPANIES, ["hubspot__companies"], _deleted),
        Rows("contacts", _CONTACTS, ["hubspot__contacts"], _deleted),
        Rows("leads", _LEADS, ["hubspot__leads"], _hubspot_lead),
        Rows("deals", _DEALS, ["hubspot__deals"], _there),
        Rows("calls", f"{_OF_TYPE}'call'", ["hubspot__calls"], _hubspot_activity("call", "hs_call_status", _CALL), "calls/"),
        Rows("emails", f"{_OF_TYPE}'email'", ["hubspot__emails"], _hubspot_activity("email"), "emails/"),
        Rows("meetings", f"{_ACTIVITIES} and activity_type in ('meeting', 'presentation')", ["hubspot__meetings"],
             _hubspot_activity("meeting", "hs_meeting_outcome", _MEETING), "meetings/"),
        Rows("tasks", f"{_OF_TYPE}'task'", ["hubspot__tasks"], _hubspot_activity("task"), "tasks/"),
        Rows("notes", f"{_OF_TYPE}'note'", ["hubspot__notes"], _hubspot_activity("note"), "notes/"),
    ),
    "salesforce": (
        Rows("companies", _COMPANIES, ["salesforce__accounts"], _deleted),
        Rows("contacts", _CONTACTS, ["salesforce__contacts"], _deleted),
        Rows("leads", _LEADS, ["salesforce__leads"], _salesforce_lead),
        Rows("deals", _DEALS, ["salesforce__opportunities"], _there),
        Rows("tasks", f"{_ACTIVITIES} and activity_type in ('call', 'email', 'task')", ["salesforce__tasks"], _salesforce_task),
        Rows("events", f"{_ACTIVITIES} and activity_type not in ('call', 'email', 'task')", ["salesforce__events"], _salesforce_event),
    ),
    "pipedrive": (
        Rows("companies", _COMPANIES, ["pipedrive__organizations"], _deleted),
        Rows("contacts", _CONTACTS, ["pipedrive__persons"], _deleted),
        Rows("leads", _LEADS, ["pipedrive__leads"], _pipedrive_lead),
        Rows("deals", _DEALS, ["pipedrive__deals"], _there),
        Rows("activities", _ACTIVITIES, ["pipedrive__activities"], _pipedrive_activity),
    ),
}  # fmt: skip
