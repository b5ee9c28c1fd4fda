"""Ids in the first CRM: decimal numbers that rise with the entity's number, but not by one."""

_PLACES = {
    "companies": (18_000_004_101, 11),
    "contacts": (301_200_007, 7),
    "leads": (391_000_000_513, 13),
    "deals": (9_000_000_037, 37),
    "calls": (52_000_000_019, 19),
    "emails": (53_000_000_023, 23),
    "meetings": (54_000_000_029, 29),
    "tasks": (55_000_000_031, 31),
    "notes": (56_000_000_041, 41),
    "goal_targets": (77_000_000_003, 3),
}
ENTITY = {
    "companies": "company",
    "contacts": "contact",
    "leads": "lead",
    "deals": "deal",
    "calls": "call",
    "emails": "email",
    "meetings": "meeting",
    "tasks": "task",
    "notes": "note",
}
"""The singular word for each kind, as the truth log writes it."""


def base_and_step(kind: str) -> tuple[int, int]:
    """Id = base + step * number."""
    return _PLACES[kind]


def identify(kind: str, number: int) -> str:
    """The CRM's id of an entity."""
    base, step = _PLACES[kind]
    return str(base + step * number)


def number_of(kind: str, identity: str) -> int | None:
    """The entity's number behind an id, None if no such id can exist."""
    base, step = _PLACES[kind]
    if not (identity.isascii() and identity.isdigit()) or len(identity) > 15:
        return None
    number, rest = divmod(int(identity) - base, step)
    return None if rest or number < 0 else number
