"""HubSpot: what is loaded, and how its resources are named.

Every object type is read whole once (list endpoint), then by change: search for the ids modified in the window, batch read for the
objects with their history, batch read for their associations. Search cannot return history or associations, lists cannot
filter by date, and neither shows archived objects, which therefore have a pass of their own every night. What left without a trace is
found by a comparison of ids, which is due every `settings.sweep_days`.
"""

from __future__ import annotations

from typing import cast

from extractors.core.settings import Settings
from extractors.core.spec import Connection, Held, People, Resource, Source
from extractors.sources.hubspot.campaigns import extract_campaign_budgets, extract_campaigns
from extractors.sources.hubspot.connection import HubSpotConnection, connect
from extractors.sources.hubspot.objects import ObjectType, extract_objects
from extractors.sources.hubspot.optional import unless_hidden
from extractors.sources.hubspot.reference import (
    extract_account,
    extract_exchange_rates,
    extract_owners,
    extract_pipelines,
)
from extractors.sources.hubspot.search import count
from extractors.sources.hubspot.sweep import extract_deals_sweep, extract_sweep
from extractors.sources.hubspot.totals import ask_deal_counts

_ACTIVITY_ENDS = ("deals", "leads", "contacts")

DEALS = ObjectType(
    "deals",
    associated=("companies", "contacts", "leads"),
    history=(
        "dealstage", "pipeline", "amount", "deal_currency_code", "closedate", "hubspot_owner_id", "hs_merged_object_ids",
    ),
    ask_totals=ask_deal_counts,
)  # fmt: skip
OBJECT_TYPES = (
    DEALS,
    ObjectType("contacts", associated=("companies",), modified="lastmodifieddate"),
    ObjectType("companies"),
    ObjectType(
        "leads", associated=("companies", "contacts", "deals"), history=("hs_pipeline_stage",), is_optional=True
    ),
    *(ObjectType(name, associated=_ACTIVITY_ENDS) for name in ("calls", "emails", "meetings", "tasks", "notes")),
    ObjectType("line_items", associated=("deals",), is_optional=True),
    ObjectType("products", is_optional=True),
    ObjectType("goal_targets", is_optional=True),
)


_RECORD = ("id", "createdAt", "updatedAt", "archived", "archivedAt", "associations", "properties.hs_object_id")
PEOPLE = (
    People(
        "contacts",
        kept=(*_RECORD, *(f"properties.{name}" for name in (
            "createdate", "lastmodifieddate", "hs_legal_basis", "hs_merged_object_ids", "hs_email_optout", "lifecyclestage", "hubspot_owner_id",
        ))),
        addresses=("properties.email", "properties.hs_additional_emails", "properties.work_email"),
        names=("properties.firstname", "properties.lastname"),
        phones=("properties.phone", "properties.mobilephone", "properties.hs_whatsapp_phone_number"),
    ),
    People(
        "leads",
        kept=(*_RECORD, "propertiesWithHistory.hs_pipeline_stage", *(f"properties.{name}" for name in (
            "hs_createdate", "hs_lastmodifieddate", "hs_pipeline", "hs_pipeline_stage", "hubspot_owner_id", "lead_channel", "lead_direction",
            "hs_lead_disqualification_reason",
        ))),
        persons=(("associations.contacts", "contacts"),),
    ),
    People("owners", kept=(), addresses=("email",), names=("firstName", "lastName"), is_staff=True),
)  # fmt: skip


def _resources_of(kind: ObjectType) -> tuple[Resource, Resource]:
    """An object type's changes, and the comparison of its ids."""
    extract = extract_objects(kind)
    sweep = extract_deals_sweep if kind is DEALS else extract_sweep(kind.name)
    if kind.is_optional:
        extract, sweep = unless_hidden(extract, kind.name), unless_hidden(sweep, kind.name)
    return (
        Resource(kind.name, extract, "changes"),
        Resource(f"{kind.name}_sweep", sweep, "complete", sweep_of=kind.name),
    )


def _is_configured(settings: Settings) -> bool:
    # A variable that is set to nothing counts as not set.
    return bool(settings.hubspot_token or settings.hubspot_refresh_token)


def _count(connection: Connection, resource: str) -> Held | None:
    """By a search that gives its total and next to nothing else."""
    kind = next((one for one in OBJECT_TYPES if one.name == resource), None)
    if kind is None:
        return None
    everything = {"propertyName": "hs_object_id", "operator": "GTE", "value": "0"}
    return Held(count(cast(HubSpotConnection, connection), kind.name, [everything]), kind.page, {"calls": 1})


HUBSPOT = Source(
    name="hubspot",
    title="HubSpot",
    not_loaded=(
        "Texts of calls, e-mails, meetings, notes and tasks and any other formatted text (heavy, personal, of no use to a "
        "funnel); `hs_v2_time_in_…` and its kin (they change with every look and follow from the entry dates); quotes, "
        "invoices, tickets and custom objects (no table of the warehouse holds them); the reach of campaigns. Objects deleted "
        "for privacy leave nothing to load: the weekly comparison of ids finds that they are gone. A restored object comes "
        "back once HubSpot moves its modified date."
    ),
    resources=(
        *(resource for kind in OBJECT_TYPES for resource in _resources_of(kind)),
        Resource("owners", extract_owners, "complete"),
        Resource("deal_pipelines", extract_pipelines("deals"), "complete"),
        Resource("lead_pipelines", unless_hidden(extract_pipelines("leads"), "lead_pipelines"), "complete"),
        Resource("campaigns", unless_hidden(extract_campaigns, "campaigns"), "complete"),
        Resource("campaign_budgets", unless_hidden(extract_campaign_budgets, "campaign_budgets"), "changes"),
        Resource("exchange_rates", unless_hidden(extract_exchange_rates, "exchange_rates"), "complete"),
        Resource("account", extract_account, "complete"),
    ),
    is_configured=_is_configured,
    connect=connect,
    how_to_set_up="Set HUBSPOT_ACCESS_TOKEN (or HUBSPOT_CLIENT_ID, HUBSPOT_CLIENT_SECRET and HUBSPOT_REFRESH_TOKEN) to load HubSpot.",
    count=_count,
    people=PEOPLE,
)
