"""What became of mutants already tried, as files: a proof that was cut off goes on where it stopped, as long as what an outcome rests on has not changed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tests.mutants.mutations import Mutant
from tests.mutants.outcome import Outcome
from tests.mutants.project import Project

_TESTS = Path(__file__).parents[1]
#: whose code and rows the companies are made of, and who tries the mutants
_COMPANIES = (
    "core",
    "marts",
    "mutants",
    "oracle",
    "scenario",
    "integration/test_lead_ledger.py",
    "integration/test_marts_flow.py",
)
#: who judges beside the shipped data tests
_JUDGES = ("integration", "mutants/judges.py", "mutants/unit_tests.py", "mutants/fixtures.py")
#: what is said of an outcome afterwards, and what is in the project that is asked itself
_NOT_ASKED = ("__main__.py", "explanations.py", "kept.py", "project.py", "report.py")


class Kept:
    """Outcomes in a folder of `out` that is named after the models, the seeds and the companies.

    A mutant that a shipped data test noticed is not tried again while that test stands as it stood: other judges could only notice it as well.
    One that no shipped test noticed is tried again when any judge has changed or come.
    """

    def __init__(self, out: Path, project: Project) -> None:
        companies, judges = sha256(), sha256()
        for model in project.models.values():
            companies.update(repr((model.name, model.full, model.increment, model.ddl)).encode())
        own = {*_files(_JUDGES)} - {_TESTS / each for each in _COMPANIES}
        for path in sorted({*_files(_COMPANIES), *project.seeds.values()} - own):
            companies.update(path.read_bytes())
        labels: dict[str, list[str]] = defaultdict(list)
        for test in sorted(project.tests, key=lambda each: each.name):
            judges.update(repr((test.name, test.severity, test.sql)).encode())
            labels[test.label].append(f"{test.severity} {test.sql}")
        judges.update(repr(sorted(project.unit_tests, key=lambda each: each.name)).encode())
        for path in sorted(own):
            judges.update(path.read_bytes())
        self._tests = {label: sha256("\0".join(texts).encode()).hexdigest()[:16] for label, texts in labels.items()}
        self._judges = judges.hexdigest()[:16]
        self._folder = out / companies.hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)

    def _file(self, mutant: Mutant) -> Path:
        text = f"{mutant.model}\0{mutant.full}\0{mutant.increment}"
        return self._folder / f"{sha256(text.encode()).hexdigest()[:32]}.json"

    def read(self, mutant: Mutant) -> Outcome | None:
        """What became of it, if it was tried and that still holds."""
        file = self._file(mutant)
        if not file.exists():
            return None
        held = json.loads(file.read_text(encoding="utf-8"))
        judges, tests = held.pop("judges"), held.pop("tests")
        sets = {name: set(held.pop(name)) for name in ("errors", "warnings", "own")}
        outcome = Outcome(mutant, **held, **sets)
        holds = judges == self._judges or outcome.is_stillborn
        refused = outcome.is_refused and all(self._tests.get(label) == text for label, text in tests.items())
        return outcome if holds or refused else None

    def write(self, outcome: Outcome) -> None:
        """Keeps it; the file is there whole or not at all."""
        held = {name: value for name, value in vars(outcome).items() if name != "mutant"}
        held |= {name: sorted(held[name]) for name in ("errors", "warnings", "own")}
        held |= {"judges": self._judges, "tests": {label: self._tests.get(label) for label in held["errors"]}}
        file = self._file(outcome.mutant)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(held), encoding="utf-8")
        unfinished.rename(file)


def _files(places: Iterable[str]) -> Iterable[Path]:
    for place in places:
        for path in [_TESTS / place] if (_TESTS / place).is_file() else (_TESTS / place).rglob("*.*"):
            rests_on_it = path.parent.name != "mutants" or path.name not in _NOT_ASKED
            if path.suffix in (".py", ".yml", ".csv", ".txt") and rests_on_it:
                yield path
