"""Every source there is. Adding one: a module in this package and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from extractors.core.errors import ConfigurationError
from extractors.core.spec import Source
from extractors.sources.files import FILES
from extractors.sources.hubspot import HUBSPOT
from extractors.sources.tryton import TRYTON

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in (HUBSPOT, FILES, TRYTON)})


def source_named(name: str) -> Source:
    """The source of that name; raises ConfigurationError listing the known names."""
    if name not in SOURCES:
        raise ConfigurationError(f"There is no source named {name!r}.", f"Use one of: {', '.join(SOURCES)}.")
    return SOURCES[name]
