"""What a failure says: the causes wrapped in an exception, and the words and the waiting time in a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import urllib3


def causes(error: BaseException) -> list[BaseException]:
    """The error and everything wrapped in it, through causes, contexts and arguments."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or any(one is known for known in found):
            continue
        found.append(one)
        wrapped = [*one.args, getattr(one, "reason", None)]
        waiting += [one.__cause__, one.__context__, *(arg for arg in wrapped if isinstance(arg, BaseException))]
    return found


def holds(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def strerror(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    if holds(causes, urllib3.exceptions.IncompleteRead):
        return "the answer is shorter than announced"
    return "it ended early"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds asked for in `Retry-After` (a number or an HTTP date); None when absent or unreadable."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()


def message_in(body: bytes) -> str:
    """What a refusal says in its JSON, shortened to one printable line; empty for anything else."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    message = said.get("message") or said.get("error") if isinstance(said, dict) else None
    if not isinstance(message, str):
        return ""
    return "".join(character if character.isprintable() else " " for character in message)[:200].strip().rstrip(".")
