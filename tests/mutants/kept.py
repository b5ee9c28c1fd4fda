"""What became of mutants already tried, as files: a proof that was cut off goes on where it stopped, as long as nothing it rests on has changed."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from tests.mutants.mutations import Mutant
from tests.mutants.outcome import Outcome
from tests.mutants.project import Project

_TESTS = Path(__file__).parents[1]
#: whose code and companies the outcomes rest on; what is said of an outcome afterwards may change
_SOURCES = ("core", "integration", "marts", "mutants", "oracle", "scenario")
_SAID_AFTERWARDS = ("__main__.py", "explanations.py", "kept.py", "report.py")


class Kept:
    """Outcomes in a folder of `out` that is named after all that they rest on: models, data tests, unit tests, seeds, the tests' own code and companies."""

    def __init__(self, out: Path, project: Project) -> None:
        content = sha256()
        for model in project.models.values():
            content.update(repr((model.name, model.full, model.increment, model.ddl)).encode())
        for test in sorted(project.tests, key=lambda each: each.name):
            content.update(repr((test.name, test.severity, test.sql)).encode())
        content.update(repr(sorted(project.unit_tests, key=lambda each: each.name)).encode())
        sources = [
            path
            for folder in _SOURCES
            for path in (_TESTS / folder).rglob("*.*")
            if path.suffix in (".py", ".yml", ".csv", ".txt")
        ]
        for path in sorted([*sources, *project.seeds.values()]):
            if path.parent.name != "mutants" or path.name not in _SAID_AFTERWARDS:
                content.update(path.read_bytes())
        self._folder = out / content.hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)

    def _file(self, mutant: Mutant) -> Path:
        text = f"{mutant.model}\0{mutant.full}\0{mutant.increment}"
        return self._folder / f"{sha256(text.encode()).hexdigest()[:32]}.json"

    def read(self, mutant: Mutant) -> Outcome | None:
        """What became of it, if it was tried."""
        file = self._file(mutant)
        if not file.exists():
            return None
        held = json.loads(file.read_text(encoding="utf-8"))
        sets = {name: set(held.pop(name)) for name in ("errors", "warnings", "own")}
        return Outcome(mutant, **held, **sets)

    def write(self, outcome: Outcome) -> None:
        """Keeps it; the file is there whole or not at all."""
        held = {name: value for name, value in vars(outcome).items() if name != "mutant"}
        held |= {name: sorted(held[name]) for name in ("errors", "warnings", "own")}
        file = self._file(outcome.mutant)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(held), encoding="utf-8")
        unfinished.rename(file)
