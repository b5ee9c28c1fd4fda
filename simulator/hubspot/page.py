"""A page: some entities of one kind in the versions in which they are shown; what properties are rendered from."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Ints, bits, uniform
from simulator.company import Company, Ledger
from simulator.events import STAGE
from simulator.identities import identify
from simulator.seasons import SECOND, iso


class Change(NamedTuple):
    """One event as the page's entity has it: field, instant (ms) and raw value."""

    which: int
    happened: int
    value: int


def instant_text(at: int) -> str:
    """An instant as HubSpot writes it: no fraction when the milliseconds are zero."""
    text = iso(at)
    return text if at % SECOND else text[:-5] + "Z"


class Page:
    """Entities of one kind, each at the place of one of its versions. Columns are computed when first asked for."""

    def __init__(self, company: Company, kind: str, places: Ints) -> None:
        self.company = company
        self.seed = company.seed
        self.kind = kind
        self.places = places
        self.ledger: Ledger = company.ledgers[kind]
        self.numbers: Ints = self.ledger.versions.number[places].astype(np.int64)
        self._drawn: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def ids(self) -> list[str]:
        """HubSpot's ids."""
        return [identify(self.kind, number) for number in self.numbers.tolist()]

    @cached_property
    def created(self) -> list[str]:
        """Creation instants."""
        return [instant_text(at) for at in self.created_ms.tolist()]

    @cached_property
    def created_ms(self) -> Ints:
        """Creation instants, ms."""
        return self.ledger.versions.recorded[self.ledger.versions.starts[self.numbers]]

    @cached_property
    def modified(self) -> list[str]:
        """Modified dates."""
        return [instant_text(at) for at in self.ledger.versions.modified[self.places].tolist()]

    @cached_property
    def recorded(self) -> list[str]:
        """When the version came to be: for an archived entity the instant of archiving."""
        return [instant_text(at) for at in self.ledger.versions.recorded[self.places].tolist()]

    def column(self, field: int) -> NDArray[np.int64] | NDArray[np.int16]:
        """The values of a tracked field in force; negative (see `events`) where unset."""
        return self.ledger.versions.columns[field][self.places]

    def draw(self, stream: str) -> list[float]:
        """A share in [0, 1) per entity, for what never changes."""
        if stream not in self._drawn:
            self._drawn[stream] = uniform(self.seed, stream, self.numbers).tolist()
        found: list[float] = self._drawn[stream]
        return found

    def draw_bits(self, stream: str, numbers: Ints | None = None) -> list[int]:
        """63 bits per entity."""
        return [value >> 1 for value in bits(self.seed, stream, self.numbers if numbers is None else numbers).tolist()]

    @cached_property
    def changes(self) -> list[list[Change]]:
        """Each entity's events known in its version, oldest first."""
        events, found = self.ledger.events, self.ledger.versions
        pages = []
        for number, known in zip(self.numbers.tolist(), found.recorded[self.places].tolist(), strict=True):
            low, high = int(events.starts[number]), int(events.starts[number + 1])
            rows = zip(
                events.which[low:high].tolist(),
                events.happened[low:high].tolist(),
                events.value[low:high].tolist(),
                events.recorded[low:high].tolist(),
                strict=True,
            )
            pages.append(
                [Change(which, happened, value) for which, happened, value, recorded in rows if recorded <= known]
            )
        return pages

    @cached_property
    def visits(self) -> list[dict[int, tuple[int, int | None]]]:
        """Per entity: stage code → (entered, left) of the latest stay, ms."""
        pages = []
        for changes in self.changes:
            found: dict[int, tuple[int, int | None]] = {}
            current = None
            for change in changes:
                if change.which != STAGE or change.value == current:
                    continue
                if current is not None:
                    found[current] = (found[current][0], change.happened)
                current = change.value
                found[current] = (change.happened, None)
            pages.append(found)
        return pages
