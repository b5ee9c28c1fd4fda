"""`python -m tests.thousand --seed 1 2 3 4 5 6 7 8 9 10 --nights 100`: a night of all three CRMs after the other, compared with the truth.

One process; dbt parses the project once. It stops at a signal (Ctrl-C, SIGTERM) after the night that is under way, goes on with the next one
when it is called again, and goes on as well after it was killed. What each seed gave stands in `<out>/seed-<n>/progress.json`.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

from tests.thousand.core import Core
from tests.thousand.page import PAGE, page, table
from tests.thousand.run import go_on

#: ten companies, a hundred nights each
SEEDS, NIGHTS = tuple(range(1, 11)), 100


def main() -> int:
    """Exit code 0: every night was run and none differs from the truth; 1: one differs; 3: stopped before the last night."""
    parser = argparse.ArgumentParser(prog="python -m tests.thousand", description=__doc__)
    parser.add_argument("--nights", type=int, default=NIGHTS, help=f"nights of each seed (default {NIGHTS})")
    parser.add_argument(
        "--seed", type=int, nargs="+", default=list(SEEDS), help="seeds, one company each (default 1 to 10)"
    )
    parser.add_argument(
        "--core-every", type=int, default=10, help="build and compare core every so many nights (default 10)"
    )
    parser.add_argument("--until", help="stop after the night that is under way at this local time, HH:MM")
    parser.add_argument(
        "--out", type=Path, default=Path("build/thousand"), help="where homes are kept (default build/thousand)"
    )
    parser.add_argument("--write", action="store_true", help=f"write {PAGE}")
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    if importlib.util.find_spec("pandas") is None:
        # DuckDB looks for it on the disk with every value that it binds: a fifth of a night's time.
        sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    is_told = [False]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_told.__setitem__(0, True))
    end = _end(given.until)
    core = Core()

    def say(line: str) -> None:
        print(f"{datetime.now():%H:%M:%S} {line}", file=sys.stderr, flush=True)  # noqa: DTZ005 (for a person)

    def is_over() -> bool:
        return is_told[0] or time.time() >= end

    finished = [
        go_on(
            seed, given.nights, given.out.resolve() / f"seed-{seed}", core, core_every=given.core_every, say=say, is_over=is_over
        )
        for seed in given.seed
    ]  # fmt: skip
    print(table(finished))
    if given.write:
        PAGE.write_text(page(finished, given.nights), encoding="utf-8")
    if any(each.differences for each in finished):
        return 1
    return 0 if all(each.nights >= given.nights for each in finished) else 3


def _end(text: str | None) -> float:
    if text is None:
        return float("inf")
    hour, minute = map(int, text.split(":"))
    return datetime.now().replace(hour=hour, minute=minute, second=0).timestamp()  # noqa: DTZ005 (the machine's own clock)


if __name__ == "__main__":
    raise SystemExit(main())
