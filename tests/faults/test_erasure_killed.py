"""An erasure killed with signal 9 where something could stay half done; the long version is `make erasure-kills`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kills.erasures import staged
from tests.faults.kills.marks import Kill

pytestmark = pytest.mark.integration

#: in the order of an erasure; each kill falls on what the one before it left
KILLS = [
    Kill("before rename erasure.json"),
    Kill("before rename a folder of landing"),
    Kill("after writing a landing anew"),
    Kill("before replace warehouse.duckdb"),
    Kill("before replace marts.duckdb"),
    Kill("before clearing traces"),
    Kill("before unlink erasure.json"),
]


def test_an_erasure_killed_at_its_steps_is_finished_by_the_next_call(tmp_path: Path) -> None:
    with staged(tmp_path / "stage") as prepared:
        outcome = prepared.run(KILLS)
    assert outcome.wrong == []
    assert len(outcome.kills) == len(KILLS), outcome.passed_over
