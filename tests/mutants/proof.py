"""One mutant after the other through the companies: who noticed it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial

import duckdb

from tests.mutants.judges import Judges
from tests.mutants.kept import Kept
from tests.mutants.mutations import Mutant
from tests.mutants.outcome import Outcome
from tests.mutants.project import Project
from tests.mutants.scene import Fingerprint, TooSlow
from tests.mutants.unit_tests import UnitTests

#: a mutant that takes longer than this would keep the night from ending
SECONDS = 20.0
#: what DuckDB says of SQL that cannot be: no night would begin with it
_NO_SQL = (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException, duckdb.NotImplementedException)


def try_mutant(
    mutant: Mutant, project: Project, scenes: Sequence[Judges], unit_tests: UnitTests | None = None
) -> Outcome:
    """Asks scene after scene until a shipped data test fails, then the model's unit tests."""
    outcome = Outcome(mutant)
    started = time.monotonic()
    texts = {mutant.model: (mutant.full, mutant.increment)}
    for judges in scenes:
        scene = judges.scene
        if not scene.built(project.models[mutant.model]):
            continue
        try:
            with scene.within(SECONDS):
                whole = scene.rebuild(texts)
                _ask(judges, scene.nights - 1, whole, outcome=outcome)
                if not outcome.is_refused and scene.nights > 1 and mutant.model in scene.lasting:
                    relived = scene.relive(texts, partial(_ask, judges, outcome=outcome))
                    if relived != whole:
                        outcome.own.add("verify: increments equal a rebuild")
        except TooSlow as late:
            outcome.refusal = str(late)
            outcome.has_effect = True
        except _NO_SQL:
            outcome.is_stillborn = True
        except duckdb.Error as failure:
            outcome.refusal = " ".join(str(failure).split())[:120]
            outcome.has_effect = True
        if outcome.is_refused or outcome.is_stillborn:
            break
    if unit_tests is not None and not outcome.is_refused and not outcome.is_stillborn:
        failed = unit_tests.found(mutant)
        if failed:
            outcome.has_effect = True
            outcome.own.add(failed)
    outcome.seconds = time.monotonic() - started
    return outcome


def _ask(
    judges: Judges, night: int, dirty: dict[str, Fingerprint], stale: Set[str] = frozenset(), *, outcome: Outcome
) -> None:
    if not dirty:
        return
    outcome.has_effect = True
    for test in judges.found_by_shipped(night, dirty, stale):
        (outcome.errors if test.severity == "error" else outcome.warnings).add(test.label)
    if night == judges.scene.nights - 1 and not outcome.own:
        own = judges.found_by_own(dirty)
        if own:
            outcome.own.add(own)


def prove(
    makers: Iterable[Callable[[], Mutant]],
    limit: int,
    project: Project,
    scenes: Sequence[Judges],
    report: Callable[[Outcome, int], None] = lambda outcome, number: None,
    unit_tests: UnitTests | None = None,
    kept: Kept | None = None,
) -> list[Outcome]:
    """The first `limit` mutants that are SQL at all; 0 = all of them. Two that read the same are one."""
    outcomes: list[Outcome] = []
    seen: set[tuple[str, str, str]] = set()
    for make in makers:
        mutant = make()
        text = (mutant.model, mutant.full, mutant.increment)
        if text in seen:
            continue
        seen.add(text)
        outcome = kept.read(mutant) if kept else None
        if outcome is None:
            outcome = try_mutant(mutant, project, scenes, unit_tests)
            if kept:
                kept.write(outcome)
        if outcome.is_stillborn:
            continue
        outcomes.append(outcome)
        report(outcome, len(outcomes))
        if limit and len(outcomes) >= limit:
            break
    return outcomes
