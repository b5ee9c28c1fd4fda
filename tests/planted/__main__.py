"""`python -m tests.planted --per-kind 100`: plants source faults, builds, and prints which of the shipped data tests caught which."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from tests.planted.faults import KINDS, SOURCES
from tests.planted.proof import judge, plant, tally
from tests.planted.report import shortfalls, table

PAGE = Path(__file__).resolve().parents[2] / "docs/proofs/planted-faults.md"
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.DOTALL)


def main() -> int:
    """Exit code 0: every kind reaches the goal and nothing healthy was named; 1: sentences say what does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    parser.add_argument("--per-kind", type=int, default=100, help="faults of each kind in each source (default 100)")
    parser.add_argument("--deals", type=int, default=1200, help="deals in accounts without a fault (default 1200)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed plants the same faults (default 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/planted"), help="where the warehouse is built (default build/planted)"
    )
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = parser.parse_args()
    began = time.monotonic()
    cases = plant(given.seed, given.per_kind, given.deals)
    print(f"{len(cases)} accounts, {3 * len(cases)} deals, two nights …", file=sys.stderr, flush=True)
    shutil.rmtree(given.out, ignore_errors=True)
    with redirect_stdout(sys.stderr):
        judge(cases, given.out.resolve())
    judged, sentences = tally(cases)
    sentences += shortfalls(judged)
    healthy = sum(case.kind is None for case in cases)
    words = (
        f"`python -m tests.planted --per-kind {given.per_kind} --deals {given.deals} --seed {given.seed}`: "
        f"{len(cases) - healthy:,} faults of {len(KINDS)} kinds in {len(SOURCES)} kinds of source, each in an account of its own beside two "
        f"healthy deals, and {healthy} accounts without a fault. Evident faults caught: {sum(row.caught for row in judged):,} of "
        f"{sum(row.evident for row in judged):,}. Healthy accounts named: {sum('healthy' in each for each in sentences)}."
    )
    text = f"{words}\n\n{table(judged)}\n"
    print(text)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    for sentence in sentences[:100]:
        print(sentence)
    if given.write and not sentences:
        PAGE.write_text(_TABLE.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.rmtree(given.out, ignore_errors=True)
    return 1 if sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
