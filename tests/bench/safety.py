"""`python -m tests.bench.safety`: what all safety together costs of a night's processor time, by switching it off here and nowhere else.

The night is the second one of a large company as HubSpot gives it, half a per cent of whose deals changed: from records to landing files, loaded, built with
the whole project, verified and published by the product's own steps. No request is made: with them a night would cost more and safety no more. What was
measured is kept below the folder, and a command that was stopped goes on; `--write` writes docs/proofs/safety.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from extractors.core.landing import LandingWriter
from extractors.core.settings import Settings, read_settings
from extractors.core.spec import Record
from simulator import pipelines
from tests.bench import bases, company
from tests.bench.measure import ROOT
from tests.bench.safety_page import PAGE, page
from warehouse.database import WAREHOUSE_OPTIONS
from watertight import night as steps

SIZES = (2_000, 50_000)
ROUNDS = 5
#: without the CRM's own date of the first stage, which the made-up histories, where a stage may be entered twice in a row, do not agree with
_PAYLOAD = f"""json_merge_patch(payload, '{{"properties": {{"hs_v2_date_entered_{pipelines.STAGES[0].id}": null}}}}')"""
#: what the made-up news date back may stand between two pipelines, where the data tests do not believe it
_IN_ONE_PIPELINE = (
    "and len(list_distinct(json_extract_string(payload, '$.propertiesWithHistory.pipeline[*].value'))) = 1"
)
_RESOURCES = ("owners", "deal_pipelines", "companies", "contacts", "leads", "deals", "calls")


def settings_of(home: Path) -> Settings:
    """Nothing is ever asked of the source."""
    return read_settings(home_dir=home, hubspot_token="never sent", _env_file=None)


def prepare(folder: Path, deals: int) -> None:
    """`home`: the first night, published. `before`: a copy of it. `news`: the second night's records, a file of lines for each resource."""
    shutil.rmtree(folder, ignore_errors=True)
    settings = settings_of(folder / "home")
    made = company.create(folder / "made", deals)
    settings.home.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{made}' as made (read_only); attach '{settings.warehouse_file}' as own {WAREHOUSE_OPTIONS}"
        )
        connection.execute("copy from database made to own")
        connection.execute(f"update own.raw.hubspot__deals set payload = {_PAYLOAD}")
        connection.execute(
            "update own.raw._loads set cursor_to = timestamp '2026-06-01 01:55:00', rows_new = 0, rows_vanished = 0"
        )
        tables = "select table_name from duckdb_tables() where database_name = 'own' and schema_name = 'raw' and not starts_with(table_name, '_')"
        for (table,) in connection.execute(
            tables
        ).fetchall():  # a night begins by holding the rows against what the loads brought
            connection.execute(f"""update own.raw._loads as load
                set rows_new = rows_new + (select count(*) from own.raw."{table}" as kept where kept._load_number = load.load_number)""")
        connection.execute("checkpoint own")
    plan = steps.plan(settings, ["hubspot"], one_process=True)
    for step in (steps.build, steps.verify, steps.publish):
        step(settings, plan["run_id"])
    company.add_night(folder / "made", deals, max(20, int(deals * bases.DELTA)))
    (folder / "news").mkdir()
    with duckdb.connect(str(made), read_only=True) as connection:
        for resource in _RESOURCES:
            connection.execute(f"""
                copy (from raw.hubspot__{resource} select _source_id, strftime(_source_updated_at, '%Y-%m-%dT%H:%M:%S.%gZ') as at,
                    {_PAYLOAD if resource == "deals" else "payload"} as payload
                    where _load_number > (select min(load_number) from raw._loads where resource = '{resource}') {_IN_ONE_PIPELINE if resource == "deals" else ""}
                    order by _record_number)
                to '{folder / "news" / resource}' (format json)""")
    shutil.rmtree(folder / "made")
    shutil.copytree(settings.home, folder / "before", symlinks=True)


