"""`python -m tests.metrics_page`: docs/metrics.md from the marts' YAML and the demonstration company's answers, and the answers of docs/analysts.md."""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import duckdb

from tests.demonstration import first_night
from tests.metrics_page.analysts import fill
from tests.metrics_page.entries import entries
from tests.metrics_page.page import render

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ANALYSTS = PAGE.with_name("analysts.md")


def main() -> int:
    """Writes both pages; prints them without --write."""
    parser = argparse.ArgumentParser(prog="python -m tests.metrics_page", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/metrics.md and docs/analysts.md")
    parser.add_argument("--marts", type=Path, help="ask this published file instead of a demonstration built anew")
    given = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="metrics-page-") as folder:
        marts = given.marts or first_night(Path(folder)).published_dir / "marts.duckdb"
        with duckdb.connect(str(marts), read_only=True) as connection:
            pages = {PAGE: render(entries(), connection), ANALYSTS: fill(ANALYSTS.read_text(), connection)}
    for path, text in pages.items():
        if given.write:
            path.write_text(text)
        else:
            print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
