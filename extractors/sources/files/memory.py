"""Remembers which folder was found good, so that a night's twenty extractions read it twice and not twenty times.

Extractions may run in processes of their own (Airflow's tasks), therefore the memory is a file in WATERTIGHT_HOME. It is only
believed while every file still has the size, times and inode that it had when it was checked; losing it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path

import msgspec

from extractors.core.landing import plain_disk_errors
from extractors.core.settings import Settings
from extractors.sources.files.check import GivenFile, check_folder
from extractors.sources.files.contract import CONTRACTS

log = logging.getLogger(__name__)

MEMORY_FILE = "files_checked.json"


def check_once(settings: Settings, folder: Path, given: dict[str, GivenFile]) -> None:
    """Checks the folder unless exactly these files were found good before. Raises IntegrityError as `check_folder` does."""
    found = _described(folder, given)
    place = settings.home / MEMORY_FILE
    try:
        if place.read_bytes() == found:
            return
    except OSError:
        pass
    check_folder(folder, given)
    with plain_disk_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Several extractions may do this at once: a file of one's own, then one rename.
        handle, temporary = tempfile.mkstemp(prefix=f".{MEMORY_FILE}.", dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(found)
        os.replace(temporary, place)


def _described(folder: Path, given: dict[str, GivenFile]) -> bytes:
    return msgspec.json.encode({
        "contract": hashlib.sha256(repr((CONTRACTS, [file.contract for _, file in sorted(given.items())])).encode()).hexdigest(),
        "folder": str(folder),
        "files": {file.path.name: list(file.signature) for _, file in sorted(given.items())},
    })  # fmt: skip
