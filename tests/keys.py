"""The warehouse's keys, made from the ids of its records as docs/decisions/0002 says."""

from hashlib import md5
from uuid import UUID


def stable_key(system: str, account: str, source_id: str) -> str:
    """The key of a stage, pipeline, owner, company, contact or lead."""
    return str(UUID(_digest(system, account, source_id)))


def deal_key(system: str, account: str, source_id: str) -> str:
    """The key of a deal: it begins with what orders the source's ids."""
    if source_id.isascii() and source_id.isdigit():
        place = source_id.rjust(12, "0")[:12]
    else:
        place = source_id[-11:].encode().hex().ljust(12, "0")[:12]
    return str(UUID(place + _digest(system, account, source_id)[-20:]))


def _digest(*parts: str) -> str:
    return md5("|".join(parts).encode()).hexdigest()  # noqa: S324 - told apart, nothing is kept secret by it
