"""One record lost each night, in small; `make reconciliation` does it with 100,000 deals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reconciliation.proof import prove

pytestmark = pytest.mark.integration


def test_every_loss_is_found_and_nothing_else(tmp_path: Path) -> None:
    outcomes = prove(tmp_path, deals=300, nights=6, seed=3)
    for each in outcomes:
        assert each.found, each
        assert not each.false_alarms, each
        assert not each.elsewhere, each
        assert ("warn" in each.found) == (each.kind == "deletion"), each
        assert each.is_named == each.is_listed or each.kind == "amount update", each
    assert {each.kind for each in outcomes} == {"new deal", "stage update", "amount update", "deletion"}
    assert any(each.explained for each in outcomes)
