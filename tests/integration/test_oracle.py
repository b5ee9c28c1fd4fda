"""Random companies through the whole night against the oracle: no difference, on the first night and on a changed folder.

Changes, transitions, visits, versions and waterfall movements, row for row; `make oracle` is the same at 10,000 histories.

`WATERTIGHT_ORACLE_DEALS` (default 400) sets the size, `WATERTIGHT_ORACLE_SEED` (default 1) the company.
"""

import os
from pathlib import Path

import pytest

from tests.oracle.histories import KINDS, LATER_KINDS
from tests.oracle.proof import SHOWN, TABLES, prove_company

pytestmark = pytest.mark.integration

DEALS = int(os.environ.get("WATERTIGHT_ORACLE_DEALS", "400"))
SEED = int(os.environ.get("WATERTIGHT_ORACLE_SEED", "1"))


def test_two_nights_equal_the_oracle(tmp_path: Path) -> None:
    first, second = prove_company(SEED, DEALS, tmp_path)
    assert KINDS.keys() <= first.kinds.keys()
    assert LATER_KINDS.keys() <= second.kinds.keys()
    assert second.shown.keys() >= SHOWN
    assert all(getattr(result, name) for result in (first, second) for name in TABLES)
    for result in (first, second):
        assert not result.differences, f"night {result.night}, seed {SEED}:\n" + "\n".join(result.differences[:40])
