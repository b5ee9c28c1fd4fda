"""Marketing campaigns: the list with its totals whole every night, budget and spend entry by entry for the campaigns that changed.

HubSpot knows no change date for a list of campaigns and no call for the entries of several: the list costs one call per hundred, entries one
per campaign. Both resources take their campaigns from one list where they share a connection. The list carries both totals; entries have a day of writing, not a day on which money was spent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.cursor import parse_instant
from extractors.core.pagination import CursorPages
from extractors.core.spec import Record
from extractors.sources.hubspot.answers import Object, ObjectPage
from extractors.sources.hubspot.connection import HubSpotConnection
from extractors.sources.hubspot.objects import PAGE, objects_by_id, record_as_received

if TYPE_CHECKING:
    from extractors.core.run import Extraction

PROPERTIES = (
    "hs_name", "hs_start_date", "hs_end_date", "hs_campaign_status", "hs_currency_code", "hs_utm", "hs_owner",
    "hs_budget_items_sum_amount", "hs_spend_items_sum_amount",
)  # fmt: skip


def extract_campaigns(extraction: Extraction) -> None:
    """Every campaign there is."""
    connection = cast(HubSpotConnection, extraction.connection)
    began = connection.now()
    listed: list[Record] = []

    def records() -> Iterator[Record]:
        for page in _pages(extraction, PROPERTIES):
            for campaign_id, said in page.items():
                record = record_as_received(campaign_id, said)
                listed.append(record._replace(payload=b""))
                yield record

    extraction.land(records())
    connection.campaigns = (began, listed)


def extract_campaign_budgets(extraction: Extraction) -> None:
    """The entries of budget and spend of all campaigns on the first load, later of those modified since the window began."""
    connection = cast(HubSpotConnection, extraction.connection)
    since = extraction.window_start
    changed = _listed(extraction)
    if since is not None:
        changed = [one for one in changed if one.updated_at is None or parse_instant(one.updated_at) >= since]

    def ask(campaign: Record) -> Object:
        return connection.client.get(connection.campaigns_path(f"/{campaign.source_id}/budget/totals"), Object)

    def records() -> Iterator[Record]:
        for campaign, said in zip(changed, extraction.in_flight(ask, changed), strict=True):
            extraction.page_read()
            payload = b",".join([msgspec.json.encode(key) + b":" + bytes(said[key]) for key in sorted(said)])
            yield Record(campaign.source_id, campaign.updated_at, False, b"{%s}" % payload)

    extraction.land(records())


def _listed(extraction: Extraction) -> list[Record]:
    """Every campaign's id and stamp: from this run's list of campaigns, or asked for where the list was read elsewhere or long ago.

    What is modified behind a list must lie in the next night's window, which reaches back by the lookback.
    """
    connection = cast(HubSpotConnection, extraction.connection)
    lookback = timedelta(minutes=extraction.settings.lookback_minutes)
    if connection.campaigns is not None and connection.campaigns[0] >= extraction.window_end - lookback:
        return connection.campaigns[1]
    return [
        record_as_received(campaign_id, said)
        for page in _pages(extraction, ("hs_name",))
        for campaign_id, said in page.items()
    ]


def _pages(extraction: Extraction, properties: tuple[str, ...]) -> Iterator[dict[str, Object]]:
    connection = cast(HubSpotConnection, extraction.connection)
    guard = CursorPages("campaigns")
    parameters = {"limit": str(PAGE), "properties": ",".join(properties)}
    while True:
        page = connection.client.get(connection.campaigns_path(), ObjectPage, parameters)
        if page.results:
            extraction.page_read()
        yield objects_by_id(page.results, "campaigns")
        after = guard.follow(page.after)
        if after is None:
            return
        parameters["after"] = after
