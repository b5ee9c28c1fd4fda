"""Events of one kind of entity, and the versions that follow from them, as numpy columns.

An event sets one field of one entity: `value` is an int64 whose meaning the field decides (a stage's code, cents, an instant in
ms, an owner's number). `happened` orders what the entity went through; `recorded` is when the CRM learnt of it, and is later for
back-dated entries. A version is the state after everything that was recorded in one millisecond.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.chance import Flags, Ints, uniform
from simulator.seasons import BEGINNING, DAY, SECOND

NULL = -(2**62)
NEVER = 2**62

STATUS, STAGE, PIPELINE, AMOUNT, CURRENCY, CLOSE, OWNER, REASON, MERGED_IN, TOUCH, OUTCOME = range(11)
NAME, PRODUCT, QUANTITY, BUDGET, SPEND, GOAL, PERIOD = range(11, 18)
FIELD_NAMES = (
    "status",
    "stage",
    "pipeline",
    "amount",
    "currency",
    "expected_close",
    "owner",
    "lost_reason",
    "merged_in",
    "touch",
    "outcome",
    "name",
    "product",
    "quantity",
    "budget",
    "spend",
    "goal",
    "period",
)
CREATED, ARCHIVED, RESTORED, DELETED = -1, -2, -3, -4
"""Values of the field `status`; a value >= 0 is the number of the entity that this one was merged into."""

LIVE, HIDDEN, GONE = 0, 1, 2
"""What a status amounts to: listed, listed as archived, not listed at all."""


@dataclass
class Emission:
    """Collects events in the order they are decided; the order breaks ties of `happened`."""

    columns: list[tuple[Ints, NDArray[np.uint8], Ints, Ints, Ints, NDArray[np.int16]]] = field(default_factory=list)

    def add(self, numbers: Ints, which: int, happened: Ints, value: Ints | int, recorded: Ints | None = None) -> None:
        """Add one event per number; `recorded` is `happened` unless given."""
        if not len(numbers):
            return
        size = len(numbers)
        values = np.broadcast_to(np.asarray(value, dtype=np.int64), (size,))
        order = np.full(size, len(self.columns), dtype=np.int16)
        known = happened if recorded is None else recorded
        self.columns.append((numbers, np.full(size, which, dtype=np.uint8), happened, known, values, order))

    def close(self, first: int, count: int) -> "Events":
        """Sort everything by (entity, happened, order of decision)."""
        joined = [np.concatenate(list(column)) for column in zip(*self.columns, strict=True)]
        numbers, which, happened, recorded, value, order = joined
        sort = np.lexsort((order, happened, numbers))
        return Events.of(first, count, numbers[sort], which[sort], happened[sort], recorded[sort], value[sort])


@dataclass
class Events:
    """Events of entities `first .. first + count`, sorted by (number, happened, sequence)."""

    first: int
    count: int
    number: NDArray[np.int32]
    which: NDArray[np.uint8]
    happened: Ints
    recorded: Ints
    value: Ints
    starts: Ints

    @classmethod
    def of(
        cls, first: int, count: int, number: Ints, which: NDArray[np.uint8], happened: Ints, recorded: Ints, value: Ints
    ) -> "Events":
        """Build from sorted columns."""
        starts = np.searchsorted(number, np.arange(first, first + count + 1)).astype(np.int64)
        return cls(first, count, number.astype(np.int32), which, happened, recorded, value, starts)

    def keep(self, flags: Flags) -> "Events":
        """Only the flagged events."""
        return Events.of(
            self.first,
            self.count,
            self.number[flags].astype(np.int64),
            self.which[flags],
            self.happened[flags],
            self.recorded[flags],
            self.value[flags],
        )

    def part(self, begin: int, end: int) -> "Events":
        """The events of the entities in places [begin, end): views, not copies."""
        low, high = int(self.starts[begin]), int(self.starts[end])
        columns = {name: getattr(self, name)[low:high] for name in ("number", "which", "happened", "recorded", "value")}
        return Events(self.first + begin, end - begin, starts=self.starts[begin : end + 1] - low, **columns)

    @classmethod
    def chain(cls, parts: "list[Events]") -> "Events":
        """Consecutive entities' events as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            first=parts[0].first,
            count=sum(part.count for part in parts),
            starts=_chain_starts([part.starts for part in parts]),
            **{
                name: _join([getattr(part, name) for part in parts])
                for name in ("number", "which", "happened", "recorded", "value")
            },
        )


