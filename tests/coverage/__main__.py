"""`python -m tests.coverage --companies 200 --write`: how many companies' 95 % intervals hold the true value; goes on where it was stopped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.coverage import companies, proof

PAGE = Path(__file__).parents[2] / "docs" / "proofs" / "coverage.md"


def main() -> int:
    """Exit code 0: every parameter is held by 90 to 99 % of the intervals and the textbooks miss; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--companies", type=int, default=200, help="companies, of the seeds 1, 2, 3 … (default 200)")
    parser.add_argument("--batch", type=int, default=25, help="companies in one warehouse (default 25)")
    parser.add_argument(
        "--size", type=int, default=companies.DEALS, help=f"deals of a company (default {companies.DEALS})"
    )
    parser.add_argument(
        "--truth", type=int, default=1_000_000, help="deals of the company that tells the truth (default 1000000)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/coverage"), help="where batches are kept (default build/coverage)"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    truth = proof.kept_truth(given.out, given.truth)
    found = []
    for first in range(1, given.companies + 1, given.batch):
        last = min(first + given.batch - 1, given.companies)
        print(f"companies {first} to {last} …", file=sys.stderr, flush=True)
        found += proof.kept_batch(given.out, range(first, last + 1), given.size)
    table = proof.cover(found, truth)
    command = f"python -m tests.coverage --companies {given.companies} --batch {given.batch} --size {given.size} --truth {given.truth}"
    page = proof.report(table, truth, given.companies, command)
    print(page)
    if given.write:
        PAGE.write_text(page, encoding="utf-8")
    return 1 if proof.failures(table, given.companies) else 0


if __name__ == "__main__":
    raise SystemExit(main())
