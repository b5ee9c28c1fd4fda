"""Every mart has a unit test of its edge cases in dbt."""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit

MARTS = Path(__file__).parents[3] / "dbt_project" / "models" / "marts"
#: They only list other marts' columns under the names of metrics: a data test holds each value against the mart it is taken from.
LISTS = {"mart_metrics__marketing_values", "mart_metrics__sales_values"}


def test_every_mart_has_a_unit_test() -> None:
    tested = {
        each["model"]
        for path in MARTS.rglob("*.yml")
        for each in yaml.safe_load(path.read_text()).get("unit_tests", ())
    }
    models = {path.stem for path in MARTS.rglob("*.sql")}
    assert models - tested == LISTS
