"""`python -m tests.mutants --limit 400 --seed 1`: plant faults in the SQL of core and marts and count who notices."""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
from pathlib import Path

from tests.mutants import companies, mutations, report
from tests.mutants import judges as judging
from tests.mutants.kept import Kept
from tests.mutants.outcome import Outcome
from tests.mutants.project import Project, compile_project
from tests.mutants.proof import prove
from tests.mutants.unit_tests import UnitTests

PAGE = Path(__file__).parents[2] / "docs" / "proofs" / "mutants.md"


def scenes(project: Project, folder: Path, seed: int) -> list[judging.Judges]:
    """The five companies with their tests, the quickest first."""
    answers, histories, learned = companies.drawn_for_the_marts(project, folder / "answers", seed, 250)
    market, drawn = companies.drawn_for_the_market(project, folder / "market", seed, 250)
    by_hand, leads = companies.by_hand(project, folder / "by_hand")
    scenario = companies.worked_out_by_hand(project, folder / "scenario")
    oracle, nights = companies.told_by_the_oracle(project, folder / "oracle", seed, 400)
    return [
        judging.judges(answers, project.tests, judging.of_the_marts(answers, histories, learned)),
        judging.judges(market, project.tests, judging.of_the_market(market, drawn)),
        judging.judges(scenario, project.tests, judging.of_the_scenario(scenario)),
        judging.judges(by_hand, project.tests, judging.of_the_ledger(by_hand, leads)),
        judging.judges(oracle, project.tests, judging.of_the_oracle(oracle, nights)),
    ]


def main() -> int:
    """Exit code 0: the goals are met and every survivor is explained; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--limit", type=int, default=400, help="mutants to try, every kind in turn; 0 = all (default 400)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="which mutants are drawn, and of which companies (default 1)"
    )
    parser.add_argument("--models", nargs="+", default=["*"], help="names of models, or patterns like mart_sales__*")
    parser.add_argument(
        "--out", type=Path, default=Path("build/mutants"), help="where outcomes are kept (default build/mutants)"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        project = compile_project(Path(folder) / "project")
        models = [
            model for model in project.mutable() if any(fnmatch.fnmatch(model.name, each) for each in given.models)
        ]
        if not models:
            print(f"No model of core or marts is called {' or '.join(given.models)}.", file=sys.stderr)
            return 2
        judges = scenes(project, Path(folder), 1)
        scenario = next(each.scene for each in judges if each.scene.name == "scenario")
        unit_tests = UnitTests(scenario, project)
        for left_out in unit_tests.left_out:
            print(f"not asked: {left_out}", file=sys.stderr)
        for each in judges:
            for left_out in each.left_out:
                print(f"{each.scene.name}: not asked: {left_out}", file=sys.stderr)
        kept = Kept(given.out, project)
        sites = sum(len(mutations.mutants_of(model)) for model in models)
        outcomes = prove(mutations.draw(models, given.seed), given.limit, project, judges, _tell, unit_tests, kept)
    seconds = sum(each.seconds for each in outcomes)
    print(report.summary(outcomes, sites, given.seed, seconds))
    for outcome in outcomes:
        if not outcome.is_dead and not report.is_equivalent(outcome):
            known = "explained" if outcome not in report.unexplained(outcomes) else "NOT EXPLAINED"
            print(f"survives ({known}{'' if outcome.has_effect else ', without effect'}): {outcome.mutant.name}")
    if given.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(report.page(outcomes, sites, given.seed, seconds), encoding="utf-8")
    return 0 if report.is_proved(outcomes) else 1


def _tell(outcome: Outcome, number: int) -> None:
    if not outcome.is_seen and not report.is_equivalent(outcome):
        who = ", ".join(outcome.own) or ("nobody" if outcome.has_effect else "nobody, no row differs")
        print(f"{number}: not noticed by what is shipped ({who}): {outcome.mutant.name}", file=sys.stderr, flush=True)
    if number % 20 == 0:
        print(f"{number} mutants …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
