"""HubSpot: what is loaded, and how its resources are named.

Every object type is read whole once (list endpoint), then by change: search for the ids modified in the window, batch read for the
objects with their history, batch read for their associations. Search cannot return history or associations, lists cannot
filter by date, and neither shows archived objects, which therefore have a pass of their own every night.
"""

from __future__ import annotations

from typing import cast

from extractors.core.settings import Settings
from extractors.core.spec import Connection, Held, Resource, Source
from extractors.sources.hubspot.connection import HubSpotConnection, connect
from extractors.sources.hubspot.objects import ObjectType, extract_objects
from extractors.sources.hubspot.reference import extract_owners, extract_pipelines
from extractors.sources.hubspot.search import count
from extractors.sources.hubspot.sweep import extract_deals_sweep
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
    ObjectType("leads", associated=("companies", "contacts", "deals")),
    *(ObjectType(name, associated=_ACTIVITY_ENDS) for name in ("calls", "emails", "meetings", "tasks", "notes")),
)


def _is_configured(settings: Settings) -> bool:
    # A variable that is set to nothing counts as not set.
    return bool(settings.hubspot_token)


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
        "funnel); `hs_v2_time_in_…` and its kin (they change with every look and follow from the entry dates); line items, "
        "products, campaigns, goals and currencies (not needed for the funnel yet). Objects deleted for privacy leave "
        "nothing to load: for deals the weekly comparison of ids finds that they are gone, other types keep their last "
        "state. A restored object comes back once HubSpot moves its modified date."
    ),
    resources=(
        *(Resource(kind.name, extract_objects(kind), "changes") for kind in OBJECT_TYPES),
        Resource("owners", extract_owners, "complete"),
        Resource("deal_pipelines", extract_pipelines("deals"), "complete"),
        Resource("lead_pipelines", extract_pipelines("leads"), "complete"),
        Resource("deals_sweep", extract_deals_sweep, "complete", sweep_of="deals"),
    ),
    is_configured=_is_configured,
    connect=connect,
    how_to_set_up="Set HUBSPOT_ACCESS_TOKEN to load HubSpot.",
    count=_count,
)
