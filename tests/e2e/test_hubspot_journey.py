"""The whole road on the simulated HubSpot: what the warehouse says of every deal equals the company's truth log, night after night.

The simulator is a real HTTP server; extraction, load, build, data tests and publication are the ones of production.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extractors.core.settings import read_settings
from simulator import truth
from simulator.server import start
from tests.core.tables import differences
from tests.e2e.hubspot_entities import COMPARED, Entities
from tests.e2e.truth_ledger import deals_of, is_gone, known_at
from tests.nights.hubspot import Night, compare_core, compare_raw, settings_for
from tests.nights.night import run_night
from warehouse.as_of import published_tables, recompute
from warehouse.lease import Lease
from warehouse.verify import compare_with_rebuild
from watertight import night as steps

pytestmark = pytest.mark.e2e

NIGHTS = 10
#: those whose marts are built, tested and published; of the others the facts alone
PUBLISHED = (1, 5, NIGHTS)
DEALS = 700
#: a company that loses a deal without a trace, merges and archives deals within these nights
SEED = 56


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journey")


@pytest.fixture(scope="module")
def journey(home: Path) -> list[tuple[Night, dict[str, list[truth.Event]]]]:
    """Ten nights; of the first and the last the published ledger and the truth as logged by then."""
    kept = []
    with start(home / "company", size=DEALS, seed=SEED) as simulation:
        settings = settings_for(home / "home", simulation, keep_publications=NIGHTS)
        for number in range(1, NIGHTS + 1):
            simulation.advance(number)
            loaded = run_night(settings, "hubspot", published=number in PUBLISHED)
            if number in (1, NIGHTS):
                lives = deals_of(truth.read(simulation.home, number))
                kept.append((Night(settings, simulation, loaded), lives))
                kept[-1][0].entities = Entities.of(settings, simulation, number)
        raw = compare_raw(settings, simulation, lives, kept[0][0].asked_until)
        assert not raw.differences, f"{len(raw.differences)} deals differ in raw, first: {raw.differences[:3]}"
        assert raw.deals > DEALS * 0.9
    return kept


@pytest.mark.parametrize("which", [0, 1], ids=["after night 1", f"after night {NIGHTS}"])
def test_every_transition_instant_and_amount_equals_the_truth(journey: Any, which: int) -> None:
    night, lives = journey[which]
    compared = compare_core(night, lives, journey[0][0].asked_until)
    assert not compared.differences, (
        f"{len(compared.differences)} deals differ from the truth log, first: {compared.differences[:3]}"
    )
    assert compared.unsettled < len(lives) / 20, (
        "too many deals changed while the night was asking: the comparison would be weak"
    )
    kinds = {
        "created",
        "advanced",
        "skipped_ahead",
        "moved_back",
        "moved_pipeline",
        "won",
        "lost",
        "reopened",
        "deleted",
    }
    if night.night == NIGHTS:  # on the first night nobody knows who was merged away before
        kinds.add("merged")
    assert kinds <= set(compared.kinds), f"the company never showed {kinds - set(compared.kinds)}"


def test_deals_gone_without_a_trace_are_marked_within_one_sweep(journey: Any) -> None:
    night, lives = journey[1]
    long_gone = [
        deal
        for deal, life in lives.items()
        if is_gone(known_at(life, night.data_through - timedelta(days=4))) and deal in night.statuses
    ]
    seen_on_first_night = journey[0][0].statuses
    assert [deal for deal in long_gone if deal in seen_on_first_night], "nothing vanished: the test would prove nothing"
    assert {night.statuses[deal] for deal in long_gone} <= {"deleted", "merged"}


@pytest.mark.parametrize("which", [0, 1], ids=["after night 1", f"after night {NIGHTS}"])
@pytest.mark.parametrize("entity", COMPARED)
def test_every_entity_and_every_event_of_it_equals_the_truth(journey: Any, which: int, entity: str) -> None:
    found = journey[which][0].entities
    wrong = found.compare(entity)
    assert not wrong, f"{len(wrong)} of {len(found.held[entity])} differ from the truth log, first: {wrong[:3]}"
    assert len(found.held[entity]) >= found.least(entity)


def test_the_company_showed_every_event_of_every_entity(journey: Any) -> None:
    """Else the comparison above would prove little: each of these happened between the first night and the last."""
    assert not journey[1][0].entities.never_happened()


def test_a_later_night_reads_only_the_change(journey: Any) -> None:
    first, last = journey[0][0].loaded, journey[1][0].loaded
    # The comparison of ids is due every few nights and reads what is there, not what changed.
    pages = [
        sum(resource["pages"] for name, resource in night.items() if not name.endswith("_sweep"))
        for night in (first, last)
    ]
    assert pages[1] * 5 <= pages[0], f"data pages of the first and of a later night: {pages}"
    assert all(resource["rows_landed"] == resource["rows_new"] + resource["rows_held"] for resource in last.values())


def test_ten_nights_equal_their_rebuild_from_landing(journey: Any, home: Path) -> None:
    settings = read_settings(home_dir=home / "home", simulated_time=True, _env_file=None)
    lease = Lease.take(settings.home, one_process=True)
    differences = compare_with_rebuild(settings, steps.raw_tables())
    lease.release()
    assert not differences, [one.as_dict() for one in differences]


def test_a_past_night_can_be_said_again(journey: Any, home: Path) -> None:
    """As of its day, as known on its day, every table of a night in the middle is what was published then.

    But for the reconciliation: its rows are judged on their own night and kept, while a table said again judges all nights at once.
    """
    settings = read_settings(home_dir=home / "home", simulated_time=True, _env_file=None)
    _, path, _ = sorted(settings.published_dir.glob("marts_*.duckdb"))
    with duckdb.connect(str(path), read_only=True) as connection:
        day = connection.execute("select max(warehouse_data_through) from dim_sources").fetchall()[0][0].date()
    tables = [name for name in published_tables() if name != "mart_ops__reconciliation"]
    with recompute(settings, tables, day, day) as then:
        assert not differences(path, then.settings.marts_file, tables)
