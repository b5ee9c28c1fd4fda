"""`python -m tests.nights --nights 30 --size 450 --seed 57`: real nights on the simulated CRM, compared with the truth, ended by `verify`.

Everything runs in this process: dbt parses the project once. A run that is cut off goes on with the night after the last finished one; the
state of each seed lies in `<out>/seed-<n>`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from tests.nights.page import PAGE, page, report, unshown
from tests.nights.run import Plan, Progress, go_on


def main() -> int:
    """Exit code 0: no difference to the truth, every warehouse equals its rebuild, and there was something to put right; 1: otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.nights", description=__doc__)
    parser.add_argument("--nights", type=int, default=30, help="nights of each seed (default 30)")
    parser.add_argument("--size", type=int, default=450, help="deals of the company on its first night (default 450)")
    parser.add_argument("--seed", type=int, nargs="+", default=[57], help="seeds, one company each (default 57)")
    parser.add_argument(
        "--build-every", type=int, default=1, help="build and publish every so many nights, and on the last (default 1)"
    )
    parser.add_argument(
        "--compare-every",
        type=int,
        default=10,
        help="compare the facts with the truth every so many nights, and on the last (default 10)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/nights"), help="where homes are kept (default build/nights)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the homes of finished seeds")
    parser.add_argument("--write", action="store_true", help="write docs/proofs/thirty-nights.md")
    given = parser.parse_args()
    plan = Plan(given.nights, given.size, given.build_every, given.compare_every)
    finished: list[Progress] = []
    for seed in given.seed:
        place = given.out.resolve() / f"seed-{seed}"
        progress = go_on(plan, seed, place, lambda line: print(line, file=sys.stderr, flush=True))
        finished.append(progress)
        if not given.keep and progress.is_good:
            for name in ("company", "home"):
                shutil.rmtree(place / name, ignore_errors=True)
    print(report(finished))
    absent = unshown(finished)
    if absent:
        print(f"Not shown by these nights: {', '.join(absent)}. Take more nights, a larger company or another seed.")
    is_good = all(progress.is_good for progress in finished) and not absent
    if given.write and is_good:
        PAGE.write_text(page(plan, finished), encoding="utf-8")
    return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
