"""The people who sell: who they are, their team, when they came and when they left."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulator.chance import Ints, one, uniform
from simulator.names import FAMILY_NAMES, FIRST_NAMES, ascii_of
from simulator.seasons import BEGINNING, DAY, HISTORY_DAYS, HOUR, instant

TEAMS = ("Inside sales", "Field sales", "Partners", "Customer growth")


@dataclass(frozen=True)
class Seller:
    """One owner of deals. `left` is None while employed; `number` is the place in the list."""

    number: int
    first_name: str
    family_name: str
    email: str
    team: int
    joined: int
    left: int | None

    @property
    def id(self) -> str:
        """The owner's id in the CRM."""
        return str(50_710_000 + self.number * 13)

    @property
    def user_id(self) -> str:
        """The id of the user behind the owner: another number on purpose."""
        return str(8_100_000 + self.number * 7)


class Sellers:
    """All sellers of a company, present and past; a larger company has more."""

    def __init__(self, seed: int, size: int) -> None:
        self.seed = seed
        self.count = 14 if size < 20_000 else 60 if size < 400_000 else 240

    @cached_property
    def everyone(self) -> tuple[Seller, ...]:
        """In order of number. The last third never leaves; number 1 leaves before night 4; number 2 comes before night 3."""
        return tuple(self._seller(number) for number in range(self.count))

    def _seller(self, number: int) -> Seller:
        first = FIRST_NAMES[int(one(self.seed, "seller.first", number) * len(FIRST_NAMES))]
        family = FAMILY_NAMES[(number * 7 + int(one(self.seed, "seller.family", 0) * 50)) % len(FAMILY_NAMES)]
        joined, left = BEGINNING - 200 * DAY, None
        if number == 1:
            left = instant(4) - 10 * HOUR
        elif number == 2:
            joined = instant(3) - 17 * HOUR
        elif number < self.count * 2 // 3:
            if one(self.seed, "seller.leaves", number) < 0.45:
                left = BEGINNING + int((0.1 + 0.88 * one(self.seed, "seller.left", number)) * HISTORY_DAYS * DAY)
            if one(self.seed, "seller.late", number) < 0.3:
                joined = min(
                    BEGINNING + int(one(self.seed, "seller.joined", number) * 500) * DAY,
                    (left or instant(1)) - 60 * DAY,
                )
        email = f"{ascii_of(first)}.{ascii_of(family)}.{number}@watertight.example"
        return Seller(number, first, family, email, number % len(TEAMS), joined, left)

    @cached_property
    def joined(self) -> Ints:
        """When each came."""
        return np.array([seller.joined for seller in self.everyone], dtype=np.int64)

    @cached_property
    def left(self) -> Ints:
        """When each left, or the end of time."""
        return np.array([2**62 if seller.left is None else seller.left for seller in self.everyone], dtype=np.int64)

    def pick(self, stream: str, numbers: Ints, at: Ints) -> Ints:
        """Somebody employed at these instants; the last third of the list stands in for those who are not."""
        share = uniform(self.seed, stream, numbers)
        chosen = (share * share * self.count).astype(np.int64)  # squared: some sellers carry far more than others
        away = (self.joined[chosen] > at) | (self.left[chosen] <= at)
        steady = self.count - 1 - chosen % (self.count - self.count * 2 // 3)
        return np.asarray(np.where(away, steady, chosen), dtype=np.int64)
