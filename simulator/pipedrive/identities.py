"""Ids in Pipedrive: small whole numbers, UUIDs for leads; stages exist for open stages only, since won and lost are no stages there."""

import uuid

from simulator import pipelines
from simulator.links import ACTIVITY_SLOTS

#: the account, and the user whose token asks: who owns what nobody owns elsewhere
COMPANY_ID, ADMIN_ID = 54_235_233, 9_001
COMPANY_DOMAIN = "watertight-example"
ACTIVITY_KINDS = tuple(kind for kind in ACTIVITY_SLOTS if kind != "notes")
"""Notes are no activities in Pipedrive."""

_PLACES = {
    "deals": (101, 3),
    "contacts": (51, 2),
    "companies": (31, 2),
    "users": (9_101, 1),
    "products": (21, 1),
    "line_items": (301, 2),
}
_ACTIVITIES = 400
_LEADS = uuid.UUID("6f1c6d1e-5a0b-4f0a-9c57-3a8b1a0f7711")


def identify(kind: str, number: int) -> int:
    """The id of a deal, contact (person), company (organization), owner (user) or activity by its number in the company."""
    if kind in ACTIVITY_KINDS:
        return _ACTIVITIES + number * len(ACTIVITY_KINDS) + ACTIVITY_KINDS.index(kind)
    base, step = _PLACES[kind]
    return base + step * number


def number_of(kind: str, identity: int) -> int | None:
    """The number behind an id, None if no such id can exist."""
    base, step = _PLACES[kind]
    number, rest = divmod(identity - base, step)
    return None if rest or number < 0 else number


def lead_id(number: int) -> str:
    """A lead's UUID."""
    return str(uuid.uuid5(_LEADS, str(number)))


STAGE_ID = {
    code: place + 1
    for place, code in enumerate(code for code, stage in enumerate(pipelines.STAGES) if stage.kind == "open")
}
"""Stage code → Pipedrive's id, open stages only."""
PIPELINE_OF_STAGE = {
    identity: pipelines.PIPELINE_CODE[pipelines.STAGES[code].pipeline] for code, identity in STAGE_ID.items()
}
"""Pipedrive's stage id → pipeline code."""


def pipeline_id(code: int) -> int:
    """Pipedrive's id of a pipeline."""
    return code + 1
