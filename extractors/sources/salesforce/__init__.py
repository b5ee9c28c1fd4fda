"""Salesforce: what is loaded, and how its resources are named.

Objects are read by change stamp with `queryAll`, which shows what lies in the recycle bin too; what has left it is found by a weekly list of
ids. Opportunities come with their two histories, leads with theirs. Small lists are read whole every night.
"""

from __future__ import annotations

from typing import cast

import msgspec

from extractors.core.settings import Settings
from extractors.core.spec import Connection, Held, People, Resource, Source
from extractors.sources.salesforce.changes import History, Object, extract_changes
from extractors.sources.salesforce.connection import NotThereError, SalesforceConnection, connect
from extractors.sources.salesforce.reference import (
    Listing,
    extract_formulas,
    extract_listings,
    extract_sweep,
)
from extractors.sources.salesforce.totals import ask_counts

_CHANGE = ("Id", "CreatedDate", "Field", "OldValue", "NewValue")

OPPORTUNITIES = Object(
    "Opportunity",
    "opportunities",
    ("Id", "IsDeleted", "SystemModstamp", "CreatedDate", "StageName", "Amount", "CloseDate", "OwnerId", "AccountId"),
    histories=(
        History("OpportunityHistory", "opportunity_history", "OpportunityId",
                ("Id", "OpportunityId", "CreatedDate", "StageName", "Amount", "CloseDate")),
        History("OpportunityFieldHistory", "opportunity_field_history", "OpportunityId", (*_CHANGE, "OpportunityId")),
    ),
    ask_totals=ask_counts,
)  # fmt: skip
LEADS = Object(
    "Lead",
    "leads",
    ("Id", "IsDeleted", "SystemModstamp", "CreatedDate", "Status", "OwnerId", "IsConverted", "ConvertedOpportunityId"),
    histories=(History("LeadHistory", "lead_history", "LeadId", (*_CHANGE, "LeadId")),),
    is_optional=True,
)
_ENTITY = ("Id", "IsDeleted", "SystemModstamp", "CreatedDate")
OBJECTS = (
    OPPORTUNITIES,
    LEADS,
    Object("Account", "accounts", (*_ENTITY, "Name")),
    Object("Contact", "contacts", (*_ENTITY, "LastName", "AccountId")),
    Object("Task", "tasks", (*_ENTITY, "OwnerId", "WhatId", "WhoId"), is_optional=True),
    Object("Event", "events", (*_ENTITY, "OwnerId", "WhatId", "WhoId"), is_optional=True),
    Object("CampaignMember", "campaign_members", (*_ENTITY, "CampaignId", "LeadId"), is_optional=True),
    Object(
        "OpportunityContactRole",
        "opportunity_contact_roles",
        (*_ENTITY, "OpportunityId", "ContactId"),
        goes_with="Opportunity.SystemModstamp",
    ),
    Object(
        "OpportunityLineItem",
        "opportunity_line_items",
        (*_ENTITY, "OpportunityId"),
        is_optional=True,
        goes_with="Opportunity.SystemModstamp",
    ),
)
LISTINGS = (
    Listing("Organization", "organizations", ("Id",)),
    Listing("RecordType", "record_types", ("Id", "Name", "IsActive"), where="SobjectType = 'Opportunity'"),
    Listing("User", "users", ("Id", "Name", "Email", "IsActive")),
    Listing("Group", "groups", ("Id", "Name", "Type"), where="Type = 'Queue'"),
    Listing("OpportunityStage", "opportunity_stages", ("Id", "ApiName", "MasterLabel", "SortOrder", "IsActive", "IsClosed", "IsWon")),
    Listing("Campaign", "campaigns", ("Id", "Name"), is_optional=True),
    Listing("Product2", "products", ("Id", "Name"), is_optional=True),
    Listing("ForecastingQuota", "forecasting_quotas", ("Id",), is_optional=True),
    Listing("Period", "periods", ("Id", "StartDate", "EndDate"), is_optional=True),
    Listing("CurrencyType", "currency_types", ("Id", "IsoCode", "ConversionRate"), is_optional=True),
    Listing("DatedConversionRate", "dated_conversion_rates", ("Id", "IsoCode", "StartDate", "ConversionRate"), is_optional=True),
)  # fmt: skip
_STAMPS = ("Id", "OwnerId", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsDeleted", "MasterRecordId")
_ADDRESSES, _NAMES, _PHONES = (
    ("Email",),
    ("FirstName", "LastName"),
    ("Phone", "MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone"),
)
PEOPLE = (
    People(
        "contacts",
        kept=(*_STAMPS, "AccountId", "Legal_Basis__c", "HasOptedOutOfEmail", "CurrencyIsoCode"),
        addresses=_ADDRESSES, names=_NAMES, phones=_PHONES,
    ),
    People("contacts_formulas", kept=("Id",), persons=(("Id", "contacts"),)),
    People(
        "leads",
        kept=(
            *_STAMPS, "Status", "LeadSource", "Lead_Direction__c", "Disqualified_Reason__c", "IsConverted", "ConvertedDate", "ConvertedAccountId",
            "ConvertedContactId", "ConvertedOpportunityId", "HasOptedOutOfEmail", "CurrencyIsoCode",
        ),
        addresses=_ADDRESSES, names=_NAMES, phones=_PHONES, persons=(("ConvertedContactId", "contacts"),),
    ),
    People("users", kept=(), addresses=_ADDRESSES, names=("Name",), phones=_PHONES, is_staff=True),
)  # fmt: skip
_FORMULAS = (OPPORTUNITIES, OBJECTS[2], OBJECTS[3])


def _is_configured(settings: Settings) -> bool:
    return bool(settings.salesforce_url)


class _Counted(msgspec.Struct):
    totalSize: int


def _count(connection: Connection, resource: str) -> Held | None:
    """By a COUNT of the object; its histories, which come with it, are not counted."""
    kind = next((one for one in OBJECTS if one.table == resource), None)
    if kind is None:
        return None
    org = cast(SalesforceConnection, connection)
    try:
        records = org.get(org.path("/queryAll"), _Counted, {"q": f"SELECT COUNT() FROM {kind.entity}"}).totalSize  # noqa: S608 - names as Salesforce described them, instants of our own
    except NotThereError:
        return Held(0, 2_000, {"API requests": 1})
    return Held(records, 2_000, {"API requests": 1})


SALESFORCE = Source(
    name="salesforce",
    title="Salesforce",
    not_loaded=(
        "Long texts, compound fields (their parts are loaded) and files; notes, e-mail bodies, price books, territories. "
        "Salesforce keeps whole seconds, dates nothing back, and knows no merge of opportunities. Owner, record type and currency of an "
        "opportunity have a history only where field history tracking is on; else their changes show from night to night. Field history "
        "reaches back 18 to 24 months."
    ),
    resources=(
        *(
            Resource(kind.table, extract_changes(kind), "changes", also_lands=tuple(each.table for each in kind.histories))
            for kind in OBJECTS
        ),
        Resource(LISTINGS[0].table, extract_listings(LISTINGS), "complete", also_lands=tuple(each.table for each in LISTINGS[1:])),
        *(Resource(f"{kind.table}_formulas", extract_formulas(kind.entity, f"{kind.table}_formulas"), "complete") for kind in _FORMULAS),
        *(Resource(f"{kind.table}_sweep", extract_sweep(kind), "complete", sweep_of=kind.table) for kind in OBJECTS),
    ),
    is_configured=_is_configured,
    connect=connect,
    count=_count,
    people=PEOPLE,
    how_to_set_up=(
        "Set SALESFORCE_URL, SALESFORCE_CLIENT_ID, and either SALESFORCE_PRIVATE_KEY_FILE with SALESFORCE_USERNAME, or "
        "SALESFORCE_CLIENT_SECRET, or SALESFORCE_REFRESH_TOKEN to load Salesforce."
    ),
)  # fmt: skip
