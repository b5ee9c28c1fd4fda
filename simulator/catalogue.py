"""What the company sells: its products, how one was renamed, one came late, one was taken off the list and one vanished."""

from dataclasses import dataclass

import numpy as np

from simulator.chance import Ints
from simulator.events import ARCHIVED, CREATED, DELETED, NAME, STATUS, Emission, Events
from simulator.seasons import BEGINNING, DAY, HOUR, instant

FIELDS = (NAME,)


@dataclass(frozen=True)
class Product:
    """`price`: cents of any currency for one piece. `names`: the first one and what it was renamed to."""

    names: tuple[str, ...]
    line: str
    price: int


PRODUCTS = (
    Product(("Platform S",), "Platform", 240_000),
    Product(("Platform M",), "Platform", 600_000),
    Product(("Platform L", "Platform Enterprise"), "Platform", 1_500_000),
    Product(("Leak sensor",), "Sensors", 8_900),
    Product(("Flow meter",), "Sensors", 24_900),
    Product(("Pressure sensor, 2\" thread",), "Sensors", 13_950),
    Product(("Gateway für Außenmontage",), "Sensors", 39_900),
    Product(("Onboarding",), "Services", 180_000),
    Product(("Data migration",), "Services", 95_000),
    Product(("Leak sensor (2023)",), "Sensors", 6_900),
    Product(("Training, on site",), "Services", 120_000),
    Product(("Valve controller",), "Sensors", 54_900),
)  # fmt: skip
RENAMED, VANISHED, ARCHIVED_ONE, LATE = 2, 10, 9, 11
RENAMED_AT = instant(5) - 8 * HOUR
VANISHED_AT = instant(4) - 5 * HOUR
ARCHIVED_AT = instant(7) - 9 * HOUR
LATE_AT = instant(6) - 10 * HOUR
_START = BEGINNING - 300 * DAY


def live(numbers: Ints) -> Events:
    """All events of consecutive products: the same for every company."""
    out = Emission()
    created = np.where(numbers == LATE, LATE_AT, _START + numbers * HOUR)
    out.add(numbers, STATUS, created, CREATED)
    out.add(numbers, NAME, created, 0)
    for number, at, which, value in (
        (RENAMED, RENAMED_AT, NAME, 1),
        (VANISHED, VANISHED_AT, STATUS, DELETED),
        (ARCHIVED_ONE, ARCHIVED_AT, STATUS, ARCHIVED),
    ):
        if number in numbers:
            out.add(np.array([number], dtype=np.int64), which, np.array([at], dtype=np.int64), value)
    return out.close(int(numbers[0]), len(numbers))


def sold(products: Ints, at: Ints) -> Ints:
    """These products, and the first one in place of those that are not sold at that instant."""
    gone = (
        ((products == LATE) & (at < LATE_AT))
        | ((products == VANISHED) & (at >= VANISHED_AT))
        | ((products == ARCHIVED_ONE) & (at >= ARCHIVED_AT))
    )
    return np.asarray(np.where(gone, 0, products), dtype=np.int64)
