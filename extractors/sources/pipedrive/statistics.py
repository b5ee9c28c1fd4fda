"""Pipedrive's own statistics of what moved in each pipeline: new, won and lost deals, and the rates between stages.

They are asked per pipeline and user (without a user Pipedrive answers for the token's own), 80 tokens a pair, so they come with the
weekly sweep, for the whole UTC days since the last one. They are witnesses for comparison, no facts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from extractors.core.spec import Record
from extractors.sources.pipedrive.answers import ListPage, Statistics, id_of
from extractors.sources.pipedrive.connection import V1, connection_of
from extractors.sources.pipedrive.pages import cursor_pages

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

TABLE = "pipeline_statistics"
KINDS = ("movement_statistics", "conversion_statistics")
COST = 80


def land_statistics(extraction: Extraction) -> None:
    """One record per pipeline, user and period: `{"pipeline_id", "user_id", "start_date", "end_date", "movement_statistics", …}`."""
    connection = connection_of(extraction)
    users = [id_of(said, "users") for said in connection.client.get(f"{V1}/users", ListPage).data or []]
    pipelines = [id_of(said, "pipelines") for page in cursor_pages(connection, "/pipelines") for said in page]
    cost = COST * len(users) * len(pipelines)
    if not connection.tokens.allow(cost, extraction.settings.pipedrive_reserve_percent):
        log.warning(
            "Pipedrive: no statistics this time, they would cost %d of the %s tokens left", cost, connection.tokens.left
        )
        return
    extraction.land(_records(extraction, users, pipelines), TABLE)


def _records(extraction: Extraction, users: list[str], pipelines: list[str]) -> Iterator[Record]:
    end = extraction.now.date() - timedelta(days=1)
    start = end - timedelta(days=extraction.settings.sweep_days - 1)
    period = {"start_date": start.isoformat(), "end_date": end.isoformat()}

    def ask(pair: tuple[str, str]) -> Record:
        pipeline, user = pair
        said: dict[str, object] = {"pipeline_id": int(pipeline), "user_id": int(user), **period}
        for kind in KINDS:
            path = f"{V1}/pipelines/{pipeline}/{kind}"
            said[kind] = connection_of(extraction).client.get(path, Statistics, {**period, "user_id": user}).data
        return Record(f"{pipeline}/{user}/{start}/{end}", None, False, msgspec.json.encode(said))

    return extraction.in_flight(ask, [(pipeline, user) for pipeline in pipelines for user in users])
