"""CPU seconds and peak memory of pieces of work, and what several rounds of them say together."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """One run of one piece: user + sys seconds of its process tree without the imports and the opening of its files, peak resident MB, seconds by step."""

    cpu: float
    peak_mb: float
    steps: dict[str, float]


@dataclass(frozen=True)
class Figure:
    """The median of some rounds, and the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        return cls(statistics.median(values), min(values), max(values))


def run(folder: Path, spec: dict[str, Any]) -> Run:
    """Runs one piece in a new process. Raises RuntimeError with its message when it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(spec))
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.piece", str(folder / "spec.json")], stdout=out, stderr=err, cwd=ROOT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError((folder / "err").read_text()[-3000:])
    answer = json.loads((folder / "out").read_text())
    return Run(used.ru_utime + used.ru_stime - answer["idle"], answer["peak_kb"] / 1024, answer["steps"])
