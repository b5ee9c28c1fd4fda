"""The planted faults, a few of each kind; `make planted` plants a hundred."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.planted.faults import HUBSPOT, HUBSPOT_UNDATED, KINDS, contradictions, is_harmless
from tests.planted.lives import live, tell
from tests.planted.proof import Case, judge, plant, tally
from tests.planted.report import REASONS, shortfalls

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    planted = plant(seed=3, per_kind=3, healthy_deals=96)
    judge(planted, tmp_path_factory.mktemp("planted"))
    return planted


def test_every_evident_fault_is_caught_and_nothing_healthy_named(cases: list[Case]) -> None:
    judged, sentences = tally(cases)
    sentences += shortfalls(judged)
    assert not sentences, "\n".join(sentences)
    assert sum(row.evident for row in judged) > len(judged)


def test_each_shipped_test_that_guards_a_source_caught_something(cases: list[Case]) -> None:
    named = Counter(test for case in cases for night in case.caught for test in night)
    guards = {
        "old_values_follow", "last_change_equals_record", "equals_control_totals", "stage_entries_have_visits", "listed_deals_have_visits",
        "histories_begin_at_creation", "histories_have_deals", "visits_stand_in_listed_stages", "live_deals_stand_in_listed_stages",
    }  # fmt: skip
    assert guards <= named.keys()


def test_the_truth_contradicts_itself_nowhere() -> None:
    rng = random.Random(7)
    for number in range(300):
        life = live(rng, str(number))
        assert not contradictions(HUBSPOT, tell(life))
        assert is_harmless(life, tell(life))


def test_a_kind_without_evidence_is_told_from_one_that_is_missed() -> None:
    """A lost amount between others is said by nothing in HubSpot, a lost move by its date of entry, where there is one."""
    rng = random.Random(11)
    by_name = {kind.name: kind for kind in KINDS}
    lives = [live(rng, str(number)) for number in range(200)]
    amounts = [told for life in lives if (told := by_name["middle amount lost"].plant(rng, life))]
    moves = [told for life in lives if (told := by_name["middle move lost"].plant(rng, life))]
    assert amounts
    assert moves
    assert not any(contradictions(HUBSPOT, told) for told in amounts)
    assert all("stage dates" in contradictions(HUBSPOT, told) for told in moves)
    assert any(not contradictions(HUBSPOT_UNDATED, told) for told in moves)


def test_reasons_are_of_kinds_that_there_are() -> None:
    assert {name for names, _, _ in REASONS for name in names} <= {kind.name for kind in KINDS}
