"""What no company does overnight is not loaded: it is set aside, said plainly, and let pass only by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from extractors.core.landing import REFUSED, Manifest
from extractors.core.settings import Settings
from warehouse.gates import NIGHTS, UnlikelyLandingError
from warehouse.lease import Lease
from warehouse.load import Loaded, load
from warehouse.verify import reload

pytestmark = pytest.mark.integration

Land = Callable[..., Manifest]
TABLES = [("hubspot", "deals"), ("hubspot", "owners"), ("hubspot", "deals_sweep")]


def run_id(day: int) -> str:
    return f"202606{day:02d}T020000Z-0000"


def window(day: int) -> dict[str, Any]:
    before = f"2026-06-{day - 1:02d}T00:00:00.000Z" if day > 1 else None
    return {"cursor": (before, f"2026-06-{day:02d}T00:00:00.000Z"), "extracted_at": f"2026-06-{day:02d}T00:05:00.000Z"}


def load_now(settings: Settings, report: Callable[[str], None] = lambda line: None) -> list[Loaded]:
    lease = Lease.take(settings.home, one_process=True)
    try:
        return load(settings, lease, TABLES, report)
    finally:
        lease.release()


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def deals(numbers: range, **properties: Any) -> dict[str, Any]:
    return {str(one): {"id": str(one), "properties": {"name": f"deal {one}", **properties}} for one in numbers}


def refuse(settings: Settings, words: str) -> None:
    """The next load is refused, leaves no trace in the warehouse, and does not stand in the way of the night after."""
    before = rows(settings, "select * from raw._loads order by all")
    with pytest.raises(UnlikelyLandingError, match=words) as caught:
        load_now(settings)
    assert "WATERTIGHT_ACCEPT=hubspot." in caught.value.mend
    assert rows(settings, "select * from raw._loads order by all") == before
    assert list(settings.landing_dir.rglob(REFUSED))
    assert load_now(settings) == []


def accept(settings: Settings, resource: str) -> list[str]:
    said: list[str] = []
    load_now(settings.model_copy(update={"accept": (f"hubspot.{resource}",)}), said.append)
    return [line for line in said if "accepted although" in line]


@pytest.mark.parametrize("left", [0, 9])
def test_a_list_that_lost_most_of_its_rows(settings: Settings, land: Land, left: int) -> None:
    land("owners", run_id(1), deals(range(20)), mode="complete", **window(1))
    load_now(settings)
    land("owners", run_id(2), deals(range(left)), mode="complete", **window(2))
    refuse(settings, f"{20 - left} of the 20 held are no longer listed")
    land("owners", run_id(3), deals(range(11)), mode="complete", **window(3))
    assert load_now(settings)[0].rows_vanished == 9


def test_a_sweep_that_lists_next_to_nothing(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(40)), **window(1))
    land("deals_sweep", run_id(1), deals(range(40)), mode="complete", sweep_of="deals", **window(1))
    load_now(settings)
    land("deals_sweep", run_id(2), deals(range(5)), mode="complete", sweep_of="deals", **window(2))
    refuse(settings, "are no longer listed")
    assert rows(settings, "select count(*) from raw.hubspot__deals where _is_deleted") == [(0,)]


def test_a_list_ten_times_as_long(settings: Settings, land: Land) -> None:
    land("owners", run_id(1), deals(range(20)), mode="complete", **window(1))
    load_now(settings)
    land("owners", run_id(2), deals(range(201)), mode="complete", **window(2))
    refuse(settings, "201 are listed where 20 were held")


@pytest.mark.parametrize(("count", "words"), [(0, "nothing changed"), (2501, "2,501 changes, where no night")])
def test_a_night_of_changes_unlike_the_week_before(settings: Settings, land: Land, count: int, words: str) -> None:
    land("deals", run_id(1), deals(range(300)), **window(1))
    for day in range(2, 2 + NIGHTS):
        land("deals", run_id(day), deals(range(250), day=day), **window(day))
    load_now(settings)
    land(
        "deals",
        run_id(20),
        deals(range(count), day=20),
        **window(9) | {"cursor": (window(8)["cursor"][1], "2026-06-20T00:00:00.000Z")},
    )
    refuse(settings, words)


def test_quiet_nights_are_no_news(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(300)), **window(1))
    for day in range(2, 2 + NIGHTS):
        land("deals", run_id(day), deals(range(250 if day % 7 else 3), day=day), **window(day))
    land("deals", run_id(9), {}, **window(9))
    assert len(load_now(settings)) == NIGHTS + 2


@pytest.mark.parametrize("now", [{}, {"amount": None}, {"amount": ""}])
def test_a_field_that_every_record_has_lost(settings: Settings, land: Land, now: dict[str, Any]) -> None:
    """As a token sees it that may no longer read the field. What is held stays what it was."""
    land("deals", run_id(1), deals(range(30), amount="100"), **window(1))
    load_now(settings)
    land("deals", run_id(2), deals(range(25), stage="2", **now), **window(2))
    refuse(settings, r"properties\.amount is empty in every record read, and was filled in 25 of them before")
    assert rows(settings, "select distinct payload->'properties'->>'amount' from raw.hubspot__deals") == [("100",)]


def test_a_field_that_most_of_many_records_have_lost(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(150), amount="100"), **window(1))
    load_now(settings)
    land("deals", run_id(2), deals(range(79), stage="2") | deals(range(79, 150), stage="2", amount="5"), **window(2))
    refuse(settings, r"properties\.amount is empty in 79 of the 150 records read, and was filled in 150 of them before")
    land("deals", run_id(3), deals(range(75), stage="2") | deals(range(75, 150), stage="2", amount="5"), **window(2))
    assert len(load_now(settings)) == 1


def test_a_field_that_was_often_empty_may_be_so(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(30)) | deals(range(30, 150), amount="100"), **window(1))
    load_now(settings)
    land("deals", run_id(2), deals(range(149), stage="2") | deals(range(149, 150), amount="5"), **window(2))
    assert len(load_now(settings)) == 1


def test_a_field_that_some_records_have_lost_is_news(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(30), amount="100"), **window(1))
    land("deals", run_id(2), deals(range(29)) | deals(range(29, 30), amount="5"), **window(2))
    assert len(load_now(settings)) == 2


def test_associations_that_vanish_at_once(settings: Settings, land: Land) -> None:
    def with_company(numbers: range, companies: list[str]) -> dict[str, Any]:
        return {
            str(one): {"id": str(one), "at": companies, "associations": {"companies": companies}} for one in numbers
        }

    land("deals", run_id(1), with_company(range(30), ["7"]), **window(1))
    load_now(settings)
    land("deals", run_id(2), with_company(range(30), []), **window(2))
    refuse(settings, r"associations\.companies is empty")


def test_what_is_accepted_by_name_is_loaded_and_written_down(settings: Settings, land: Land) -> None:
    land("deals", run_id(1), deals(range(60), amount="100"), **window(1))
    load_now(settings)
    land("deals", run_id(2), deals(range(25), stage="2"), **window(2))
    with pytest.raises(UnlikelyLandingError):
        accept(settings, "owners")
    land("deals", run_id(3), deals(range(25), stage="2"), **window(2))
    assert len(accept(settings, "deals")) == 1
    written = "select resource, run_id, field from raw._accepted"
    assert rows(settings, written) == [("deals", run_id(3), "properties.amount")]
    # A field that is gone for good is asked about once.
    land("deals", run_id(4), deals(range(25, 60), stage="2"), **window(3))
    assert len(load_now(settings)) == 1
    # A rebuild believes what was once believed, and remembers it.
    reload(settings, Lease.take(settings.home, one_process=True), TABLES)
    assert rows(settings, written)[0] == ("deals", run_id(3), "properties.amount")
