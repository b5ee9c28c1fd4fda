"""`python -m tests.semantic`: `mf query` against `mart_metrics__values`, on the demonstration company's first night."""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from tests.demonstration import first_night
from tests.semantic.compare import compare
from tests.semantic.layer import prepare


def main() -> int:
    """Exit code 0: both say the same; 1: they differ somewhere, and where."""
    parser = argparse.ArgumentParser(prog="python -m tests.semantic", description=__doc__)
    parser.add_argument("--marts", type=Path, help="a published file instead of a demonstration built anew")
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="semantic-") as folder:
        marts = given.marts or first_night(Path(folder)).published_dir / "marts.duckdb"
        compared = compare(prepare(Path(folder) / "layer", marts.resolve()))
    for difference in compared.differences[:50]:
        print(difference)
    print(
        f"{len(compared.metrics)} metrics, {compared.figures:,} figures compared, {len(compared.differences):,} differ."
    )
    return 1 if compared.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
