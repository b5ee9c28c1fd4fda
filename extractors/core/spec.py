"""What a source is: a frozen, typed specification. The core knows no source; a new source edits nothing here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from extractors.core.errors import ConfigurationError
from extractors.core.settings import Settings

if TYPE_CHECKING:
    from extractors.core.client import Client
    from extractors.core.run import Extraction

Mode = Literal["changes", "complete"]


class Record(NamedTuple):
    """One object as the source said it.

    `updated_at` is the source's own stamp (ISO-8601, UTC, ending in `Z`), `payload` the object's JSON as received.
    """

    source_id: str
    updated_at: str | None
    is_deleted: bool
    payload: bytes


@dataclass(frozen=True)
class ControlTotal:
    """What the source itself counts in one stage. `currency_code` and `deal_amount` None = all currencies; only `currency_code` None = the deals without one."""

    pipeline_id: str
    stage_id: str
    currency_code: str | None
    deal_count: int
    deal_amount: str | None


@dataclass(frozen=True)
class ControlTotals:
    """The source's totals as of an instant of its own clock.

    Two kinds of ids changed too close to it to be compared: the totals certainly do not hold `left_out_ids`, and may hold `excluded_ids`.
    """

    as_of: datetime
    totals: tuple[ControlTotal, ...]
    excluded_ids: tuple[str, ...]
    left_out_ids: tuple[str, ...] = ()


class Connection(Protocol):
    """What `Source.connect` returns; a source may hang its own caches on it."""

    @property
    def account(self) -> str:
        """The account's id as it appears in landing paths and keys (letters, digits, `.`, `_`, `-`)."""

    @property
    def client(self) -> Client | None:
        """The HTTP client, None for a source that is not behind HTTP."""

    def now(self) -> datetime:
        """The source's own clock, UTC."""


@dataclass(frozen=True)
class Resource:
    """One unit of extraction: a landing folder, a raw table `<crm>__<name>`, one cursor.

    `mode` as in the manifest. `sweep_of` names the resource whose ids this one lists completely; it is due on the first load
    and then every `settings.sweep_days` of the source's time. `also_lands` names further tables landed by the same extraction.
    """

    name: str
    extract: Callable[[Extraction], None]
    mode: Mode
    sweep_of: str | None = None
    also_lands: tuple[str, ...] = ()


@dataclass(frozen=True)
class People:
    """A table whose records are about persons, for erasure. Paths are dotted; through a list a path means each of its items.

    `kept` stays of an erased person's record, with all that is below it; everything else, fields of the company's own included, becomes
    null. `names` are the parts of a full name as they are spoken. `persons`: where a record names its person, and in which table that is.
    """

    table: str
    kept: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    persons: tuple[tuple[str, str], ...] = ()
    #: the sellers: never erased, but a name or telephone number that one of them bears identifies nobody else
    is_staff: bool = False


class Held(NamedTuple):
    """How many records of a resource a source holds, how many come with one call, and what such a call costs, by unit."""

    records: int
    page: int
    cost: Mapping[str, int]


@dataclass(frozen=True)
class Source:
    """One CRM (or folder of files). `not_loaded` says what is left out and why; `how_to_set_up` what to set to use it.

    `connect` checks the settings (ConfigurationError says what to set), builds the client, learns the account's id and the
    source's now. `count` tells of a resource, by one cheap call, how much a first load would have to read; None where nothing cheap does.
    """

    name: str
    title: str
    not_loaded: str
    resources: tuple[Resource, ...]
    is_configured: Callable[[Settings], bool]
    connect: Callable[[Settings], Connection]
    how_to_set_up: str = ""
    count: Callable[[Connection, str], Held | None] | None = None
    #: the tables about persons, that of the contacts first
    people: tuple[People, ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that this source lands, in the order of its resources."""
        return tuple(table for resource in self.resources for table in (resource.name, *resource.also_lands))

    def resource_named(self, name: str) -> Resource:
        """Raises ConfigurationError listing the known names."""
        for resource in self.resources:
            if resource.name == name:
                return resource
        known = ", ".join(resource.name for resource in self.resources)
        raise ConfigurationError(f"{self.title} has no resource named {name!r}.", f"Use one of: {known}.")
