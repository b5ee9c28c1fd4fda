"""Objects that are read by change or whole, and the complete lists of ids that find what vanished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from extractors.core.errors import ConfigurationError
from extractors.core.spec import Record
from extractors.sources.pipedrive.answers import GoalsFound, ListPage, Object, encode, id_of, records_of, stamp_of
from extractors.sources.pipedrive.connection import V1, PipedriveConnection, PlanError, connection_of, stamp
from extractors.sources.pipedrive.pages import cursor_pages, placed_pages

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

Extract = Callable[["Extraction"], None]


#: where a list's own fields are described; leads have the fields of deals
_FIELDS = {
    "/deals": "/dealFields",
    "/leads": "/dealFields",
    "/persons": "/personFields",
    "/organizations": "/organizationFields",
    "/products": "/productFields",
    "/activities": "/activityFields",
}


def require_custom_fields(extraction: Extraction, path: str) -> None:
    """Raises ConfigurationError for a listed field that Pipedrive does not have: its column would stay empty without a word.

    Pipedrive sends all of an object's own fields with it, so that they need not be named when it is asked for. Nothing is asked where
    nothing is listed.
    """
    listed = set(extraction.settings.custom_names("pipedrive", path.strip("/")))
    if not listed:
        return
    there: set[str] = set()
    for page in cursor_pages(connection_of(extraction), _FIELDS[path]):
        there |= {id_of(said, "fields", "field_code") for said in page}
    if listed - there:
        names = ", ".join(f"pipedrive.{path.strip('/')}.{name}" for name in sorted(listed - there))
        raise ConfigurationError(
            f"WATERTIGHT_CUSTOM_FIELDS lists {names}, and Pipedrive has no such field.",
            "Use the field's API key, 40 letters and digits (Settings > Data fields).",
        )


def extract_places(path: str) -> Extract:
    """Pipelines or stages, whole every night; their ids stay with the connection, for the control totals."""

    def extract(extraction: Extraction) -> None:
        connection = connection_of(extraction)
        places: list[Object] = []

        def records() -> Iterator[Record]:
            for page in cursor_pages(connection, path):
                extraction.page_read()
                places.extend(page)
                yield from records_of(page, path.strip("/"))

        extraction.land(records())
        connection.places[path] = places

    return extract


def listed_places(connection: PipedriveConnection, path: str) -> list[Object]:
    """As this run has read it over the same connection; asked for where every resource has a process of its own."""
    if path not in connection.places:
        connection.places[path] = [said for page in cursor_pages(connection, path) for said in page]
    return connection.places[path]


def extract_changed(path: str) -> Extract:
    """A v2 list by its update time: everything on the first load, then what changed since the window began, up to now."""

    def extract(extraction: Extraction) -> None:
        require_custom_fields(extraction, path)
        parameters = {} if extraction.window_start is None else {"updated_since": stamp(extraction.window_start)}
        extraction.land(_records(extraction, path, parameters))

    return extract


def extract_whole(path: str) -> Extract:
    """A small v2 list, whole every night."""

    def extract(extraction: Extraction) -> None:
        if path in _FIELDS:
            require_custom_fields(extraction, path)
        extraction.land(_records(extraction, path, {}))

    return extract


def extract_fields(extraction: Extraction) -> None:
    """What the fields of deals (and of leads) are called and what their options' numbers mean."""
    for page in cursor_pages(connection_of(extraction), "/dealFields"):
        extraction.page_read()
        extraction.land(
            records_of(
                [{**said, "id": msgspec.Raw(encode(id_of(said, "fields", "field_code")))} for said in page], "fields"
            )
        )


def extract_v1_list(path: str) -> Extract:
    """A v1 list that comes in one answer: users (inactive ones too), currencies."""

    def extract(extraction: Extraction) -> None:
        connection = connection_of(extraction)
        listed = connection.client.get(V1 + path, ListPage).data or []
        extraction.page_read()
        extraction.land(records_of(listed, path.strip("/")))
        connection.places[path] = listed

    return extract


def listed_users(connection: PipedriveConnection) -> list[Object]:
    """As this run has read them over the same connection; asked for where every resource has a process of its own."""
    if "/users" not in connection.places:
        connection.places["/users"] = connection.client.get(f"{V1}/users", ListPage).data or []
    return connection.places["/users"]


def extract_goals(extraction: Extraction) -> None:
    """Everybody's goals: without a filter Pipedrive gives only those of the token's user, and only active ones."""
    connection = connection_of(extraction)
    for assignee in ("person", "company", "team"):
        for is_active in ("true", "false"):
            parameters = {"assignee.type": assignee, "is_active": is_active}
            try:
                found = connection.client.get(f"{V1}/goals/find", GoalsFound, parameters).data
            except PlanError as error:
                log.warning("goals were not loaded: %s", error.wrong)
                return
            if found is not None and found.goals:
                extraction.page_read()
                extraction.land(records_of(found.goals, "goals"))


def extract_leads(extraction: Extraction) -> None:
    """Leads in the inbox by change, archived ones whole every night: their list cannot be filtered."""
    require_custom_fields(extraction, "/leads")
    since = extraction.window_start
    extraction.land(_leads(extraction, "/leads", {} if since is None else {"updated_since": stamp(since)}))
    extraction.land(_leads(extraction, "/leads/archived", {}))


def extract_leads_sweep(extraction: Extraction) -> None:
    """The ids of all leads. One that moves between the two lists while they are read is in the first list's second reading."""
    for path in ("/leads", "/leads/archived", "/leads"):
        for page in placed_pages(connection_of(extraction), path, {}):
            extraction.page_read()
            extraction.land([_only_id(said, "leads") for said in page])


def extract_sweep(path: str) -> Extract:
    """The ids of everything in a v2 list."""

    def extract(extraction: Extraction) -> None:
        for page in cursor_pages(connection_of(extraction), path):
            extraction.page_read()
            extraction.land([_only_id(said, path.strip("/")) for said in page])

    return extract


def _records(extraction: Extraction, path: str, parameters: Mapping[str, str]) -> Iterator[Record]:
    for page in cursor_pages(connection_of(extraction), path, parameters):
        extraction.page_read()
        yield from records_of(page, path.strip("/"))


def _leads(extraction: Extraction, path: str, parameters: Mapping[str, str]) -> Iterator[Record]:
    for page in placed_pages(connection_of(extraction), path, parameters):
        extraction.page_read()
        yield from records_of(page, "leads")


def _only_id(said: Object, kind: str) -> Record:
    source_id = id_of(said, kind)
    return Record(source_id, stamp_of(said, kind, "update_time"), False, encode({"id": source_id}))
