"""A dozen planted faults of the proof in docs/proofs/mutants.md, and what the proof rests on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import companies, mutations
from tests.mutants import judges as judging
from tests.mutants.mutations import parse, write
from tests.mutants.project import Project, compile_project
from tests.mutants.proof import prove

pytestmark = pytest.mark.integration

SEED, FAULTS = 3, 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    return compile_project(folder / "project")


@pytest.fixture(scope="module")
def by_hand(project: Project, folder: Path) -> judging.Judges:
    scene, leads = companies.by_hand(project, folder / "by_hand")
    return judging.judges(scene, project.tests, judging.of_the_ledger(scene, leads))


def test_sql_read_and_written_again_gives_the_same_rows(project: Project, by_hand: judging.Judges) -> None:
    """Else a mutant could die of the way its SQL was written down."""
    again = {model.name: (write(parse(model.full)), write(parse(model.increment))) for model in project.mutable()}
    assert by_hand.scene.rebuild(again) == {}
    assert by_hand.scene.relive(again) == {}


def test_without_a_fault_every_test_passes(by_hand: judging.Judges) -> None:
    """This company warns of what is odd in it: stages without a funnel step, cut histories, a stage nobody lists. Nothing else is wrong with it."""
    assert {line.split(": ")[1] for line in by_hand.left_out if line.startswith("night")} == {
        "stages_are_mapped on dim_stages",
        "histories_begin_at_creation on dim_deals",
        "visits_stand_in_listed_stages on fct_deal_stage_visits",
    }
    # the warehouse's own files are not there; everybody else is asked
    assert [line for line in by_hand.left_out if not line.startswith("night")] == [
        "test_core_ledger.test_contracts_refuse_nulls: looks at the files of a warehouse"
    ]
    assert "oracle: ledger of leads" in {test.name for test in by_hand.own}


def test_a_dozen_faults_are_noticed(project: Project, by_hand: judging.Judges, folder: Path) -> None:
    scene, histories, learned = companies.drawn_for_the_marts(project, folder / "answers", seed=1, deals=120)
    answers = judging.judges(scene, project.tests, judging.of_the_marts(scene, histories, learned))
    outcomes = prove(mutations.draw(project.mutable(), SEED), FAULTS, project, [answers, by_hand])
    survivors = [each.mutant.name for each in outcomes if each.has_effect and not each.is_dead]
    assert len(outcomes) == FAULTS
    assert len(survivors) <= 1, "\n".join(survivors)
    # The others change no row of these two small companies: nobody could notice them. Half of them, since many marts have few rows there.
    assert sum(each.is_seen for each in outcomes) >= FAULTS // 2


def test_a_data_test_that_cannot_be_asked_fails_the_proof(by_hand: judging.Judges) -> None:
    """A slip of the pen in a data test is not taken for a table that the company does not have."""
    sound = by_hand.shipped[-1][0]
    slip = replace(sound, sql="select company_kee from dim_companies", parents=frozenset({"dim_companies"}))
    with pytest.raises(AssertionError, match=r"cannot be asked: .*company_kee"):
        judging.judges(by_hand.scene, [slip], [])


def test_a_fault_of_the_second_night_is_lived_through(project: Project, by_hand: judging.Judges) -> None:
    """A filter for new loads that lets nothing in shows only where a night is built on the one before."""
    model = project.models["fct_deal_changes"]
    wrong = {model.name: (model.full, model.increment.replace("_load_number >", "_load_number >= 1000 + "))}
    assert by_hand.scene.rebuild(wrong) == {}
    assert "fct_deal_changes" in by_hand.scene.relive(wrong)


def test_every_kind_of_fault_is_offered(project: Project) -> None:
    kinds = {maker.kind for model in project.mutable() for maker in mutations.mutants_of(model)}  # type: ignore[attr-defined]
    assert kinds >= {
        "join kind", "predicate", "< / <=", "window order", "lag / lead", "min / max", "distinct", "coalesce", "off by a day",
        "soft-delete filter",
    }  # fmt: skip
    drawn = list(itertools.islice(mutations.draw(project.mutable(), SEED), FAULTS))
    assert [make().name for make in drawn] == [
        make().name for make in itertools.islice(mutations.draw(project.mutable(), SEED), FAULTS)
    ]
