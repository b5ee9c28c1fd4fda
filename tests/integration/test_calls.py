"""The calls of three nights beside the fewest possible: a small form of `make calls`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.calls.__main__ import GOAL
from tests.calls.nights import NIGHTS, Calls, count

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> list[Calls]:
    return count(tmp_path_factory.mktemp("calls"), size=200, seed=7)


def test_no_crm_is_asked_much_more_than_it_has_to_be(counted: list[Calls]) -> None:
    assert len(counted) == 3 * len(NIGHTS)
    too_many = [f"{each.crm}, {each.night}: {each.ratio:.2f}" for each in counted if each.ratio > GOAL]
    assert not too_many


def test_the_fewest_are_no_fewer_than_possible(counted: list[Calls]) -> None:
    """A minimum above what was really asked would be no minimum, and would hide what is asked too often elsewhere."""
    for each in counted:
        below = {kind: (each.asked[kind], number) for kind, number in each.fewest.items() if each.asked[kind] < number}
        assert not below, f"{each.crm}, {each.night}: asked less often than the minimum says: {below}"


def test_a_connection_for_every_resource_would_be_too_many(counted: list[Calls]) -> None:
    salesforce = next(each for each in counted if each.crm == "salesforce" and each.night == NIGHTS[3])
    wasteful = Calls("salesforce", "", salesforce.asked + Counter(sessions=38), salesforce.fewest)
    assert wasteful.ratio > GOAL