def _join(columns: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(columns)


def _chain_starts(parts: list[Ints]) -> Ints:
    """Offsets of consecutive parts as offsets into the whole."""
    before = np.cumsum([0, *(int(part[-1]) for part in parts)])
    return np.concatenate([parts[0][:1], *(part[1:] + add for part, add in zip(parts, before[:-1], strict=True))])


@dataclass
class Versions:
    """The states of entities, sorted by (number, recorded). `visible` and `until` bound the time a search index shows a version.

    `columns[field]` holds the value in force, `NULL` before it is first set. `modified` is the CRM's modified date, which archiving
    leaves alone.
    """

    number: NDArray[np.int32]
    recorded: Ints
    modified: Ints
    visible: Ints
    until: Ints
    standing: NDArray[np.int8]
    columns: dict[int, NDArray[np.int64] | NDArray[np.int16]]
    starts: Ints

    @classmethod
    def chain(cls, parts: "list[Versions]") -> "Versions":
        """Consecutive entities' versions as one."""
        if len(parts) == 1:
            return parts[0]
        names = ("number", "recorded", "modified", "visible", "until", "standing")
        return cls(
            **{name: _join([getattr(part, name) for part in parts]) for name in names},
            columns={key: _join([part.columns[key] for part in parts]) for key in parts[0].columns},
            starts=_chain_starts([part.starts for part in parts]),
        )


_WIDE = (AMOUNT, CLOSE, BUDGET, SPEND)
_SMALL_NULL = -1


def versions(events: Events, fields: tuple[int, ...], seed: int, entity: str) -> Versions:
    """Derive every entity's versions from its events."""
    rows = len(events.number)
    rank = np.arange(rows)
    if rows == 0:
        raise ValueError("No events to derive versions from.")
    order = np.lexsort((rank, events.recorded, events.number))
    number, recorded, which = events.number[order], events.recorded[order], events.which[order]
    new_entity = np.concatenate([[True], number[1:] != number[:-1]])
    last = np.concatenate([(number[1:] != number[:-1]) | (recorded[1:] != recorded[:-1]), [True]])
    ends = np.flatnonzero(last)
    # The rank of the entity's first event: a running maximum below it leaked over from the entity before.
    begin = events.starts[number[ends] - events.first]

    def in_force(which_field: int) -> Ints:
        # A back-dated event does not change what is in force when a later-happening one is already known: hence the running
        # maximum of the rank in order of happening, walked in order of recording.
        best = np.maximum.accumulate(np.where(which == which_field, order, -1))[ends]
        return np.asarray(np.where(best >= begin, events.value[np.maximum(best, 0)], NULL), dtype=np.int64)

    columns: dict[int, NDArray[np.int64] | NDArray[np.int16]] = {}
    for which_field in fields:
        value = in_force(which_field)
        columns[which_field] = (
            value if which_field in _WIDE else np.where(value == NULL, _SMALL_NULL, value).astype(np.int16)
        )
    status = in_force(STATUS)
    standing = np.where(
        (status == CREATED) | (status == RESTORED), LIVE, np.where(status == ARCHIVED, HIDDEN, GONE)
    ).astype(np.int8)

    number, recorded = number[ends], recorded[ends]
    new_entity = np.concatenate([[True], number[1:] != number[:-1]])
    touched = new_entity | (standing != HIDDEN)
    modified = recorded[np.maximum.accumulate(np.where(touched, np.arange(len(ends)), 0))]
    visible = recorded + _lag(seed, entity, number.astype(np.int64), recorded)
    # Indexed in order, per entity: a running maximum that starts anew with each entity.
    lane = number.astype(np.int64) << 40
    visible = np.maximum.accumulate(lane + (visible - BEGINNING + 200 * DAY)) - lane + BEGINNING - 200 * DAY
    until = np.full(len(ends), NEVER, dtype=np.int64)
    until[:-1] = np.where(new_entity[1:], NEVER, visible[1:])
    starts = np.searchsorted(number, np.arange(events.first, events.first + events.count + 1)).astype(np.int64)
    return Versions(number, recorded, modified, visible, until, standing, columns, starts)


def _lag(seed: int, entity: str, number: Ints, recorded: Ints) -> Ints:
    """How long a search index takes to show a change: mostly seconds, one in 20 up to two minutes, one in 200 up to 20 minutes."""
    key = number * 1_000_003 + recorded // 7
    kind = uniform(seed, entity + ".lag.kind", key)
    share = uniform(seed, entity + ".lag", key)
    longest = np.where(kind < 0.005, 1_200, np.where(kind < 0.05, 120, 12))
    return np.asarray((share * longest * SECOND).astype(np.int64) + 400, dtype=np.int64)
