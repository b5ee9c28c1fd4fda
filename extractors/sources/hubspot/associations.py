"""Which objects belong to which: plain lists of ids per type, whole, however HubSpot cuts them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from extractors.core.errors import IntegrityError
from extractors.core.pagination import CursorPages, batches
from extractors.sources.hubspot.answers import BatchAssociations, InlineAssociations, Object, PartialError
from extractors.sources.hubspot.connection import HubSpotConnection

#: ids asked for in one call
BATCH = 1000
#: by object id, by type: the ids at the other end
Ends = dict[str, dict[str, list[str]]]

_inline = msgspec.json.Decoder(dict[str, InlineAssociations])


def ends_inline(connection: HubSpotConnection, kind: str, types: Sequence[str], objects: Mapping[str, Object]) -> Ends:
    """From the objects of a list page themselves; lists that HubSpot cut there are read whole by batch."""
    ends: Ends = {}
    cut: dict[str, list[str]] = {}
    for object_id, said in objects.items():
        try:
            inline = _inline.decode(said["associations"]) if "associations" in said else {}
        except msgspec.MsgspecError:
            raise IntegrityError(
                f"HubSpot gave {kind} {object_id[:40]!r} with associations that cannot be read.", "Start again later."
            ) from None
        own: dict[str, list[str]] = {}
        ends[object_id] = own
        for to in types:
            found = inline.get(to)
            if found is None:
                own[to] = []
                continue
            if found.paging is not None and found.is_cut:
                cut.setdefault(to, []).append(object_id)
            ids = [one.id if one.id is not None else one.object_id for one in found.results]
            own[to] = sorted_ids(ids) if len(ids) > 1 else ids
    for to, ids in cut.items():
        for object_id, whole in _read(connection, kind, to, ids).items():
            ends[object_id][to] = whole
    return ends


def ends_by_batch(connection: HubSpotConnection, kind: str, types: Sequence[str], ids: Sequence[str]) -> Ends:
    """For objects that came without any: one call per type and thousand ids."""
    ends: Ends = {object_id: {} for object_id in ids}
    for to in types:
        for some in batches(ids, BATCH):
            for object_id, whole in _read(connection, kind, to, some).items():
                ends[object_id][to] = whole
    return ends


def sorted_ids(ids: Iterable[str]) -> list[str]:
    """Distinct ids in the order of their numbers: the same pair may be listed once per label."""
    distinct = set(ids)
    return sorted(sorted(distinct), key=len) if len(distinct) > 1 else list(distinct)


def _read(connection: HubSpotConnection, kind: str, to: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of type `to` that each of `ids` is associated with, every page of them; empty for those without any."""
    found: dict[str, list[str]] = {object_id: [] for object_id in ids}
    guards: dict[str, CursorPages] = {}
    wanted: list[dict[str, str]] = [{"id": object_id} for object_id in ids]
    while wanted:
        answer = connection.client.post(connection.associations_path(kind, to), BatchAssociations, {"inputs": wanted})
        refuse_unless_missing(answer.errors, f"{kind} to {to}")
        wanted = []
        for row in answer.results:
            if row.origin.id not in found:
                raise IntegrityError(
                    f"HubSpot gave associations of {kind} {row.origin.id}, which was not asked for.",
                    "Start again later.",
                )
            found[row.origin.id] += [one.object_id for one in row.to]
            after = row.paging.next.after if row.paging and row.paging.next else None
            guard = guards.setdefault(row.origin.id, CursorPages(f"{to} of {kind} {row.origin.id}"))
            if guard.follow(after) is not None:
                wanted.append({"id": row.origin.id, "after": str(after)})
    return {object_id: sorted_ids(some) for object_id, some in found.items()}


def refuse_unless_missing(errors: Sequence[PartialError], what: str) -> None:
    """A batch may say of single ids that they, or their associations, do not exist. Anything else is a loss."""
    for error in errors:
        missing = error.category == "OBJECT_NOT_FOUND" or "NO_ASSOCIATIONS_FOUND" in (error.subCategory or "")
        if not missing:
            raise IntegrityError(
                f"HubSpot answered a batch of {what} only in part: {error.category[:60]} {error.message[:120]}.",
                "Nothing of it was kept; start again later.",
            )
