"""Is the replayed night the build it pretends to be? Then it leaves what a rebuild of the same raw rows gives."""

from __future__ import annotations

from pathlib import Path

import duckdb

#: the night's files that hold what is published
_PUBLISHED = ("marts", "detail")
#: when and by which run something was learned is the business of the runs, as the ops tables are
_RUN_COLUMNS = ("run_id", "known_at")
_RUN_TABLES = "mart_ops__"
#: sums of floating-point numbers depend on their order from this digit on
_DIGITS = 6

#: table → number of rows, sum of their hashes
Fingerprints = dict[str, tuple[int, int | None]]


def require_equal(night: Path, rebuilt: Path) -> int:
    """Compares every published table of two folders by the number and the fingerprint of its rows; returns how many there are.

    Raises SystemExit that names the tables in which they differ: then the figures of the night mean nothing.
    """
    one, other = (
        {table: print_ for name in _PUBLISHED for table, print_ in fingerprints(folder / f"{name}.duckdb").items()}
        for folder in (night, rebuilt)
    )
    differing = sorted(table for table in one.keys() | other.keys() if one.get(table) != other.get(table))
    if differing:
        raise SystemExit(
            f"The replayed night is not what a rebuild of the same raw rows gives: {', '.join(differing)} differ. Its figures"
            f" mean nothing. Either a model's increments are wrong (watertight verify) or the statements were not recorded whole."
        )
    return len(one)


def require_same_rows(found: dict[str, Fingerprints], one: str, other: str) -> None:
    """Raises SystemExit where two pieces of work that are held against each other came to different rows."""
    if found[one] != found[other]:
        raise SystemExit(
            f"{one} and {other} give different rows: {found[one]} and {found[other]}. Their ratio means nothing."
        )


def fingerprints(file: Path) -> Fingerprints:
    """Number of rows and fingerprint of every table of a file, whatever the order of its rows."""
    found: Fingerprints = {}
    with duckdb.connect(str(file), read_only=True) as connection:
        columns: dict[str, list[str]] = {}
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main' and not internal order by all"
        ).fetchall():
            if column not in _RUN_COLUMNS and not table.startswith(_RUN_TABLES):
                value = f'round("{column}", {_DIGITS})' if kind == "DOUBLE" else f'"{column}"'
                columns.setdefault(table, []).append(value)
        for table, values in columns.items():
            # A sum, so that neither the order of the rows matters nor a row that stands twice is lost.
            row = connection.execute(f'select count(*), sum(hash({", ".join(values)})) from main."{table}"').fetchone()
            assert row
            found[table] = (row[0], row[1])
    return found