def land(settings: Settings, run_id: str, news: Path) -> None:
    """As extraction does it, once the answers are there."""
    for resource in _RESOURCES:
        lines = [json.loads(line) for line in (news / resource).read_text().splitlines()]
        folder = settings.landing_dir / "hubspot" / "4711" / resource / run_id
        writer = LandingWriter(folder, extracted_at="2026-06-02T02:00:00.000Z", run_id=run_id)
        writer.land(
            Record(line["_source_id"], line["at"], False, json.dumps(line["payload"]).encode()) for line in lines
        )
        writer.finish({
            "source_system": "hubspot", "account": "4711", "resource": resource, "run_id": run_id, "extracted_at": "2026-06-02T02:00:00.000Z",
            "data_through": "2026-06-02T01:55:00.000Z", "cursor_from": "2026-06-01T01:55:00.000Z", "cursor_to": "2026-06-02T01:55:00.000Z",
            "mode": "changes", "sweep_of": None, "pages": 1, "requests": 1, "control_totals": None,
        })  # fmt: skip


def night(folder: Path, is_safe: bool) -> dict[str, Any]:
    """CPU seconds of the night's steps, of this process and its children, seconds by the clock, and CPU seconds by part where they are on."""
    from tests.bench import safety_parts

    settings = settings_of(folder / "home")
    meter = safety_parts.Meter()
    before, began = os.times(), time.monotonic()
    with meter.measured() if is_safe else safety_parts.switched_off():
        run_id = steps.plan(settings, ["hubspot"], one_process=True)["run_id"]
        land(settings, run_id, folder / "news")
        loaded = steps.load(settings, run_id)
        built = steps.build(settings, run_id)
        steps.verify(settings, run_id)
        steps.publish(settings, run_id)
    after = os.times()
    assert (settings.published_dir / "marts.duckdb").resolve().stem == f"marts_{run_id}"
    return {
        "is_safe": is_safe,
        "cpu": sum(after[:4]) - sum(before[:4]),
        "wall": time.monotonic() - began,
        "rows": sum(each["rows_landed"] for each in loaded),
        "nodes": len(built["nodes"]),
        "warehouse_mb": settings.warehouse_file.stat().st_size / 1e6,
        "published_mb": sum(path.stat().st_size for path in (settings.marts_file, settings.detail_file)) / 1e6,
        "parts": dict(meter.seconds),
    }


def rounds(folder: Path, deals: int, count: int) -> None:
    """Pairs of nights, with and without, in turns which comes first; what earlier calls measured counts."""
    kept = folder / "rounds.jsonl"
    if not kept.exists():
        prepare(folder, deals)
        kept.touch()
    done = [json.loads(line) for line in kept.read_text().splitlines()]
    for number in range(len(done), 2 * count):
        is_safe = number % 4 in (0, 3)
        shutil.rmtree(folder / "home")
        shutil.copytree(folder / "before", folder / "home", symlinks=True)
        ran = subprocess.run(
            [sys.executable, "-m", "tests.bench.safety", "--folder", str(folder), "--once", "safe" if is_safe else "unsafe"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise SystemExit(ran.stderr[-3000:])
        line = ran.stdout.splitlines()[-1]
        with kept.open("a") as file:
            file.write(line + "\n")
        told = json.loads(line)
        print(
            f"{deals:,} deals, {'with' if is_safe else 'without'}: {told['cpu']:.2f} CPU-s", file=sys.stderr, flush=True
        )


def main() -> int:
    """Measures what is missing, prints the page, and writes it with --write. Exit code 1 when safety costs more than it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.safety", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "safety", help="where companies are made")
    parser.add_argument("--deals", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--once", choices=["safe", "unsafe"], help="one night in this process, on the folder as it is")
    given = parser.parse_args()
    folder: Path = given.folder.resolve()
    if given.once:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # a night's environment has none; the bench's has, and dbt would import it
        print(json.dumps(night(folder, given.once == "safe")), flush=True)
        os._exit(0)
    if given.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    measured = {}
    for deals in given.deals:
        rounds(folder / str(deals), deals, given.rounds)
        measured[deals] = [
            json.loads(line) for line in (folder / str(deals) / "rounds.jsonl").read_text().splitlines()
        ][: 2 * given.rounds]
    text, is_kept = page(measured)
    print(text)
    if given.write:
        PAGE.write_text(text)
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
