"""Which fields of an object are asked for, and the alarm when one is no longer shown.

Field permissions hide a field without a word: it is missing from describe, and a query for all described fields succeeds. Rows without
it would look like rows whose value was emptied. Every field that an earlier landing held must therefore still be described, or be named in
SALESFORCE_REMOVED_FIELDS; else the run stops and the old values stay.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import msgspec

from extractors.core.errors import ConfigurationError
from extractors.core.landing import MANIFEST, read_lines, read_manifest
from extractors.sources.salesforce.connection import NotThereError, SalesforceConnection

if TYPE_CHECKING:
    from extractors.core.run import Extraction

log = logging.getLogger(__name__)

#: compound fields repeat others, base64 is a file, long texts are heavy and personal; Bulk refuses most of them anyway
_NEVER_LOADED = frozenset({"address", "location", "complexvalue", "base64"})
_NOT_LOADED = _NEVER_LOADED | {"textarea", "encryptedstring"}
#: Salesforce refuses 16,384 bytes of address and headers; a token can be long
REQUEST_BYTES, RESERVED_BYTES = 16_384, 3_500


class _Line(msgspec.Struct):
    payload: dict[str, msgspec.Raw]


def fields_of(
    extraction: Extraction,
    connection: SalesforceConnection,
    name: str,
    table: str,
    needs: tuple[str, ...],
    is_optional: bool,
    calculated: bool = False,
    also_held: frozenset[str] | set[str] = frozenset(),
) -> dict[str, str] | None:
    """Field → type of everything that is loaded of an object (or of its formula fields, with `Id`), in the order of describe.

    None when the object is optional, not shown, and never was. Raises ConfigurationError when it or a field is no longer shown.
    """
    before = landed_before(extraction, connection, table) - also_held
    try:
        described = connection.describe(name)
    except NotThereError:
        if not is_optional or before:
            raise ConfigurationError(
                f"Salesforce does not show the object {name} to this user.",
                "Give the integration user read access to it; nothing was loaded and nothing overwritten.",
            ) from None
        log.info("Salesforce: %s is not shown to this user and left out", name)
        return None
    listed = extraction.settings.custom_names(extraction.source.name, table)
    for each in described:
        if each.name in listed and (each.calculated != calculated or each.type in _NEVER_LOADED):
            raise ConfigurationError(
                f"WATERTIGHT_CUSTOM_FIELDS lists {name}.{each.name} under salesforce.{table}, where it is not loaded: it is "
                + (
                    f"of the type {each.type}."
                    if each.type in _NEVER_LOADED
                    else f"{'a' if each.calculated else 'no'} formula."
                ),
                "List formulas under the table that ends in _formulas, other fields under the object's own; these types are loaded nowhere: "
                f"{', '.join(sorted(_NEVER_LOADED))}.",
            )
    found = {
        each.name: each.type
        for each in described
        if (each.type not in _NOT_LOADED or each.name in listed)
        and (each.calculated == calculated or each.name == "Id")
    }
    unknown = sorted(set(listed) - found.keys())
    if unknown:
        raise ConfigurationError(
            f"WATERTIGHT_CUSTOM_FIELDS lists {', '.join(f'{name}.{each}' for each in unknown)}, which Salesforce does not show to this user.",
            "Correct the name (Salesforce's API name, capitals as there), or give the integration user read access to it.",
        )
    removed = {
        each.partition(".")[2]
        for each in extraction.settings.salesforce_removed_fields
        if each.partition(".")[0] == name
    }
    lost = sorted((set(needs) | (before - removed)) - found.keys())
    if lost:
        raise ConfigurationError(
            f"Salesforce no longer shows {', '.join(f'{name}.{each}' for each in lost)} to this user.",
            "Give the integration user read access to it (field-level security). If an administrator deleted it on purpose, name it in "
            "SALESFORCE_REMOVED_FIELDS. Nothing was loaded and nothing overwritten.",
        )
    return found


def landed_before(extraction: Extraction, connection: SalesforceConnection, table: str) -> set[str]:
    """The fields of the newest landing of a table that has rows; empty before the first."""
    folder: Path = extraction.settings.landing_dir / extraction.source.name / connection.account / table
    runs = sorted(
        (path for path in folder.glob(f"*/{MANIFEST}") if path.parent.name != extraction.run_id), reverse=True
    )
    for path in runs:
        landing = read_manifest(path)
        if landing.part_files:
            first = next(iter(read_lines(landing.part_files[0])), b"")
            return set(msgspec.json.decode(first, type=_Line).payload)
    return set()


def field_chunks(names: list[str], always: tuple[str, ...], rest_of_address: str) -> list[list[str]]:
    """The fields in lists whose query fits into an address; each list begins with `always`."""
    room = REQUEST_BYTES - RESERVED_BYTES - len(quote_plus(rest_of_address))
    chunks: list[list[str]] = []
    length = room
    for name in [each for each in names if each not in always]:
        encoded = len(quote_plus(f", {name}"))
        if length + encoded > room:
            chunks.append(list(always))
            length = sum(len(quote_plus(f", {each}")) for each in always)
        chunks[-1].append(name)
        length += encoded
    return chunks or [list(always)]
