"""The dbt project without the marts that nothing before them needs: staging, facts, operations and all their data tests.

For nights of which the sources and the facts are looked at: the marts are computed whole from these in any case, and take most of a small
company's night.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import small_project

_REAL = Path(__file__).parents[1] / "dbt_project"
_LEFT_OUT = ("customers", "marketing", "metrics", "sales")


def write(folder: Path) -> Path:
    """Writes the project into `folder`, which must not be there yet, and returns it."""
    shutil.copytree(_REAL, folder, ignore=shutil.ignore_patterns("semantic", "_exposures.yml"))
    for family in _LEFT_OUT:
        shutil.rmtree(folder / "models" / "marts" / family)
    for test in (folder / "tests" / "singular").glob("marts_*.sql"):
        if any(f"ref('mart_{family}__" in test.read_text() for family in _LEFT_OUT):
            test.unlink()
    return folder


@contextmanager
def in_force(factory: pytest.TempPathFactory) -> Iterator[None]:
    """Builds of this process use the project, written once for a whole run of the tests, and the page is a few words."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "facts"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = place / "dbt_project"
        if not project.exists():
            write(place / "being_written").rename(project)
    with small_project.in_force(project):
        yield
