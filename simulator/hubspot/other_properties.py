"""The properties of HubSpot's contacts, companies, leads and activities."""

from functools import cache

import numpy as np

from simulator import activities, links, pipelines
from simulator.events import OUTCOME, OWNER, STAGE
from simulator.hubspot import deal_properties, trade_properties
from simulator.hubspot.page import Page, instant_text
from simulator.hubspot.properties import (
    Property,
    Render,
    choice,
    created,
    merged_ids,
    modified,
    object_id,
    owned,
    pick,
    sources,
    text,
    when,
)
from simulator.names import COUNTRIES, INDUSTRIES, JOBS, ascii_of, company_name, person_name

DISQUALIFIED_REASONS = ("NOT_A_FIT", "NO_BUDGET", "UNREACHABLE", "STUDENT_OR_COMPETITOR")


def _person(page: Page) -> list[tuple[str, str]]:
    return [person_name(draw) for draw in page.draw_bits("person.name")]


def _email(page: Page) -> list[str | None]:
    pairs = zip(
        _person(page),
        page.numbers.tolist(),
        links.company_of_slot(page.numbers // 2).tolist(),
        page.draw("contact.email"),
        strict=True,
    )
    return [
        f"{ascii_of(first)}.{ascii_of(family)}.{number}@company{company}.example" if share > 0.03 else None
        for (first, family), number, company, share in pairs
    ]


def _phone(page: Page) -> list[str | None]:
    # A correction (a touch) changes the number: the last three digits count the versions.
    versions = (page.places - page.ledger.versions.starts[page.numbers]).tolist()
    return [
        f"+49 30 {draw % 10_000_000:07d}{version:03d}"
        for draw, version in zip(page.draw_bits("contact.phone"), versions, strict=True)
    ]


def _channel(page: Page) -> list[str | None]:
    return [links.CHANNELS[code] for code in links.channel_of_lead(page.seed, page.numbers).tolist()]


def _analytics(page: Page) -> list[str | None]:
    return [deal_properties.ANALYTICS[channel or ""][0] for channel in _channel(page)]


def _company_names(page: Page) -> list[str | None]:
    return [company_name(draw) for draw in page.draw_bits("company.name")]


def _employees(page: Page) -> list[str | None]:
    return [None if share < 0.1 else str(int(5 * np.exp(6 * share**2))) for share in page.draw("company.employees")]


def _lead_name(page: Page) -> list[str | None]:
    return [f"{first} {family}" for first, family in (person_name(draw) for draw in page.draw_bits("person.name"))]


def _lead_stage() -> Property:
    ids = tuple(stage.id for stage in pipelines.LEAD_STAGES)

    def render(page: Page) -> list[str | None]:
        return [ids[code] for code in page.column(STAGE).tolist()]

    return Property("hs_pipeline_stage", "Lead stage", "enumeration", "select", render, field=STAGE, show=lambda _, value: ids[value],
                    options=tuple((stage.id, stage.name) for stage in pipelines.LEAD_STAGES))  # fmt: skip


def _disqualified(page: Page) -> list[str | None]:
    stages, draws = page.column(STAGE).tolist(), page.draw("lead.disqualified")
    return [
        DISQUALIFIED_REASONS[int(share * len(DISQUALIFIED_REASONS))]
        if stage == pipelines.DISQUALIFIED and share < 0.95
        else None
        for stage, share in zip(stages, draws, strict=True)
    ]


@cache
def contacts() -> dict[str, Property]:
    """All properties of contacts by name."""
    return _named(
        object_id(),
        created("createdate"),
        modified("lastmodifieddate"),
        merged_ids(),
        text("email", "Email", _email),
        text("firstname", "First name", lambda page: [first for first, _ in _person(page)]),
        text("lastname", "Last name", lambda page: [family for _, family in _person(page)]),
        text("phone", "Phone number", _phone),
        text("jobtitle", "Job title", pick("contact.job", JOBS)),
        Property("hs_buying_role", "Buying role", "enumeration", "checkbox",
                 pick("contact.role", ("DECISION_MAKER", "END_USER", "BUDGET_HOLDER", None))),
        Property("hs_legal_basis", "Legal basis for processing contact's data", "enumeration", "checkbox", _legal_basis),
        choice("hs_email_optout", "Unsubscribed from all email", ("false",) * 19 + ("true",), "contact.optout"),
        Property("hs_analytics_source", "Original traffic source", "enumeration", "select", _analytics),
        choice("lifecyclestage", "Lifecycle stage", ("lead", "lead", "opportunity"), "contact.lifecycle"),
        sources("contact", ((0.5, "FORM"), (0.8, "CRM_UI"), (1.0, "IMPORT"))),
    )  # fmt: skip


def _legal_basis(page: Page) -> list[str | None]:
    ours = links.is_outbound(links.channel_of_lead(page.seed, page.numbers)).tolist()
    consent, interest = "Freely given consent from contact", "Legitimate interest - prospect/lead"
    pairs = zip(ours, page.draw("contact.basis"), strict=True)
    return [None if share < 0.05 else interest if outbound else consent for outbound, share in pairs]


@cache
def companies() -> dict[str, Property]:
    """All properties of companies by name."""
    return _named(
        object_id(),
        created("createdate"),
        modified("hs_lastmodifieddate"),
        merged_ids(),
        text("name", "Company name", _company_names),
        text(
            "domain",
            "Company domain name",
            lambda page: [f"company{number}.example" for number in page.numbers.tolist()],
        ),
        text("phone", "Phone number", _phone),
        Property("industry", "Industry", "enumeration", "select", pick("company.industry", (*INDUSTRIES, None))),
        text("country", "Country/Region", pick("company.country", COUNTRIES)),
        Property("numberofemployees", "Number of employees", "number", "number", _employees),
        Property(
            "hs_is_target_account",
            "Target account",
            "bool",
            "booleancheckbox",
            pick("company.target", ("false", "false", "true")),
        ),
        sources("company", ((0.6, "CRM_UI"), (1.0, "IMPORT"))),
    )


@cache
def leads() -> dict[str, Property]:
    """All properties of leads by name."""
    return _named(
        object_id(),
        created("hs_createdate"),
        modified("hs_lastmodifieddate"),
        text("hs_lead_name", "Lead name", _lead_name),
        Property("hs_pipeline", "Lead pipeline", "enumeration", "select", lambda page: [pipelines.LEAD_PIPELINE] * len(page)),
        _lead_stage(),
        choice("hs_lead_type", "Lead type", ("NEW_BUSINESS", "NEW_BUSINESS", "RE_ATTEMPTING", "UPSELL"), "lead.type"),
        choice("hs_lead_label", "Lead label", ("HOT", "WARM", "COLD"), "lead.label"),
        Property("hs_lead_disqualification_reason", "Disqualification reason", "enumeration", "select", _disqualified),
        Property("lead_channel", "Channel", "enumeration", "select", _channel, custom=True,
                 options=tuple((channel, channel) for channel in links.CHANNELS)),
        Property("lead_direction", "Lead direction", "enumeration", "select", deal_properties.direction(1), custom=True,
                 options=(("inbound", "Inbound"), ("outbound", "Outbound"))),
        owned(OWNER),
        sources("lead", ((0.4, "FORM"), (0.85, "CRM_UI"), (1.0, "AUTOMATION_PLATFORM"))),
    )  # fmt: skip


def _takes_place(page: Page) -> list[str | None]:
    at = activities.takes_place_at(page.seed, page.kind, page.numbers, page.created_ms)
    return [instant_text(each) for each in at.tolist()]


def _outcome(*words: str | None) -> Render:
    return lambda page: [words[code] for code in page.column(OUTCOME).tolist()]


def _written_by(page: Page) -> list[str | None]:
    automatic = activities.is_automatic(page.seed, page.kind, page.numbers).tolist()
    shares = page.draw(page.kind + ".source")
    return [
        "AUTOMATION_PLATFORM" if flag else "INTEGRATION" if share < 0.3 else "CRM_UI"
        for flag, share in zip(automatic, shares, strict=True)
    ]


def _activity_owner(page: Page) -> list[str | None]:
    chosen = page.company.sellers.pick(page.kind + ".owner", page.numbers, page.created_ms).tolist()
    return [page.company.sellers.everyone[number].id for number in chosen]


def _outcome_property(name: str, label: str, *words: str | None) -> Property:
    return Property(name, label, "enumeration", "select", _outcome(*words), field=OUTCOME, show=lambda _, value: words[value],
                    options=tuple((word, word) for word in words if word))  # fmt: skip


@cache
def activity(kind: str) -> dict[str, Property]:
    """All properties of one kind of activity by name."""
    subjects = ("First contact", "Follow-up", "Offer", "Question about delivery", "Kick-off", "Renewal")
    own: dict[str, tuple[Property, ...]] = {
        "calls": (
            text("hs_call_title", "Call title", pick("calls.title", subjects)),
            choice("hs_call_direction", "Call direction", ("OUTBOUND", "OUTBOUND", "INBOUND"), "calls.direction"),
            _outcome_property("hs_call_status", "Call status", "QUEUED", "COMPLETED", "NO_ANSWER", "CANCELED"),
            text("hs_call_disposition", "Call outcome", _outcome(None, "f240bbac-87c9-4f6e-bf70-924b57d47db7",
                                                                  "73a0d17f-1163-4015-bdd5-ec830791da20", None)),
            text("hs_call_duration", "Call duration", lambda page: [str(int(1_800_000 * share)) for share in page.draw("calls.duration")]),
        ),
        "emails": (
            text("hs_email_subject", "Email subject", pick("emails.subject", subjects)),
            choice("hs_email_direction", "Email direction", ("EMAIL",) * 6 + ("INCOMING_EMAIL",) * 3 + ("FORWARDED_EMAIL",),
                   "emails.direction"),
            choice("hs_email_status", "Email send status", ("SENT", "SENT", "SENT", "SENT", "BOUNCED"), "emails.status"),
        ),
        "meetings": (
            text("hs_meeting_title", "Meeting name", pick("meetings.title", subjects)),
            _outcome_property("hs_meeting_outcome", "Meeting outcome", "SCHEDULED", "COMPLETED", "NO_SHOW", "CANCELED"),
            when("hs_meeting_start_time", "Meeting start time", _takes_place),
            choice("hs_activity_type", "Call and meeting type", ("Demo", "Discovery", "Presentation", "Review"), "meetings.type"),
        ),
        "tasks": (
            text("hs_task_subject", "Task title", pick("tasks.subject", subjects)),
            _outcome_property("hs_task_status", "Task status", "NOT_STARTED", "COMPLETED", "DEFERRED", "WAITING"),
            choice("hs_task_type", "Task type", ("TODO", "CALL", "EMAIL"), "tasks.type"),
        ),
        "notes": (text("hs_note_body", "Note body", pick("notes.body", ("Called back.", "Wants an offer.", "Zahlt pünktlich ☺"))),),
    }  # fmt: skip
    return _named(
        object_id(),
        created("hs_createdate"),
        modified("hs_lastmodifieddate"),
        when("hs_timestamp", "Activity date", _takes_place),
        *own[kind],
        Property("hubspot_owner_id", "Activity assigned to", "enumeration", "select", _activity_owner),
        Property("hs_object_source", "Record source", "enumeration", "select", _written_by),
    )


def _named(*found: Property) -> dict[str, Property]:
    return {each.name: each for each in found}


_TRADE = {
    "products": trade_properties.products,
    "line_items": trade_properties.line_items,
    "goal_targets": trade_properties.goal_targets,
}


def catalogue(kind: str) -> dict[str, Property]:
    """All properties of an object type by name."""
    if kind == "deals":
        return deal_properties.catalogue()
    if kind == "contacts":
        return contacts()
    if kind == "companies":
        return companies()
    if kind in _TRADE:
        return _TRADE[kind]()
    return leads() if kind == "leads" else activity(kind)


DEFAULTS = {
    "deals": (
        "amount",
        "closedate",
        "createdate",
        "dealname",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_object_id",
        "pipeline",
    ),
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
}
"""What HubSpot returns when no property is asked for."""
ALWAYS = {
    "deals": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
    "contacts": ("createdate", "hs_object_id", "lastmodifieddate"),
    "companies": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
    "products": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
    "line_items": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
}
"""What it returns besides those asked for; other types have the last entry of `hs_createdate` instead of `createdate`."""
OTHERS = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")
