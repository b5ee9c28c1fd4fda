"""Two DuckDB files held against each other."""

from pathlib import Path

import duckdb


def differences(before: Path, after: Path, tables: list[str]) -> list[str]:
    """The tables that differ in any row or column, with a row of each side."""
    found = []
    with duckdb.connect() as connection:
        for name, path in (("before", before), ("after", after)):
            connection.execute(f"attach '{path}' as {name} (read_only)")
        for table in tables:
            for one, other in (("before", "after"), ("after", "before")):
                rows = connection.execute(f"from {one}.{table} except all from {other}.{table} limit 1").fetchall()
                found += [f"{table}, only {one}: {row}" for row in rows]
    return found
