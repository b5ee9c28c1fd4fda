"""An erasure killed with signal 9 where something could stay half done; the long version is `make erasure-kills`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.faults.kills.erasures import Erasure, staged
from tests.faults.kills.marks import Kill

pytestmark = pytest.mark.integration

#: in the order of an erasure; each kill falls on what the one before it left
KILLS = [
    Kill("before rename suppression.json"),
    Kill("before rename erasure.json"),
    Kill("before rename manifest.json"),
    Kill("before rename a folder of landing"),
    Kill("after writing a landing anew"),
    Kill("before replace warehouse.duckdb"),
    Kill("before replace marts.duckdb"),
    Kill("before clearing traces"),
    Kill("before unlink erasure.json"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erasure]:
    with staged(tmp_path_factory.mktemp("killed") / "stage") as erasure:
        yield erasure


def test_an_erasure_killed_at_its_steps_is_finished_by_the_next_call(prepared: Erasure) -> None:
    outcome = prepared.run(KILLS)
    assert outcome.wrong == []
    assert len(outcome.kills) == len(KILLS), outcome.passed_over


def test_no_file_of_an_erasure_is_put_in_its_place_before_it_is_on_the_disk(prepared: Erasure) -> None:
    """A kill leaves what the system holds in memory; a loss of power does not."""
    places, early = put_in_place(prepared.passed)
    assert {"suppression.json", "erasure.json", "*.jsonl.zst", "manifest.json", "marts_*.duckdb", "*.json"} <= places
    assert early == []


def put_in_place(passed: Sequence[str]) -> tuple[set[str], list[str]]:
    """The files that were written elsewhere and renamed, and those of them that were not synced since they were opened."""
    unsynced, places, early = set[str](), set[str](), list[str]()
    for mark in passed:
        what, _, name = mark.rpartition(" ")
        name = name.removeprefix(".").removesuffix(".tmp")
        if what == "after opening":
            unsynced.add(name)
        elif what == "after fsync":
            unsynced.discard(name)
        elif what in ("before rename", "before replace"):
            places.add(name)
            early += [name] if name in unsynced else []
    return places, early
