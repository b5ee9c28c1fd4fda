"""The folder of a warehouse: private to the user that writes it, but for the published files."""

from __future__ import annotations

import os
from pathlib import Path

from warehouse.database import plain_errors


def open_home(home: Path) -> None:
    """Makes the folder when it is not there, and from now on every file of this process 0600.

    Others may pass through the folder, to `published/`, and see nothing else. Raises WatertightError when it cannot be made.
    """
    os.umask(0o077)
    with plain_errors(home):
        if not home.is_dir():
            home.mkdir(parents=True)
            home.chmod(0o711)
