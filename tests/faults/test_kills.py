"""A dozen kills of one night, at named places and at random instants, with readers all the while, and many nights at once.

The long versions are `make kills` and `make simultaneous`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.faults.kills import invariants, small_project
from tests.faults.kills.marks import Kill
from tests.faults.kills.night import Plan, Stage, staged, wrong
from tests.faults.kills.simultaneous import is_good, play
from tests.faults.kills.trials import Aim, Readers, draw, reading, run

pytestmark = pytest.mark.integration

#: named places at which something would be lost or mixed if the order of two steps were another
NAMED = [
    Aim("plan", Kill("before replace lease.json", 1)),
    Aim("extract", Kill("after a request", 4)),
    Aim("extract", Kill("before rename *.jsonl.zst", 3)),
    Aim("extract", Kill("after rename manifest.json", 3)),
    Aim("load", Kill("after writing raw._loads", 2)),
    Aim("load", Kill("after warehouse: commit", 4)),
    Aim("build", Kill("after dbt: insert into", 1)),
    Aim("build", Kill("before dbt: commit", 6)),
    Aim("verify", Kill("after verify", 1)),
    Aim("publish", Kill("before replace marts.duckdb", 1)),
    Aim("publish", Kill("after flipping the links", 1)),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    place = tmp_path_factory.mktemp("kills")
    with staged(place, Plan(project=small_project.write(place / "project"))) as prepared:
        yield prepared


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with reading() as processes:
        yield processes


def test_a_night_killed_at_named_places_ends_as_if_nothing_had_happened(stage: Stage, readers: Readers) -> None:
    outcome = run(stage, readers, 0, NAMED)
    assert outcome.wrong == []
    assert len(outcome.kills) == len(NAMED), outcome.passed_over
    assert outcome.polls > 20


def test_a_night_that_is_told_to_stop_or_has_no_memory_says_so_and_loses_nothing(stage: Stage) -> None:
    before = stage.restore()
    for mark in (Kill("after a request", 3), Kill("before warehouse: insert into", 4), Kill("after dbt: begin", 3)):
        stopped = stage.night(mark, end=signal.SIGTERM)
        assert stopped.code == 1, stopped.said
        assert "Stopped from outside" in stopped.said
        assert "Traceback" not in stopped.said
        assert invariants.after_a_fault(stage.home, before, has_published=False) == []
    starved = stage.night(memory=450 * 2**20)
    # where a new thread finds no room the C library ends the process with a line of its own
    assert starved.code in (1, 127), starved.said
    assert ("Memory ran out" if starved.code == 1 else "cannot allocate memory") in starved.said
    assert "Traceback" not in starved.said
    assert invariants.after_a_fault(stage.home, before, has_published=False) == []
    assert stage.night().code == 0
    assert wrong(stage) == []


def test_a_night_killed_at_random_instants_ends_as_if_nothing_had_happened(stage: Stage, readers: Readers) -> None:
    outcome = run(stage, readers, 5, draw(stage.reference, 5, 3))
    assert outcome.wrong == []
    assert len(outcome.kills) >= 2


def test_of_eight_nights_at_once_one_publishes(stage: Stage) -> None:
    stage.restore()
    found = play(stage)
    assert is_good(found), found


def test_beside_a_night_a_rebuild_a_load_and_a_verification_leave(stage: Stage) -> None:
    """Whoever is first; the others write nothing."""
    stage.restore()
    found = play(
        stage, arguments=[("nightly", "--json"), ("rebuild", "--json"), ("load",), ("publish", "--json"), ("verify",)]
    )
    assert found.codes == [0, 3, 3, 3, 3], found
    assert not [sentence for sentence in found.wrong if not sentence.startswith("published is")], found
