"""A folder as a lock: no lock file to create on a full disk, none to leave behind, and a process that ends, however it does, is out."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extractors.core.errors import BusyError, WatertightError
from extractors.core.landing import make_folders, plain_disk_errors


def hold(folder: Path, *, waits: bool) -> int | None:
    """A descriptor that holds the folder's lock until it is closed; None when somebody else holds it and this one does not wait."""
    with plain_disk_errors(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
    return handle


@contextmanager
def locked(folder: Path, otherwise: WatertightError | None = None) -> Iterator[None]:
    """Nobody else is inside for this folder meanwhile. Waits for whoever is; raises `otherwise` instead where it is given."""
    handle = hold(folder, waits=otherwise is None)
    if handle is None:
        raise otherwise or BusyError(f"Another process is at work in {folder}.")
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Nobody else lands into `folder` (made when absent) meanwhile: a task that was given up and lives on, and its next try, would remove each
    other's files. Raises BusyError when somebody does."""
    with plain_disk_errors(folder):
        make_folders(folder)
    busy = BusyError(
        f"Another process is still extracting {folder.name} into {folder}.",
        "Wait until it ends, or end it, and run again: nothing was lost.",
    )
    with locked(folder, busy):
        yield
