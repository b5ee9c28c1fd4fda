"""A night's publication, and the plain copy of the same files: pieces that are run in a process of their own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from unittest.mock import patch

from dashboard.page import make_page
from extractors.core.settings import Settings
from warehouse import publish as publication
from warehouse.lease import Lease

#: the step in which every value of the copies is read, so that no damaged page is published
READING = "reading every value"


def prepare(home: Path, night: Path) -> None:
    """Lays the built files of `night` where a warehouse in `home` has them."""
    settings = _settings(home)
    shutil.rmtree(home, ignore_errors=True)
    settings.build_dir.mkdir(parents=True)
    for path in (settings.marts_file, settings.detail_file):
        shutil.copyfile(night / path.name, path)


def publish(home: str) -> dict[str, float]:
    """Publishes what is built in `home`; returns the CPU seconds of the reading, which is the only step told apart."""
    settings = _settings(Path(home))
    steps = {READING: 0.0}

    def timed(path: Path) -> dict[str, int]:
        before = time.process_time()
        found = scan(path)
        steps[READING] += time.process_time() - before
        return found

    scan = publication.scan
    with patch.object(publication, "scan", timed):
        publication.publish(settings, Lease.take(settings.home, one_process=True), make_page)
    return steps


def copy(home: str) -> None:
    """The same files, copied and nothing else."""
    settings = _settings(Path(home))
    for path in (settings.marts_file, settings.detail_file):
        shutil.copyfile(path, path.with_suffix(".copy"))


def _settings(home: Path) -> Settings:
    # A source of its own: without one the home would be the demonstration's.
    return Settings(_env_file=None, home_dir=home, files_dir=home / "files")  # type: ignore[call-arg]
