"""`python -m tests.faults.kills.readers`: opens the published marts again and again, as analysts do, while nights are killed around it.

Each line on the standard input is JSON: `{"home", "nights", "tables"}` begins to poll that home, `{}` stops and answers `{"polls", "errors"}` on a line.
`tables` are `{table: columns}`, `nights` the answers that one whole night or the other gives; anything else, an error or a mixture, is written down.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from warehouse.database import reader

#: between two polls, seconds: two cores are shared with the night
_PAUSE = 0.1


def answer(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> list[str]:
    """One short text per table, all of them seen through one opening of the file."""
    return [
        str(
            connection.execute(
                f"select count(*) || ' ' || coalesce(sum(hash(each)), 0) from (select {columns} from \"{table}\") as each"
            ).fetchall()[0][0]
        )
        for table, columns in tables.items()
    ]


def poll(link: Path, tables: dict[str, str], number: int) -> list[str]:
    """Every other time as the product's own readers open it, else as any program does that knows DuckDB and the link."""
    if number % 2:
        with reader(link) as connection:
            return answer(connection, tables)
    with duckdb.connect(str(link), read_only=True) as connection:
        return answer(connection, tables)


def main() -> int:
    """Until the standard input ends."""
    wanted: dict[str, Any] = {}
    polls, errors = 0, list[str]()
    while True:
        is_told, _, _ = select.select([sys.stdin], [], [], _PAUSE if wanted else None)
        if is_told:
            line = sys.stdin.readline()
            if not line:
                return 0
            wanted = json.loads(line)
            if not wanted:
                print(json.dumps({"polls": polls, "errors": errors}), flush=True)
            polls, errors = 0, []
            continue
        polls += 1
        try:
            seen = poll(Path(wanted["home"]) / "published" / "marts.duckdb", wanted["tables"], polls)
            if seen not in wanted["nights"]:
                errors.append(f"poll {polls}: no night says {seen}")
        except Exception as error:  # noqa: BLE001  (whatever it is, a reader must not meet it)
            errors.append(f"poll {polls} at {time.time():.3f}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
