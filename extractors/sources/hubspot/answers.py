"""The shapes of HubSpot's answers, as far as they are looked into; everything else stays the bytes that were received."""

from __future__ import annotations

import msgspec

#: one object: its top-level keys and their values as received
Object = dict[str, msgspec.Raw]


class NextPage(msgspec.Struct):
    after: str


class Paging(msgspec.Struct):
    next: NextPage | None = None


class ObjectPage(msgspec.Struct):
    """GET of a list."""

    results: list[Object]
    paging: Paging | None = None

    @property
    def after(self) -> str | None:
        return self.paging.next.after if self.paging and self.paging.next else None


class PartialError(msgspec.Struct):
    """One entry of `errors` in a batch answer that succeeded in part (207)."""

    category: str = ""
    subCategory: str | None = None
    message: str = ""


class BatchObjects(msgspec.Struct):
    """POST …/batch/read of objects."""

    results: list[Object]
    errors: list[PartialError] = []


class FoundObject(msgspec.Struct):
    id: str
    properties: dict[str, str | None] = {}


class FoundObjects(msgspec.Struct):
    """POST …/search."""

    total: int
    results: list[FoundObject]


class AssociatedEnd(msgspec.Struct):
    """One end of an association: `id` inline and in the older batch answer, `toObjectId` in the newer."""

    id: str | None = None
    toObjectId: int | str | None = None

    @property
    def object_id(self) -> str:
        found = self.id if self.id is not None else self.toObjectId
        if found is None:
            raise msgspec.ValidationError("an association without an id")
        return str(found)


class InlineAssociations(msgspec.Struct):
    """The `associations.<type>` of an object in a list; `paging` is there when it was cut."""

    results: list[AssociatedEnd]
    paging: Paging | None = None

    @property
    def is_cut(self) -> bool:
        return self.paging is not None and self.paging.next is not None


class AssociationsFrom(msgspec.Struct):
    id: str


class Associations(msgspec.Struct):
    """All or one page of the associations of one object."""

    origin: AssociationsFrom = msgspec.field(name="from")
    to: list[AssociatedEnd]
    paging: Paging | None = None


class BatchAssociations(msgspec.Struct):
    """POST …/associations/…/batch/read."""

    results: list[Associations]
    errors: list[PartialError] = []
