"""What is installed on top of the tests' environment changes nothing in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def versions(lock: str) -> dict[str, set[str]]:
    """Package to its locked versions: there may be one for each Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9.-]+)==([^ \n]+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", ["requirements-bench.lock", "requirements-semantic.lock"])
def test_a_lock_on_top_keeps_the_versions_below(lock: str) -> None:
    below, above = versions("requirements-dev.lock"), versions(lock)
    shared = below.keys() & above.keys()
    assert len(shared) > 10
    assert {name: above[name] - below[name] for name in shared if above[name] - below[name]} == {}
