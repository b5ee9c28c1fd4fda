"""`python -m tests.publications`: twenty readers poll what is published through fifty publications; writes docs/proofs/readers.md."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from extractors.core.settings import Settings
from tests.publications.nights import poll_through

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs" / "readers.md"
_WORDS = """# Readers while nights are published
`make readers` publishes small nights one after the other, with the product's own code, while readers in processes of their own poll the folder with DuckDB and
the links alone. Each look opens the marts and the detail file by their links, reads two tables and the run in each, the page and the manifest, and then the files
that the manifest names. A reader complains when a file cannot be opened, when two tables of a file are of different nights, when the manifest, the page, the marts
and the detail file are not of nights in that order (the detail file is never behind the marts, the marts never behind the page), when the files that a manifest
names are not all of its night, and when a night is followed by an earlier one. `tests/integration/test_publish.py` does the same in small.
"""


def main() -> int:
    """Exit code 0: no reader met anything; an AssertionError says what one met."""
    parser = argparse.ArgumentParser(prog="python -m tests.publications", description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--publications", type=int, default=50)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(PAGE.parents[2])}")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        settings = Settings(_env_file=None, home_dir=home, files_dir=home, keep_publications=20)  # type: ignore[call-arg]
        polls = poll_through(settings, given.readers, given.publications, seconds_between=1)
    text = (
        f"| readers | publications | looks | fewest of one reader | errors | mixed nights | seconds | DuckDB |\n|---|---|---|---|---|---|---|---|\n"
        f"| {given.readers} | {given.publications} | {sum(polls):,} | {min(polls)} | 0 | 0 | {time.monotonic() - began:.0f} | {duckdb.__version__} |"
    )
    print(text)
    if given.write:
        PAGE.write_text(f"{_WORDS}\n{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
