"""Owners, pipelines, exchange rates and the account itself: small lists, read whole every night."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from extractors.core.pagination import CursorPages
from extractors.core.spec import Record
from extractors.sources.hubspot.answers import ObjectPage
from extractors.sources.hubspot.connection import HubSpotConnection
from extractors.sources.hubspot.objects import PAGE, objects_by_id, record_as_received

if TYPE_CHECKING:
    from extractors.core.run import Extraction


def extract_owners(extraction: Extraction) -> None:
    """Active owners and, asked for separately, those who left: their deals keep an owner."""
    extraction.land(_owners(extraction, is_archived=False))
    extraction.land(_owners(extraction, is_archived=True))


def extract_exchange_rates(extraction: Extraction) -> None:
    """The rates that the account was given, old ones included, where it has more than one currency."""
    connection = cast(HubSpotConnection, extraction.connection)
    page = connection.client.get(connection.currencies_path("/exchange-rates"), ObjectPage)
    extraction.page_read()
    extraction.land(record_as_received(*one) for one in objects_by_id(page.results, "exchange rates").items())


def extract_account(extraction: Extraction) -> None:
    """The account's own details: its currency is the one of goals, its time zone the one of dates. Known since the run began: no further call."""
    connection = cast(HubSpotConnection, extraction.connection)
    extraction.page_read()
    extraction.land([record_as_received(connection.account, connection.details)])


def extract_pipelines(kind: str) -> Callable[[Extraction], None]:
    """The pipelines of one object type, each with its stages inside."""

    def extract(extraction: Extraction) -> None:
        connection = cast(HubSpotConnection, extraction.connection)
        page = connection.client.get(connection.pipelines_path(kind), ObjectPage)
        extraction.page_read()
        extraction.land(record_as_received(*one) for one in objects_by_id(page.results, "pipelines").items())

    return extract


def _owners(extraction: Extraction, is_archived: bool) -> Iterator[Record]:
    connection = cast(HubSpotConnection, extraction.connection)
    guard = CursorPages("owners")
    parameters = {"limit": str(PAGE), "archived": "true" if is_archived else "false"}
    while True:
        page = connection.client.get(connection.owners_path(), ObjectPage, parameters)
        if page.results:
            extraction.page_read()
        for one in objects_by_id(page.results, "owners").items():
            yield record_as_received(*one)
        after = guard.follow(page.after)
        if after is None:
            return
        parameters["after"] = after
