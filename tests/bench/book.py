"""The runs of one part, written down after every round: a measurement that was cut goes on after its last whole round."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.bench.measure import Run

#: name of a piece → its runs, in the order of the rounds
Runs = dict[str, list[Run]]


class Book:
    """`runs` of `rounds` whole rounds, and of the one that is under way."""

    def __init__(self, file: Path) -> None:
        """Goes on with what `file` holds; begins anew where there is no such file."""
        self._file = file
        self.rounds = 0
        self.runs: Runs = {}
        if file.exists():
            held = json.loads(file.read_text())
            self.rounds = held["rounds"]
            self.runs = {name: [Run(**run) for run in runs] for name, runs in held["runs"].items()}

    def keep(self, name: str, run: Run) -> None:
        """Enters a run of the round that is under way."""
        self.runs.setdefault(name, []).append(run)

    def close_round(self) -> None:
        """The round is whole: writes everything down."""
        self.rounds += 1
        runs = {name: [asdict(run) for run in each] for name, each in self.runs.items()}
        # By renaming, so that a kill leaves the rounds before.
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(json.dumps({"rounds": self.rounds, "runs": runs}))
        temporary.replace(self._file)
