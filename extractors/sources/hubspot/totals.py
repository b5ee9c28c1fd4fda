"""HubSpot's own count of deals per pipeline and stage, asked for beside the extraction.

A search with a limit of one gives the count; the window's frozen end keeps later changes out of it. What HubSpot counted and
what was landed may rightly differ for deals that changed in between; their ids are reported with the counts:

- changed after the window's end (a search), whether landed or not; what they swallowed in a merge too. Those that the index shows so
  before the counts are asked are certainly not among them: no count asks for what changed after the window's end;
- landed, but unknown to the search index or known to it in another state: the index shows a change late;
- known to the index now and not landed: it showed them after the extraction had asked;
- archived since the window began (added once the archived pass is done): the index shows that late too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import msgspec

from extractors.core.spec import ControlTotal, ControlTotals
from extractors.sources.hubspot.associations import sorted_ids
from extractors.sources.hubspot.connection import HubSpotConnection
from extractors.sources.hubspot.search import between, count, equal, search

if TYPE_CHECKING:
    from extractors.core.run import Extraction
    from extractors.sources.hubspot.objects import ObjectType, Seen


class _Stage(msgspec.Struct):
    id: str


class _Pipeline(msgspec.Struct):
    id: str
    stages: list[_Stage]


class _Pipelines(msgspec.Struct):
    results: list[_Pipeline]


def ask_deal_counts(extraction: Extraction, kind: ObjectType, seen: Seen) -> ControlTotals:
    """One call per stage, one for the pipelines, three for the ids that cannot be compared."""
    connection = cast(HubSpotConnection, extraction.connection)
    end = extraction.window_end
    until = between(kind.modified, None, end)
    behind = end + timedelta(milliseconds=1)
    left_out = {row.id for row in search(connection, kind.name, between(kind.modified, behind, None))}
    pipelines = connection.client.get(connection.pipelines_path(kind.name), _Pipelines).results
    totals = [
        ControlTotal(
            pipeline.id,
            stage.id,
            currency_code=None,
            deal_count=count(connection, kind.name, [*until, *equal(pipeline=pipeline.id, dealstage=stage.id)]),
            deal_amount=None,
        )
        for pipeline in pipelines
        for stage in pipeline.stages
    ]
    # Only now: whatever became visible while the counts were taken is visible to these two.
    shown = {row.id for row in search(connection, kind.name, between(kind.modified, seen.since, end))}
    later = list(search(connection, kind.name, between(kind.modified, end, None), ("hs_merged_object_ids",)))
    excluded = {row.id for row in later}
    for row in later:
        excluded |= {loser for loser in (row.properties.get("hs_merged_object_ids") or "").split(";") if loser}
    excluded |= shown ^ {object_id for object_id, at in seen.live.items() if at <= end}
    excluded |= {object_id for object_id, at in seen.live.items() if at > end}
    return ControlTotals(end, tuple(totals), tuple(sorted_ids(excluded - left_out)), tuple(sorted_ids(left_out)))
