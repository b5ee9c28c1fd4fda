"""Ids in the first CRM: decimal numbers that rise with the entity's number, but not by one; of campaigns GUIDs."""

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
    "products": (1_480_000_007, 17),
    "line_items": (61_000_000_043, 43),
}
_FIRST_CAMPAIGN, _CAMPAIGN = 0x3A51_0000, "-7c1f-4a0e-9d3b-2f6b8a1c0d5e"
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
    "products": "product",
    "line_items": "line_item",
    "campaigns": "campaign",
    "goal_targets": "goal",
}
"""The singular word for each kind, as the truth log writes it."""


def base_and_step(kind: str) -> tuple[int, int]:
    """Id = base + step * number."""
    return _PLACES[kind]


def identify(kind: str, number: int) -> str:
    """The CRM's id of an entity."""
    if kind == "campaigns":
        return f"{_FIRST_CAMPAIGN + number:08x}{_CAMPAIGN}"
    base, step = _PLACES[kind]
    return str(base + step * number)


def number_of(kind: str, identity: str) -> int | None:
    """The entity's number behind an id, None if no such id can exist."""
    if kind == "campaigns":
        head, tail = identity[:8], identity[8:]
        known = tail == _CAMPAIGN and all(each in "0123456789abcdef" for each in head)
        return int(head, 16) - _FIRST_CAMPAIGN if known and int(head, 16) >= _FIRST_CAMPAIGN else None
    base, step = _PLACES[kind]
    if not (identity.isascii() and identity.isdigit()) or len(identity) > 15:
        return None
    number, rest = divmod(int(identity) - base, step)
    return None if rest or number < 0 else number
