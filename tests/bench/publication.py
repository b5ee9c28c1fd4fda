"""A night's publication, and the plain copy of the same files: pieces that are run in a process of their own."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from dashboard.page import make_page
from extractors.core.settings import Settings
from warehouse import manifest
from warehouse import publish as publication
from warehouse.lease import Lease

#: what a publication does beside the copying: every value of the copies is read, so that no damaged page is published; what is copied is
#: summed up for the manifest; the page of the night is made
READING, SUMMING, PAGE = "reading every value", "SHA-256", "the page"


def prepare(home: Path, night: Path) -> None:
    """Lays the built files of `night` where a warehouse in `home` has them."""
    settings = _settings(home)
    shutil.rmtree(home, ignore_errors=True)
    settings.build_dir.mkdir(parents=True)
    for path in (settings.marts_file, settings.detail_file):
        shutil.copyfile(night / path.name, path)


def publish(home: str) -> dict[str, float]:
    """Publishes what is built in `home`; returns the CPU seconds of the three steps that no plain copy has."""
    settings = _settings(Path(home))
    steps = dict.fromkeys((READING, SUMMING, PAGE), 0.0)

    def timed(step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            before = time.process_time()
            done = work(*arguments)
            steps[step] += time.process_time() - before
            return done

        return run

    class Digest:
        def __init__(self, content: bytes = b"") -> None:
            digest = hashlib.sha256(content)
            self.update, self.hexdigest = timed(SUMMING, digest.update), digest.hexdigest

    with (
        patch.object(publication, "scan", timed(READING, publication.scan)),
        patch.object(manifest, "hashlib", SimpleNamespace(sha256=Digest)),
    ):
        publication.publish(settings, Lease.take(settings.home, one_process=True), timed(PAGE, make_page))
    return steps


def copy(home: str) -> None:
    """The same files, copied and nothing else."""
    settings = _settings(Path(home))
    for path in (settings.marts_file, settings.detail_file):
        shutil.copyfile(path, path.with_suffix(".copy"))


def _settings(home: Path) -> Settings:
    # A source of its own: without one the home would be the demonstration's.
    return Settings(_env_file=None, home_dir=home, files_dir=home / "files")  # type: ignore[call-arg]
