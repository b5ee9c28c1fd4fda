"""Random folders of leads over three nights: growing, late, corrected, taken-back and returning histories, with ties."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.oracle.lead_ledger import Night, Row, instant

STATUSES = ("new", "mql", "sql", "converted", "disqualified", "recycled")
KINDS = (
    "no_history", "growing", "late", "taken_back", "shifted", "vanishing", "returning", "early", "stated_creation", "said_before",
)  # fmt: skip
NIGHTS = [instant(f"2026-06-0{day}T02:00:00Z") for day in (1, 2, 3)]
Life = list[tuple[float, str, str | None]]  # minutes since the creation, status, reason


def folders(seed: int, leads: int) -> list[Night]:
    """Three nights of so many leads; lead n is of kind n modulo the number of kinds."""
    chance = random.Random(seed)
    nights = [Night(at, [], []) for at in NIGHTS]
    for number in range(leads):
        lead = _Lead(chance, f"l{number}", KINDS[number % len(KINDS)])
        for place, night in enumerate(nights):
            lead.write(place, night)
    return nights


class _Lead:
    def __init__(self, chance: random.Random, identity: str, kind: str) -> None:
        self.identity, self.kind = identity, kind
        # with another old status a known row is another row
        self.states_old = chance.random() < 0.7 and kind != "said_before"
        self.numbers = chance.random() < 0.4
        self.status_is_empty = chance.random() < 0.25
        self.reason = chance.choice([None, "budget"])
        self.created = instant("2026-05-01T08:00:00Z") + timedelta(minutes=chance.randrange(2000))
        # without old statuses nothing tells the order of rows that came on different nights
        ties = self.states_old or kind not in ("late", "taken_back", "shifted", "returning", "said_before")
        self.lives = self._lives(chance, _life(chance, ties))

    def _lives(self, chance: random.Random, life: Life) -> list[Life | None]:
        """What the folder says on each night; None: the lead is not in it."""
        middle = chance.randrange(len(life))
        without = [step for place, step in enumerate(life) if place != middle]
        grown = [*life, (life[-1][0] + 5, _other(chance, life[-1][1]), None)]
        shifted = sorted([*without, (life[middle][0] + 7.5, *life[middle][1:])], key=lambda step: step[0])
        earlier = [*life[:middle], (life[middle][0] - 0.5, life[middle][1], None), *life[middle:]]
        match self.kind:
            case "said_before":
                return [life, chance.choice([life, earlier]), earlier]
            case "late":
                return [without, chance.choice([without, life]), life]
            case "taken_back":
                return [life, chance.choice([life, without]), without]
            case "shifted":
                return [life, shifted, chance.choice([shifted, grown])]
            case "vanishing":
                return [life, None, None]
            case "returning":
                return [life, None, chance.choice([life, without])]
            case _:
                return [life, chance.choice([life, grown]), grown]

    def write(self, place: int, night: Night) -> None:
        """Adds the lead's rows to the folder of a night."""
        life = self.lives[place]
        if life is None:
            return
        status = life[-1][1] if life else "new"
        night.leads.append({
            "lead_id": self.identity, "created_at": _iso(self._creation()), "disqualified_reason": self.reason,
            "status": None if self.status_is_empty and self.kind != "no_history" else status,
        })  # fmt: skip
        if self.kind == "no_history":
            return
        if self.kind == "stated_creation":
            night.changes.append(self._row(0, "new", None, 0, None))
        before = "new"
        for number, (minutes, after, reason) in enumerate(life, 1):
            night.changes.append(self._row(minutes, after, before if self.states_old else None, number, reason))
            before = after

    def _creation(self) -> datetime:
        return self.created + timedelta(minutes=30) if self.kind == "early" else self.created

    def _row(self, minutes: float, status: str, old: str | None, number: int, reason: str | None) -> Row:
        return {
            "lead_id": self.identity, "new_status": status, "changed_at": _iso(self.created + timedelta(minutes=minutes)),
            "old_status": old, "sequence": str(int(minutes * 10) + number) if self.numbers and self.kind == "growing" else None,
            "reason": reason,
        }  # fmt: skip


def _life(chance: random.Random, ties: bool) -> Life:
    """One to six steps; with ties several in one minute, never the same step twice in it nor back to where the minute began."""
    life: Life = []
    minutes, status = chance.randrange(1, 5), "new"
    visited = {status}
    for _ in range(chance.randrange(1, 7)):
        if life and not (ties and chance.random() < 0.4):
            minutes += chance.randrange(1, 4)
            visited = {status}
        choices = [each for each in STATUSES if each not in visited]
        if not choices:
            minutes += 1
            visited = {status}
            choices = [each for each in STATUSES if each != status]
        status = chance.choice(choices)
        visited.add(status)
        life.append((minutes, status, chance.choice([None, None, "no answer"])))
    return life


def _other(chance: random.Random, status: str) -> str:
    return chance.choice([each for each in STATUSES if each != status])


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
