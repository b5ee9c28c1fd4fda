"""HubSpot's properties of each object type: how each is described, rendered, filtered and remembered.

A property renders a whole page at once: every value is a string or None. `field` names the tracked field behind it, which gives it a
history of its own; the others have one history entry, of the creation.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.events import MERGED_IN
from simulator.hubspot.page import Page
from simulator.identities import identify

Render = Callable[[Page], list[str | None]]


@dataclass(frozen=True)
class Property:
    """One property. `show` turns one raw value of `field` into text (for the history)."""

    name: str
    label: str
    type: str
    field_type: str
    render: Render
    group: str = "information"
    field: int | None = None
    show: Callable[[Page, int], str | None] | None = None
    options: tuple[tuple[str, str], ...] = ()
    calculated: bool = False
    custom: bool = False

    def described(self) -> dict[str, object]:
        """The answer of the properties endpoint."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": "",
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": order, "hidden": False}
                for order, (value, label) in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.name == "hubspot_owner_id",
            "referencedObjectType": "OWNER" if self.name == "hubspot_owner_id" else None,
            "showCurrencySymbol": self.name in ("amount", "hs_mrr", "discount_amount"),
            "archived": False,
            "hasUniqueValue": False,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.calculated,
            },
            "formField": False,
        }


def text(name: str, label: str, render: Render, **more: object) -> Property:
    """A text property."""
    return Property(name, label, "string", "text", render, **more)  # type: ignore[arg-type]


def choice(name: str, label: str, values: tuple[str, ...], stream: str, custom: bool = False) -> Property:
    """An enumeration whose value never changes."""
    return Property(
        name,
        label,
        "enumeration",
        "select",
        pick(stream, values),
        options=tuple((value, value) for value in values),
        custom=custom,
    )


def pick(stream: str, values: tuple[str | None, ...]) -> Render:
    """One of some values per entity, for ever."""
    return lambda page: [values[int(share * len(values))] for share in page.draw(stream)]


def when(name: str, label: str, render: Render, calculated: bool = False) -> Property:
    """A datetime property."""
    return Property(name, label, "datetime", "date", render, calculated=calculated)


def created(name: str) -> Property:
    """The creation date."""
    return when(name, "Create date", lambda page: list(page.created))


def modified(name: str) -> Property:
    """The modified date."""
    return when(name, "Last modified date", lambda page: list(page.modified), calculated=True)


def object_id() -> Property:
    """The record's own id."""
    return Property("hs_object_id", "Record ID", "number", "number", lambda page: list(page.ids), calculated=True)


def merged_ids() -> Property:
    """The records that were merged into this one, ever."""

    def render(page: Page) -> list[str | None]:
        found = [[identify(page.kind, c.value) for c in changes if c.which == MERGED_IN] for changes in page.changes]
        return [";".join(ids) or None for ids in found]

    return Property("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", render, field=MERGED_IN,
                    show=lambda page, value: identify(page.kind, value), calculated=True)  # fmt: skip


def sources(stream: str, shares: tuple[tuple[float, str], ...]) -> Property:
    """How the record came to be: by hand, by an integration, by an automation."""

    def render(page: Page) -> list[str | None]:
        return [next(value for limit, value in shares if share < limit) for share in page.draw(stream + ".source")]

    values = tuple((value, value) for _, value in shares)
    return Property("hs_object_source", "Record source", "enumeration", "select", render, options=values)


def owner_of(page: Page, value: int) -> str | None:
    """An owner's id by the seller's number."""
    return page.company.sellers.everyone[value].id if value >= 0 else None


def owned(field: int) -> Property:
    """The owner as a tracked field."""

    def render(page: Page) -> list[str | None]:
        return [owner_of(page, value) for value in page.column(field).tolist()]

    return Property("hubspot_owner_id", "Owner", "enumeration", "select", render, field=field, show=owner_of)
