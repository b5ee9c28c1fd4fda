"""The 95 % intervals of the marts hold the simulator's true parameters: a small form of `make coverage`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.coverage import companies, proof
from tests.coverage.intervals import MART, TEXTBOOK, Interval, intervals, wilson
from tests.coverage.truth import KINDS, Parameter, Truth, true_parameters

pytestmark = pytest.mark.integration

SEEDS = range(1, 7)


@pytest.fixture(scope="module")
def truth() -> dict[Parameter, Truth]:
    return true_parameters(100_000)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Interval]:
    return intervals(companies.build(SEEDS, tmp_path_factory.mktemp("coverage")))


def test_the_intervals_of_the_marts_hold_the_truth(found: list[Interval], truth: dict[Parameter, Truth]) -> None:
    table = proof.cover(found, truth)
    assert all(len(each.held) == len(SEEDS) for each in table.values())
    shares = proof.pooled(table)
    # six companies of 27 parameters: a share of 95 % in the long run is above 85 % here
    assert {kind: shares[kind, MART[kind]] for kind in KINDS if shares[kind, MART[kind]] < 0.85} == {}


def test_what_a_textbook_says_is_seen_to_miss(found: list[Interval], truth: dict[Parameter, Truth]) -> None:
    shares = proof.pooled(proof.cover(found, truth))
    assert {kind: shares[kind, TEXTBOOK[kind][0]] for kind in KINDS if shares[kind, TEXTBOOK[kind][0]] > 0.8} == {}


def test_a_biased_estimator_in_the_place_of_a_marts_fails_the_proof(
    found: list[Interval], truth: dict[Parameter, Truth]
) -> None:
    """A proof that any interval passes would prove nothing."""
    for kind in KINDS:
        swapped = [
            replace(each, estimator=MART[kind])
            for each in found
            if each.parameter.kind == kind and each.estimator == TEXTBOOK[kind][0]
        ]
        kept = [each for each in found if each.parameter.kind != kind or each.estimator != MART[kind]]
        said = proof.failures(proof.cover([*kept, *swapped], truth), len(SEEDS))
        assert any(line.startswith(kind) and "hold the truth; mean error -" in line for line in said)


def test_a_company_without_an_interval_is_missed(found: list[Interval], truth: dict[Parameter, Truth]) -> None:
    [gone, *rest] = [each for each in found if each.estimator in MART.values()]
    textbooks = [each for each in found if each.estimator not in MART.values()]
    said = proof.failures(proof.cover([*rest, *textbooks], truth), len(SEEDS))
    assert f"{proof.name(gone.parameter)}, {gone.estimator}: 1 companies have no interval." in said


def test_the_textbooks_wilson_interval_is_right() -> None:
    """Wilson's own interval of 8 of 10, by hand: (0.8 + 0.19207 ± 1.96·√(0.016 + 0.0096036)) / 1.384146."""
    share, low, high = wilson(8, 10)
    assert share == 0.8
    assert (low, high) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert wilson(0, 0) == (None, None, None)
