"""Memory of extract and load, on a sixtieth of the million that `make volume` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.volume import measure

pytestmark = pytest.mark.integration


def test_memory_does_not_grow_with_the_landing(tmp_path: Path) -> None:
    """Ten times the deals of one recording: five times as many take no half more."""
    small, large = measure(tmp_path, 3_000, copies=2), measure(tmp_path, 15_000, copies=10)
    assert small["sent"] * 4 < large["sent"] == large["landed"] == large["loaded"]
    assert large["landed_within_mb"] < 1.2 * small["landed_within_mb"]
    assert large["peak_mb"] < min(500, 1.5 * small["peak_mb"])
