"""Pipedrive's own statistics of what moved in each pipeline: new, won and lost deals, and the rates between stages.

They are asked per pipeline and user (without a user Pipedrive answers for the token's own), 80 tokens a pair, so they are due as often as
the comparison of ids, for the whole UTC days since the last time. The cursor says when that was: it stays where it is on nights on
which nothing is due or the tokens do not suffice. Statistics are witnesses for comparison, no facts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from extractors.core.run import ResourceState, is_sweep_due
from extractors.core.spec import Record
from extractors.sources.pipedrive.answers import Statistics, number_of
from extractors.sources.pipedrive.connection import V1, connection_of
from extractors.sources.pipedrive.lists import listed_places, listed_users

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

KINDS = ("movement_statistics", "conversion_statistics")
COST = 80
#: the cursor of an account whose statistics were never asked for
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def extract_statistics(extraction: Extraction) -> None:
    """One record per pipeline, user and period: `{"pipeline_id", "user_id", "start_date", "end_date", "movement_statistics", …}`."""
    connection, cursor = connection_of(extraction), extraction.state.cursor
    if is_sweep_due(extraction.settings, ResourceState(cursor, cursor), extraction.window_end):
        users = [number_of(said, "users") for said in listed_users(connection)]
        pipelines = [number_of(said, "pipelines") for said in listed_places(connection, "/pipelines")]
        pairs = [(pipeline, user) for pipeline in pipelines for user in users]
        cost = COST * len(pairs)
        if connection.tokens.reserve(cost, extraction.settings.pipedrive_reserve_percent):
            try:
                extraction.land(_records(extraction, pairs))
            finally:
                connection.tokens.settle(cost)
            return
        log.warning(
            "Pipedrive: no statistics tonight, they would cost %d of the %s tokens left today",
            cost, connection.tokens.left,
        )  # fmt: skip
    extraction.window = replace(extraction.window, cursor_to=cursor or _NEVER)


def _records(extraction: Extraction, pairs: list[tuple[int, int]]) -> Iterator[Record]:
    end = extraction.now.date() - timedelta(days=1)
    cursor = extraction.state.cursor or _NEVER
    since = end - timedelta(days=extraction.settings.sweep_days - 1)
    start = since if cursor == _NEVER else min(cursor.date(), end)
    period = {"start_date": start.isoformat(), "end_date": end.isoformat()}

    def ask(pair: tuple[int, int]) -> Record:
        pipeline, user = pair
        said: dict[str, object] = {"pipeline_id": pipeline, "user_id": user, **period}
        for kind in KINDS:
            path = f"{V1}/pipelines/{pipeline}/{kind}"
            said[kind] = connection_of(extraction).client.get(path, Statistics, {**period, "user_id": str(user)}).data
        return Record(f"{pipeline}/{user}/{start}/{end}", None, False, msgspec.json.encode(said))

    return extraction.in_flight(ask, pairs)
