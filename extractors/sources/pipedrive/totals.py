"""Pipedrive's own count and value of deals per pipeline, stage and currency, asked for beside the extraction.

A summary counts what is there now and cannot be asked as of an instant: deals changed since the window's end are named, and left out of
the comparison. An open deal counts in its stage; a won or lost one in its pipeline only, where it stands under `won` or `lost`.
Archived deals have summaries of their own, which cost twice as much: they are gone into only where the one above says that there is any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from extractors.core.spec import ControlTotal, ControlTotals
from extractors.sources.pipedrive.answers import Summary, Totals, id_of
from extractors.sources.pipedrive.connection import V1, connection_of, stamp
from extractors.sources.pipedrive.lists import listed_places
from extractors.sources.pipedrive.pages import cursor_pages

if TYPE_CHECKING:
    from extractors.core.run import Extraction

CLOSED = ("won", "lost")
EVERY_STATUS = "open,won,lost,deleted"


def ask_totals(extraction: Extraction) -> ControlTotals:
    """Count and value per place and currency, live and archived deals together."""
    connection = connection_of(extraction)
    stages = [
        (id_of(said, "stages", "pipeline_id"), id_of(said, "stages")) for said in listed_places(connection, "/stages")
    ]
    pipelines = [id_of(said, "pipelines") for said in listed_places(connection, "/pipelines")]
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    amounts: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for path in ("/deals/summary", "/deals/summary/archived"):
        for pipeline, stage, totals in _places(extraction, path, stages, pipelines):
            for currency, total in totals.values_total.items():
                counts[pipeline, stage, currency] += total.count
                amounts[pipeline, stage, currency] += total.amount
    return ControlTotals(
        extraction.window_end,
        tuple(
            ControlTotal(
                pipeline,
                stage,
                currency,
                counts[pipeline, stage, currency],
                f"{amounts[pipeline, stage, currency]:.2f}",
            )
            for pipeline, stage, currency in sorted(counts)
        ),
        tuple(sorted(_changed_since(extraction))),
    )


def _places(
    extraction: Extraction, path: str, stages: list[tuple[str, str]], pipelines: list[str]
) -> Iterator[tuple[str, str, Totals]]:
    def ask(**parameters: str) -> Totals:
        return connection_of(extraction).client.get(V1 + path, Summary, parameters).data

    def ask_place(place: tuple[str, str]) -> tuple[str, str, Totals]:
        pipeline, stage = place
        if stage in CLOSED:
            return pipeline, stage, ask(status=stage, pipeline_id=pipeline)
        return pipeline, stage, ask(status="open", pipeline_id=pipeline, stage_id=stage)

    places = list(stages) if ask(status="open").total_count else []
    for status in CLOSED:
        if ask(status=status).total_count:
            places += [(pipeline, status) for pipeline in pipelines]
    yield from extraction.in_flight(ask_place, places)


def _changed_since(extraction: Extraction) -> set[str]:
    """Ids of deals changed after the window's end, asked for once the summaries are there."""
    since = {"updated_since": stamp(extraction.window_end), "status": EVERY_STATUS}
    return {
        id_of(said, "deals")
        for path in ("/deals", "/deals/archived")
        for page in cursor_pages(connection_of(extraction), path, since)
        for said in page
    }
