"""`python -m tests.oracle --deals 10000 --batch 2500 --seed 1`: the long proof, in batches, resumable."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from tests.oracle.histories import KINDS, LATER_KINDS
from tests.oracle.proof import SHOWN, NightFailed, Result, page, prove_company, table

PAGE = Path(__file__).parents[2] / "docs" / "proofs" / "oracle.md"


def main() -> int:
    """Exit code 0: no difference and every kind covered; 1: differences, printed; a failed night ends the run with 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--deals", type=int, default=10_000, help="histories in all (default 10000)")
    parser.add_argument("--batch", type=int, default=2_500, help="histories per build (default 2500)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first batch; batch n has seed + n")
    parser.add_argument(
        "--out", type=Path, default=Path("build/oracle"), help="where batches are kept (default build/oracle)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders and databases of finished batches")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    results: list[Result] = []
    start = 0
    while start < given.deals:
        count = min(given.batch, given.deals - start)
        seed = given.seed + start // given.batch
        start += count
        kept = given.out / f"seed-{seed}-deals-{count}.json"
        if not kept.exists():
            print(f"seed {seed}: {count} deals, two nights …", file=sys.stderr, flush=True)
            work = given.out / f"seed-{seed}"
            shutil.rmtree(work, ignore_errors=True)  # what an interrupted batch left
            work.mkdir(parents=True)
            try:
                batch = prove_company(seed, count, work.resolve())
            except NightFailed as failure:
                print(f"seed {seed}: {failure}\nIts folders are in {work}.", file=sys.stderr)
                return 1
            kept.write_text(json.dumps([asdict(result) for result in batch], indent=1), encoding="utf-8")
            if not given.keep and not any(result.differences for result in batch):
                shutil.rmtree(work)
        results += [Result(**result) for result in json.loads(kept.read_text(encoding="utf-8"))]
    differences = [f"seed {r.seed}, night {r.night}: {sentence}" for r in results for sentence in r.differences]
    absent = (KINDS.keys() | LATER_KINDS.keys() | SHOWN) - {kind for r in results for kind in (*r.kinds, *r.shown)}
    told = "\n".join([
        table(results),
        *(["", "Differences (the first hundred):", "", *(f"- {line}" for line in differences[:100])] if differences else []),
        *(["", f"Kinds never seen: {', '.join(sorted(absent))}. Take more deals."] if absent else []),
    ])  # fmt: skip
    print(told)
    if given.write:
        PAGE.write_text(
            page(told, f"--deals {given.deals} --batch {given.batch} --seed {given.seed}"), encoding="utf-8"
        )
    return 1 if differences or absent else 0


if __name__ == "__main__":
    raise SystemExit(main())
