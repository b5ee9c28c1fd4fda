"""What was published, let pass or erased, and when: one line each, chained by hashes, so that a change of an old line is noticed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extractors.core.errors import IntegrityError
from extractors.core.settings import Settings
from warehouse.database import plain_errors

_BEGINNING = "0" * 64


def audit_file(settings: Settings) -> Path:
    """Where the lines stand."""
    return settings.home / "audit.jsonl"


def record(settings: Settings, what: str, **details: Any) -> None:
    """Appends a line, on the disk before this returns. A line that a kill cut short is taken away first."""
    path = audit_file(settings)
    with plain_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            file.truncate(len(whole))
            last = whole.splitlines()[-1] if whole else b""
            line = {
                "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "what": what,
                **details,
                "before": hashlib.sha256(last).hexdigest() if last else _BEGINNING,
            }
            file.seek(len(whole))
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def check(settings: Settings) -> int:
    """How many lines there are. Raises as `lines` does."""
    return len(lines(settings))


def lines(settings: Settings) -> list[dict[str, Any]]:
    """All lines, oldest first; IntegrityError when one of them is not followed by its own hash.

    What the last line says is believed: nothing comes after it. Whoever keeps a copy of that line elsewhere proves all before it.
    """
    path = audit_file(settings)
    if not path.exists():
        return []
    with plain_errors(path):
        written = path.read_bytes().splitlines()
    told: list[dict[str, Any]] = []
    expected = _BEGINNING
    for number, line in enumerate(written, start=1):
        try:
            said = json.loads(line)
            before = said["before"]
        except (ValueError, TypeError, KeyError):
            raise IntegrityError(
                f"Line {number} of {path} is no line of the audit log.", "Put the file back from a backup."
            ) from None
        if before != expected:
            raise IntegrityError(
                f"Line {number} of {path} does not follow line {number - 1}: a line was changed, taken out or put in.",
                "Put the file back from a backup, and find out who wrote to it.",
            )
        told.append(said)
        expected = hashlib.sha256(line).hexdigest()
    return told
