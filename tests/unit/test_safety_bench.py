"""What the benchmark of safety switches off is what there is: a function that was renamed would be on in both nights and cost nothing."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from tests.bench.safety_page import page
from tests.bench.safety_parts import PARTS, Meter, switched_off
from warehouse import gates, publish, soundness
from warehouse.lease import Lease

pytestmark = pytest.mark.unit


def test_every_part_is_there_and_is_off_inside_alone(tmp_path: Path) -> None:
    places = [(owner, name) for part in PARTS.values() for owner, name in part]
    before = [getattr(owner, name) for owner, name in places]
    with duckdb.connect(str(tmp_path / "marts.duckdb")) as connection:
        connection.execute("create table deals as select range from range(3)")
    with switched_off():
        inside = [getattr(owner, name) for owner, name in places]
        assert soundness.find_damage(None) is None  # type: ignore[arg-type]
        assert gates.check() == []  # type: ignore[call-arg]
        assert publish.scan(tmp_path / "marts.duckdb", 1_000) == {"deals": 3}
        with Lease(tmp_path, "nobody's").fence():
            os.fsync(-1)
    assert not any(on is off for on, off in zip(before, inside, strict=True))
    assert before == [getattr(owner, name) for owner, name in places]


def test_a_part_that_calls_another_does_not_count_it() -> None:
    meter = Meter()
    with meter.measured():
        meter.enter("outer")
        meter.enter("inner")
        sum(range(2_000_000))
        meter.leave()
        meter.leave()
    assert meter.seconds["inner"] > 10 * meter.seconds["outer"]


def test_pairs_are_compared_whichever_came_first() -> None:
    def night(is_safe: bool, cpu: float) -> dict[str, object]:
        parts = {"fsync": 1.0} if is_safe else {}
        sizes = {"wall": 1.0, "nodes": 1, "rows": 1, "warehouse_mb": 1.0, "published_mb": 1.0}
        return {"is_safe": is_safe, "cpu": cpu, "parts": parts, **sizes}

    nights = [night(True, 100.0), night(False, 92.0), night(False, 88.0), night(True, 100.0)]
    text, is_kept = page({5: nights})
    assert "| 5 | 2 | **10.0 %** | 8.0 to 12.0 % | **no** |" in text
    assert not is_kept
    assert "| fsync | 1.000 | 1.00 % |" in text
