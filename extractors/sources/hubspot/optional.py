"""What not every account has: a plan without it, or a token without the right to it, is refused by HubSpot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from extractors.core.landing import MANIFEST, read_manifest
from extractors.sources.hubspot.connection import MissingScopeError

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)


def unless_hidden(extract: Callable[[Extraction], None], table: str) -> Callable[[Extraction], None]:
    """`extract`, but a resource that HubSpot refuses to show, and of which nothing was ever landed in `table`, is left out with a word.

    What was loaded before and is refused now raises the refusal: it would stand still and nobody would notice.
    """

    def extract_if_shown(extraction: Extraction) -> None:
        try:
            extract(extraction)
        except MissingScopeError as hidden:
            if extraction.rows or was_landed(extraction, table):
                raise
            log.warning("HubSpot: %s is left out. %s", extraction.resource.name, hidden)

    return extract_if_shown


def was_landed(extraction: Extraction, table: str) -> bool:
    """Whether an earlier landing of a table holds rows."""
    folder = extraction.settings.landing_dir / extraction.source.name / extraction.connection.account / table
    return any(
        read_manifest(path).part_files
        for path in sorted(folder.glob(f"*/{MANIFEST}"), reverse=True)
        if path.parent.name != extraction.run_id
    )
