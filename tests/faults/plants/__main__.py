"""`python -m tests.faults.plants`: every bug of the table planted in a copy of the tree; the tests that guard against it must be red.

`--only TEXT` takes the plants whose name holds the text. What was seen is written to a log; another call goes on with the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults.plants.plant import ROOT, Garden, Outcome, Plant
from tests.faults.plants.table import PLANTS

PAGE = ROOT / "docs" / "proofs" / "plants.md"


def main() -> int:
    """Exit code 0: every plant was tried and seen; 1: one was not seen; 3: stopped before the last."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.plants", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "plants")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many minutes")
    parser.add_argument("--only", metavar="TEXT", default="", help="the plants whose name holds this, tried again")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.jsonl"
    seen = read_log(log)
    due = [plant for plant in PLANTS if (given.only in plant.name if given.only else plant.digest not in seen)]
    end = time.monotonic() + 60 * given.minutes
    garden = Garden(folder / "tree") if due else None
    for number, plant in enumerate(due, start=1):
        if garden is None or time.monotonic() > end:
            break
        outcome = seen[plant.digest] = garden.try_plant(plant)
        with log.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        told = "red" if outcome.is_seen else f"NOT SEEN by {', '.join(outcome.unseen)}"
        print(f"{number} of {len(due)} {plant.name}: {told}, {outcome.seconds:.0f} s", file=sys.stderr)
    if given.write:
        PAGE.write_text(page(PLANTS, list(seen.values())), encoding="utf-8")
    tried = [seen[plant.digest] for plant in PLANTS if plant.digest in seen]
    if any(not one.is_seen for one in tried):
        return 1
    return 0 if len(tried) == len(PLANTS) else 3


def read_log(path: Path) -> dict[str, Outcome]:
    """The last outcome of each plant, by its digest."""
    lines = path.read_text().splitlines() if path.exists() else []
    told = [Outcome(**{name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(line).items()}) for line in lines]  # fmt: skip
    return {one.digest: one for one in told}


def page(plants: Sequence[Plant], outcomes: Sequence[Outcome]) -> str:
    """The proof as Markdown."""
    by_digest = {one.digest: one for one in outcomes}
    lines, red = [], 0
    for plant in plants:
        outcome = by_digest.get(plant.digest)
        red += outcome is not None and outcome.is_seen
        tests = ", ".join(f"`{test.partition('::')[2]}`" for test in plant.tests)
        seen = "not tried" if outcome is None else f"{len(outcome.failed)} cases" if outcome.is_seen else "**no**"
        lines.append(f"| {plant.rows} | {plant.says} | `{plant.file}` | {tests} | {seen} |")
    return f"""# Planted bugs
`make plants` puts one bug at a time into a copy of this tree and runs the tests that guard against it: each test named must be red.
`python -m tests.faults.plants --only X07` tries again those of one row. The rows are those of [what goes wrong](../reliability.md); the bugs stand in
`tests/faults/plants/`.

{red} of {len(plants)} bugs were seen by every one of their tests.

| row | bug | in | tests | red |
|---|---|---|---|---|
{chr(10).join(lines)}
"""


if __name__ == "__main__":
    raise SystemExit(main())
