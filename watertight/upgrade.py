"""The command `watertight upgrade`."""

from __future__ import annotations

import click
import duckdb

from warehouse import upgrade as files
from watertight.session import leased, session


@click.command()
@click.option("--undo", "is_undone", is_flag=True, help="Put the files of before the last upgrade back.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def upgrade(is_undone: bool, as_json: bool) -> None:
    """Write the warehouse's files anew with the DuckDB that is installed now; the files of before are kept."""
    with session("upgrade", as_json=as_json) as current, leased(current) as lease:
        if is_undone:
            with current.progress.step("Put back") as result:
                names = files.undo(current.settings, lease)
                result.text = ", ".join(names)
            current.answer({"put_back": names}, lambda: None)
            return
        with current.progress.step(f"Copy for DuckDB {duckdb.__version__}") as result:
            rows = files.upgrade(current.settings, lease, current.progress.say)
            result.text = f"{len(rows)} files, {sum(rows.values()):,} rows"
        current.answer({"duckdb": duckdb.__version__, "rows": rows}, lambda: None)
