"""Every source there is. Adding one: a module in this package and one line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any

from extractors.core import run
from extractors.core.connections import Connections
from extractors.core.errors import ConfigurationError
from extractors.core.settings import Settings
from extractors.core.spec import Source
from extractors.sources.files import FILES
from extractors.sources.hubspot import HUBSPOT
from extractors.sources.pipedrive import PIPEDRIVE
from extractors.sources.salesforce import SALESFORCE
from extractors.sources.tryton import TRYTON

SOURCES: Mapping[str, Source] = MappingProxyType(
    {source.name: source for source in (HUBSPOT, SALESFORCE, PIPEDRIVE, FILES, TRYTON)}
)


def source_named(name: str) -> Source:
    """The source of that name; raises ConfigurationError listing the known names."""
    if name not in SOURCES:
        raise ConfigurationError(f"There is no source named {name!r}.", f"Use one of: {', '.join(SOURCES)}.")
    return SOURCES[name]


def extract(
    settings: Settings,
    source_name: str,
    resource_name: str,
    run_id: str,
    state: run.ResourceState,
    connections: Connections | None = None,
    fence: run.Fence = nullcontext,
) -> dict[str, Any]:
    """`run.extract` for a source by its name."""
    return run.extract(settings, source_named(source_name), resource_name, run_id, state, connections, fence)


def plan(settings: Settings, sources: Sequence[str] | None = None) -> list[dict[str, str]]:
    """What a night extracts: `{"source", "resource"}` for every resource of the named sources.

    Without names the settings' list counts, and without that every source that is set up. Raises ConfigurationError for a name
    that is unknown or not set up, and when nothing is set up at all.
    """
    _require_tables_of_custom_fields(settings)
    names = tuple(dict.fromkeys(sources or settings.sources))
    if names:
        chosen = [source_named(name) for name in names]
        for source in chosen:
            if not source.is_configured(settings):
                raise ConfigurationError(f"The source {source.name} is not set up.", source.how_to_set_up)
    else:
        chosen = [source for source in SOURCES.values() if source.is_configured(settings)]
        if not chosen:
            raise ConfigurationError(
                "No source is set up.",
                " ".join(source.how_to_set_up for source in SOURCES.values()).strip()
                + " To see it all with a simulated company first: make nightly.",
            )
    return [{"source": source.name, "resource": resource.name} for source in chosen for resource in source.resources]


def _require_tables_of_custom_fields(settings: Settings) -> None:
    """Raises ConfigurationError for a field of a source or table that there is not: it would never be missed."""
    for field in settings.custom_fields:
        tables = SOURCES[field.source].tables if field.source in SOURCES else ()
        if field.table not in tables:
            raise ConfigurationError(
                f"WATERTIGHT_CUSTOM_FIELDS names {field.place}, and there is no table {field.source}.{field.table}.",
                f"Use one of: {', '.join(tables or SOURCES)}.",
            )
