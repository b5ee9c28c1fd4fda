"""Objects, their fields, and the rows a query looks at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from simulator.chance import Ints
from simulator.hubspot.page import Page
from simulator.salesforce.org import Org


class Rows(Protocol):
    """Some rows of one object."""

    def __len__(self) -> int: ...

    def take(self, chosen: list[int]) -> "Rows":
        """Only those, in that order."""


@dataclass(frozen=True)
class Bounds:
    """What the conditions say about where to look: stamps (ms, both ends included), ids as numbers, ids of the parent as numbers."""

    span: tuple[int, int] | None = None
    numbers: list[int] | None = None
    parents: list[int] | None = None


Render = Callable[[Any], list[Any]]


@dataclass(frozen=True)
class Field:
    """One field. `render` gives a value per row: text, bool, number, an instant in ms for a datetime, None."""

    name: str
    type: str
    render: Render
    calculated: bool = False
    length: int = 255

    def described(self) -> dict[str, Any]:
        """As in the answer of describe, shortened to what clients look at."""
        return {
            "name": self.name,
            "label": self.name.removesuffix("__c").replace("_", " "),
            "type": self.type,
            "length": self.length if self.type in ("string", "textarea", "picklist", "email", "phone", "url") else 0,
            "calculated": self.calculated,
            "custom": self.name.endswith("__c"),
            "nillable": self.name != "Id",
            "filterable": self.type not in ("textarea", "address"),
            "sortable": self.type not in ("textarea", "address"),
            "groupable": self.type in ("picklist", "reference", "boolean", "date"),
            "aggregatable": self.type != "address",
            "referenceTo": [],
        }


@dataclass(frozen=True)
class SObject:
    """One object: its fields, and how its rows are found."""

    name: str
    prefix: str
    fields: dict[str, Field]
    find: Callable[[Org, int, Bounds], Rows]
    stamp: str = "SystemModstamp"
    parent: str = ""
    #: fields of a parent (`Opportunity.SystemModstamp`) that conditions may name
    related: dict[str, Field] = field(default_factory=dict)


class LedgerRows:
    """Rows of an entity that the company keeps a ledger of."""

    def __init__(self, org: Org, kind: str, places: Ints, now: int) -> None:
        self.org = org
        self.kind = kind
        self.now = now
        self.page = Page(org.company, kind, places)

    def __len__(self) -> int:
        return len(self.page)

    def take(self, chosen: list[int]) -> "LedgerRows":
        return LedgerRows(self.org, self.kind, self.page.places[np.array(chosen, dtype=np.int64)], self.now)


class MadeRows:
    """Rows that were made one by one: field → value."""

    def __init__(self, made: list[dict[str, Any]]) -> None:
        self.made = made

    def __len__(self) -> int:
        return len(self.made)

    def take(self, chosen: list[int]) -> "MadeRows":
        return MadeRows([self.made[place] for place in chosen])


def made(name: str, kind: str) -> Field:
    """A field of rows that were made one by one."""
    return Field(name, kind, lambda rows: [each.get(name) for each in rows.made])


def fields(*found: Field) -> dict[str, Field]:
    return {each.name: each for each in found}
