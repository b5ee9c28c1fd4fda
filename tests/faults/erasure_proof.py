"""A hundred persons erased from the demonstration company, with the whole project: `make erasure`.

They are chosen among those whose full name nobody else bears, and are looked for afterwards by a search of its own (test_erasure), in every byte
of every file, unpacked, and every value of every table. Every published table is compared, row for row, with that of the night before.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

from extractors.core.settings import Settings
from tests.demonstration import first_night
from tests.faults.test_erasure import traces_of
from watertight import erasure

PAGE = Path(__file__).parents[2] / "docs" / "proofs" / "erasure.md"
#: columns that tell by which run something was learned; the ops tables are about the runs themselves
_RUN_COLUMNS = ("run_id", "known_at")
PERSONS = 100


class Person(NamedTuple):
    full_name: str
    email: str
    phone: str


def main() -> None:
    """Erases, searches, compares; with --write the page is written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/proofs/erasure.md")
    arguments = parser.parse_args()
    Settings.model_config["env_file"] = None
    with tempfile.TemporaryDirectory() as place:
        settings = first_night(Path(place))
        before = Path(place) / "before.duckdb"
        shutil.copyfile(settings.published_dir / "marts.duckdb", before)
        persons = choose(settings)
        words = [text for person in persons for text in person]
        held = traces_of(settings.home, words)
        started = time.process_time()
        receipt = erasure.erase_persons(settings, [person.email for person in persons], [], lambda line: None)
        seconds = time.process_time() - started
        left = traces_of(settings.home, words)
        tables, differing = compare(before, settings.published_dir / "marts.duckdb")
    lines = [
        "# A hundred persons erased",
        "Written by `make erasure`: the demonstration company's first night, and the erasure of persons by their address.",
        "",
        "| what | figure |",
        "|---|---|",
        f"| persons | {len(persons)} |",
        f"| records of theirs, contacts and leads | {sum(receipt['records'].values())} |",
        f"| files and columns in which they stood before | {len(held)} |",
        f"| files and columns in which they stand now | {len(left)} |",
        f"| files searched, unpacked | {receipt['searched']['files']} |",
        f"| tables searched | {receipt['searched']['tables']} |",
        f"| published tables compared | {tables} |",
        f"| of these with another row than before | {len(differing)} |",
        f"| processor time of it all, seconds | {seconds:.0f} |",
        "",
        *differing,
    ]
    print("\n".join(lines))
    if arguments.write:
        PAGE.write_text("\n".join(lines).rstrip("\n") + "\n")
    if left or differing or not held:
        raise SystemExit("Somebody is still held, or a figure changed.")


def choose(settings: Settings) -> list[Person]:
    """Persons with an address whose full name no other contact, lead or seller bears."""
    with duckdb.connect(str(settings.published_dir / "detail.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{settings.published_dir / 'marts.duckdb'}' as marts (read_only)")
        rows = connection.execute(
            """select full_name, email, phone from dim_contact_details
            where email is not null and phone is not null and full_name not in (select owner_name from marts.dim_owners)
                and full_name in (select full_name from dim_contact_details group by 1 having count(*) = 1)
            order by all limit $1""",
            [PERSONS],
        ).fetchall()
    assert len(rows) == PERSONS
    return [Person(*row) for row in rows]


def compare(before: Path, after: Path) -> tuple[int, list[str]]:
    """How many tables there are, and a line for each that differs."""
    differing = []
    with duckdb.connect() as connection:
        for name, path in (("before", before), ("after", after)):
            connection.execute(f"attach '{path}' as \"{name}\" (read_only)")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'before' and not table_name like 'mart_ops__%' order by all"
        ).fetchall()
        for (table,) in tables:
            columns = [
                f'"{row[0]}"'
                for row in connection.execute(
                    "select column_name from duckdb_columns() where database_name = 'before' and table_name = $1",
                    [table],
                ).fetchall()
                if row[0] not in _RUN_COLUMNS
            ]
            names = ", ".join(columns)
            for one, other in (("before", "after"), ("after", "before")):
                rows = connection.execute(
                    f'select count(*) from (select {names} from "{one}".{table} except all select {names} from "{other}".{table})'
                ).fetchall()
                if rows[0][0]:
                    differing.append(f"- {table}: {rows[0][0]} rows only {one}")
    return len(tables), differing


if __name__ == "__main__":
    main()
