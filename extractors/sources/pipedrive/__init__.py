"""Pipedrive: what is loaded, and how its resources are named.

v2 where it exists, v1 for leads, users, goals, currencies, changelogs and totals. Everything with an update time is read by it; the
history of a deal comes from its changelog, one call a deal, which the day's tokens spread over several nights on a first load.
"""

from __future__ import annotations

from typing import cast

from extractors.core.settings import Settings
from extractors.core.spec import Connection, Held, People, Resource, Source
from extractors.sources.pipedrive import deals
from extractors.sources.pipedrive.answers import Summary
from extractors.sources.pipedrive.changelog import COST, extract_changelogs
from extractors.sources.pipedrive.connection import V1, PipedriveConnection, connect
from extractors.sources.pipedrive.lists import (
    extract_changed,
    extract_fields,
    extract_goals,
    extract_leads,
    extract_leads_sweep,
    extract_places,
    extract_sweep,
    extract_v1_list,
    extract_whole,
)
from extractors.sources.pipedrive.statistics import extract_statistics


def _is_configured(settings: Settings) -> bool:
    # A variable that is set to nothing counts as not set.
    return bool(settings.pipedrive_token or settings.pipedrive_refresh_token)


def _count(connection: Connection, resource: str) -> Held | None:
    """Deals by a summary, archived ones and products not counted; Pipedrive counts nothing else."""
    if resource not in ("deals", "deal_changelogs"):
        return None
    deals = cast(PipedriveConnection, connection).client.get(f"{V1}/deals/summary", Summary).data.total_count
    return Held(deals, 500, {"tokens": 10}) if resource == "deals" else Held(deals, 1, {"tokens": COST})


_RECORD = (
    "id",
    "owner_id",
    "org_id",
    "organization_id",
    "add_time",
    "update_time",
    "is_deleted",
    "visible_to",
    "label_ids",
)
PEOPLE = (
    People(
        "persons",
        kept=_RECORD,
        addresses=("emails.value",),
        names=("name",),
        phones=("phones.value",),
    ),
    People(
        "leads",
        kept=(
            *_RECORD,
            "person_id",
            "channel",
            "channel_id",
            "source_name",
            "origin",
            "is_archived",
            "value",
            "expected_close_date",
        ),
        persons=(("person_id", "persons"),),
    ),
    People("users", kept=(), addresses=("email",), names=("name",), phones=("phone",), is_staff=True),
)

PIPEDRIVE = Source(
    name="pipedrive",
    title="Pipedrive",
    not_loaded=(
        "Notes, files, mail and followers (heavy, personal, of no use to a funnel); further participants of deals (20 tokens a deal); projects; subscriptions and "
        "instalments; results of goals (they follow from the deals). Pipedrive does not say into which deal another was "
        "merged: the loser is loaded as deleted. Deals deleted more than 30 days ago, and all other deleted objects, leave nothing to load: "
        "the weekly comparison of ids finds that they are gone. Leads have no status: they are new until they become a deal or are archived."
    ),
    resources=(
        Resource("pipelines", extract_places("/pipelines"), "complete"),
        Resource("stages", extract_places("/stages"), "complete"),
        Resource("deal_fields", extract_fields, "complete"),
        Resource("users", extract_v1_list("/users"), "complete"),
        Resource("currencies", extract_v1_list("/currencies"), "complete"),
        Resource("goals", extract_goals, "complete"),
        Resource("products", extract_whole("/products"), "complete"),
        Resource("organizations", extract_changed("/organizations"), "changes"),
        Resource("persons", extract_changed("/persons"), "changes"),
        Resource("leads", extract_leads, "changes"),
        Resource("activities", extract_changed("/activities"), "changes"),
        Resource("deals", deals.extract_deals, "changes", also_lands=(deals.PRODUCTS,)),
        Resource("organizations_sweep", extract_sweep("/organizations"), "complete", sweep_of="organizations"),
        Resource("persons_sweep", extract_sweep("/persons"), "complete", sweep_of="persons"),
        Resource("leads_sweep", extract_leads_sweep, "complete", sweep_of="leads"),
        Resource("activities_sweep", extract_sweep("/activities"), "complete", sweep_of="activities"),
        Resource("deals_sweep", deals.extract_deals_sweep, "complete", sweep_of="deals"),
        Resource("pipeline_statistics", extract_statistics, "changes"),
        # Last: it takes what the others leave of the day's tokens.
        Resource("deal_changelogs", extract_changelogs, "changes"),
    ),
    is_configured=_is_configured,
    connect=connect,
    count=_count,
    people=PEOPLE,
    how_to_set_up=(
        "Set PIPEDRIVE_API_TOKEN, or PIPEDRIVE_REFRESH_TOKEN with PIPEDRIVE_CLIENT_ID and PIPEDRIVE_CLIENT_SECRET, to load Pipedrive."
    ),
)
